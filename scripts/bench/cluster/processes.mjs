// The processes that the hosts' controllers are in, asked from the one that measures.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** @typedef {import("./hosts.mjs").Calls} Calls */

const script = fileURLToPath(new URL("hosts.mjs", import.meta.url));

/** One process. */
export class HostProcess {
  #child;
  #last = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  #asked = new Map();

  constructor() {
    this.#child = fork(script, { execArgv: ["--expose-gc"], serialization: "advanced" });
    this.#child.on("message", (/** @type {any} */ { id, result, error }) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(error));
    });
    this.#child.on("exit", () => {
      for (const { reject } of this.#asked.values()) reject(new Error("a process of hosts ended"));
    });
  }

  /**
   * @template {keyof Calls} C
   * @param {C} call
   * @param {Parameters<Calls[C]>} args
   * @returns {Promise<Awaited<ReturnType<Calls[C]>>>}
   */
  async ask(call, ...args) {
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    this.#child.send({ id, call, args });
    return /** @type {any} */ (await answer);
  }

  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  /** Has it end by itself. */
  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, "exit");
  }
}
