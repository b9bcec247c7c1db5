// The program that tells who can reach an address, and since when.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Who is asked. @typedef {{ address: string, mac: string }} Asked */

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
   * @param {Asked} endpoint
   * @param {number} from
   */
  async #ask(verb, { address, mac }, from) {
    this.#child.stdin.write(`${verb} ${address} ${mac} ${from}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the witness ended");
    const times = String(value).trim().split(" ").map(BigInt);
    const others = times.filter((_, n) => n !== from);
    if (others.includes(0n)) throw new Error(`not all hosts reached ${address}`);
    return others;
  }

  /** When one was reached first. @param {Asked} endpoint @param {number} from */
  async come(endpoint, from) {
    return await this.#ask("come", endpoint, from);
  }

  /** When one was reached last. @param {Asked} endpoint @param {number} from */
  async go(endpoint, from) {
    return await this.#ask("go", endpoint, from);
  }

  close() {
    this.#child.kill();
  }
}
