// The other end of `host.mjs`: a controller in another process, and how it is ended.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("host.mjs", import.meta.url));

/** What a controller in another process refused. */
export class Refusal extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * @typedef {object} RemoteOptions
 * @property {string} host
 * @property {string} name
 * @property {string} [address] without it, the host's place is not kept
 * @property {string} endpoint
 * @property {string} prefix
 * @property {number} [ttlMs]
 */

/** A controller in another process. */
export class Remote {
  /** @param {RemoteOptions} options */
  constructor({ host, name, address = "-", endpoint, prefix, ttlMs = 3000 }) {
    const args = [script, host, name, address, endpoint, prefix, String(ttlMs)];
    this.child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.ended = once(this.child, "close");
    /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
    this.waiting = new Map();
    this.count = 0;
    /** @type {Promise<void>} */
    this.open = new Promise((resolve, reject) => this.waiting.set(0, { resolve, reject }));
    this.open.catch(() => undefined);
    createInterface({ input: this.child.stdout }).on("line", (line) => this.hear(line));
    this.child.stdin.on("error", () => undefined);
    this.ended.then(() => {
      for (const { reject } of this.waiting.values()) reject(new Refusal("ENDED", "it has ended"));
      this.waiting.clear();
    });
  }

  /** @param {string} line */
  hear(line) {
    const { id, value, code, message } = JSON.parse(line);
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (code === undefined) waiting?.resolve(value);
    else waiting?.reject(new Refusal(code, message));
  }

  /**
   * Calls a method of the controller.
   *
   * @param {string} verb
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  async call(verb, ...args) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      throw new Refusal("ENDED", "it has ended");
    }
    this.count += 1;
    const id = this.count;
    const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.child.stdin.write(`${JSON.stringify({ id, verb, args })}\n`);
    return await answer;
  }

  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async close() {
    await this.call("close");
    await this.ended;
  }
}
