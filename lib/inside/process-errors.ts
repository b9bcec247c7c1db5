// The errors of processes, in the form that Node gives its own.

import { getSystemErrorName } from "node:util";

/** Those that `child_process.spawn()` tells by an event, with the file; the others it throws. */
const codesWithFile = ["EACCES", "EAGAIN", "EMFILE", "ENFILE", "ENOENT"];

/** `spawn ip ENOENT`: the program could not be started. `errno` is positive. */
export function startError(errno: number, file: string, args: readonly string[]): Error {
  const code = getSystemErrorName(-errno);
  const facts = codesWithFile.includes(code)
    ? { syscall: `spawn ${file}`, path: file, spawnargs: [...args] }
    : { syscall: "spawn" };
  return Object.assign(new Error(`${facts.syscall} ${code}`), { errno: -errno, code, ...facts });
}

/** The work was given up before there was a process. */
export function abortError(signal: AbortSignal): Error {
  const error = new Error("The operation was aborted", { cause: signal.reason });
  return Object.assign(error, { name: "AbortError", code: "ABORT_ERR" });
}

/** A program wrote more than there was room for. */
export function overflowError(stream: "stdout" | "stderr"): RangeError {
  const error = new RangeError(`${stream} maxBuffer length exceeded`);
  return Object.assign(error, { code: "ERR_CHILD_PROCESS_STDIO_MAXBUFFER" });
}

/** A program failed: it ended with a code other than 0, or by a signal. */
export function commandError(
  command: string,
  errors: string,
  end: { code: number | null; killed: boolean; signal: NodeJS.Signals | null },
): Error {
  return Object.assign(new Error(`Command failed: ${command}\n${errors}`), end);
}
