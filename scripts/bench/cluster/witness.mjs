// The program that tells who can reach an address, and since when.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Asks from sandboxes, all of which it enters once. */
export class Witness {
  #child;
  #lines;

  /** @param {readonly string[]} command @param {readonly string[]} sandboxes */
  constructor([program = "", ...first], sandboxes) {
    const child = spawn(program, [...first, ...sandboxes], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Nanoseconds of the clock at which an address came to be reached, or was reached last, in each
   * sandbox but that of a number.
   *
   * @param {"come" | "go"} verb
   * @param {string} address
   * @param {number} from
   */
  async #ask(verb, address, from) {
    this.#child.stdin.write(`${verb} ${address} ${from}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the witness ended");
    const times = String(value).trim().split(" ").map(BigInt);
    const others = times.filter((_, n) => n !== from);
    if (others.includes(0n)) throw new Error(`not all hosts reached ${address}`);
    return others;
  }

  /** When an address was reached first. @param {string} address @param {number} from */
  async come(address, from) {
    return await this.#ask("come", address, from);
  }

  /** When an address was reached last. @param {string} address @param {number} from */
  async go(address, from) {
    return await this.#ask("go", address, from);
  }

  close() {
    this.#child.kill();
  }
}
