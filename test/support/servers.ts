// Servers that tests start on the loopback of their namespace, end, stop, and have go on.

import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Where they serve. */
export const host = "127.0.0.1";

/** One of those that no connection is given by the kernel, though its listener is away for a while. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const listening = once(server.listen(port, host), "listening");
    const isFree = await listening.then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Whether no thread of a process runs. */
async function isStopped(process: number | undefined): Promise<boolean> {
  const threads = await readdir(`/proc/${process}/task`);
  const states = threads.map(async (thread) => {
    const path = `/proc/${process}/task/${thread}/status`;
    const status = await readFile(path, "utf8").catch(() => undefined);
    return status === undefined || /^State:\tT/m.test(status);
  });
  return (await Promise.all(states)).every((stopped) => stopped);
}

/** A server, which can be ended or stopped, and go on with what it has. */
export abstract class ServerProcess {
  readonly #file: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  /** The last that it has said of what went wrong. */
  #complaint = "";

  constructor(file: string, args: readonly string[]) {
    this.#file = file;
    this.#args = args;
  }

  /** Whether it says that it serves; may reject if it does not. */
  protected abstract serves(): Promise<boolean>;

  launch(): void {
    this.#complaint = "";
    this.#child = spawn(this.#file, [...this.#args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr?.on("data", (data) => {
      this.#complaint = `${this.#complaint}${data}`.slice(-1000);
    });
  }

  /** Waits until it serves. */
  async ready(): Promise<void> {
    const deadline = performance.now() + 50_000;
    for (;;) {
      if (await this.serves().catch(() => false)) return;
      if (this.#child?.exitCode !== null) {
        throw new Error(`${this.#file} has ended: ${this.#complaint}`);
      }
      if (performance.now() > deadline) throw new Error(`${this.#file} does not serve`);
      await sleep(50);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = child.exitCode === null && child.signalCode === null && once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async restart(): Promise<void> {
    await this.kill();
    this.launch();
    await this.ready();
  }

  /**
   * Nothing is done any more, though connections are taken. One of its threads has to run to be told so;
   * until then the others go on.
   */
  async stop(): Promise<void> {
    const child = this.#child;
    child?.kill("SIGSTOP");
    while (child?.exitCode === null && !(await isStopped(child.pid))) await sleep(1);
  }

  goOn(): void {
    this.#child?.kill("SIGCONT");
  }
}
