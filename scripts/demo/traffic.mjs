// Real TCP between namespaces, from processes that nsenter(1) starts inside them.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** @typedef {import("./agent.mjs").Report} Report */

const agentFile = fileURLToPath(new URL("agent.mjs", import.meta.url));
const port = 4000;

/** A process inside a named namespace that answers and makes connections. */
export class Agent {
  #process;
  #nextId = 0;
  #waiting =
    /** @type {Map<number, { resolve: (report: Report) => void, reject: (error: Error) => void }>} */ (
      new Map()
    );

  /** @param {string} name */
  constructor(name) {
    this.name = name;
    // fork() gives the process a channel to talk over; nsenter passes it on.
    this.#process = fork(agentFile, [name, String(port)], {
      execPath: "nsenter",
      execArgv: [`--net=/run/netns/${name}`, "--", process.execPath],
    });
    this.#process.on("message", (message) => {
      if (message === "listening") return;
      const report = /** @type {Report} */ (message);
      this.#waiting.get(report.id)?.resolve(report);
      this.#waiting.delete(report.id);
    });
    this.#process.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`agent ${name} ended`));
    });
  }

  /**
   * Starts one agent in each of the namespaces and waits until all listen.
   *
   * @param {string[]} names
   */
  static async startAll(names) {
    const agents = names.map((name) => new Agent(name));
    await Promise.all(agents.map((agent) => agent.#listening()));
    return agents;
  }

  async #listening() {
    const [message] = await Promise.race([
      once(this.#process, "message"),
      once(this.#process, "exit"),
    ]);
    if (message !== "listening") throw new Error(`no process could be started in ${this.name}`);
  }

  /**
   * Connects to an address from inside, sends so many bytes and waits for their echo.
   *
   * @param {string} address
   * @param {{ bytes?: number, timeoutMs?: number }} [options]
   * @returns {Promise<Report>}
   */
  async reach(address, { bytes = 32, timeoutMs = 400 } = {}) {
    const id = this.#nextId++;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, address, bytes, timeoutMs });
    });
  }

  /** Ends the process and waits until it has left the namespace. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.disconnect();
    await exit;
  }
}
