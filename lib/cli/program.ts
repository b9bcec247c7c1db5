// A program in a namespace that takes this command's place as far as a child can.

import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { type Namespace, spawn } from "../index.ts";

/** Signals that are the program's to answer. */
const handedOn = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** What a shell says of a command that it cannot start. */
const startFailures: Readonly<Record<string, number>> = { ENOENT: 127, EACCES: 126 };

/** Catches signals for a program, from before it is there. */
export class SignalRelay implements Disposable {
  readonly #pending: NodeJS.Signals[] = [];
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #program: ChildProcess | undefined;

  constructor() {
    for (const signal of handedOn) {
      const handler = () => this.#take(signal);
      this.#handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  #take(signal: NodeJS.Signals): void {
    if (this.#program === undefined) this.#pending.push(signal);
    // A terminal sends these two to all that run in front of it, the program included.
    else if (!process.stdin.isTTY || (signal !== "SIGINT" && signal !== "SIGQUIT")) {
      this.#program.kill(signal);
    }
  }

  /** Hands on what has come, and what comes from now on. */
  handTo(program: ChildProcess): void {
    this.#program = program;
    for (const signal of this.#pending.splice(0)) program.kill(signal);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }
}

function exitOf(program: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    program.once("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/**
 * Runs a program with this command's standard streams, hands signals on to it, and resolves with its
 * exit code: as shells have it, 128 and the signal if one ended it, 127 if there is no such program,
 * and 126 if it cannot be executed.
 */
export async function runProgram(
  namespace: Namespace,
  line: readonly string[],
  signals: SignalRelay,
): Promise<number> {
  const [file = "", ...args] = line;
  try {
    const program = await spawn(namespace, file, args, { stdio: "inherit" });
    const ended = exitOf(program);
    signals.handTo(program);
    return await ended;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const exitCode = startFailures[String(code)];
    if (exitCode === undefined) throw error;
    const why = exitCode === 127 ? "there is no such program" : "it cannot be executed";
    process.stderr.write(`vethwork: ${JSON.stringify(file)}: ${why}\n`);
    return exitCode;
  }
}
