// Programs inside a namespace, run to their end, with what they wrote.

import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { invalidArgument } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { start } from "./launcher.ts";
import { commandError, overflowError } from "./process-errors.ts";
import {
  type Check,
  checkCommand,
  type ProcessOptions,
  processChecks,
  text,
} from "./process-options.ts";

/** How `exec` runs a program. */
export interface ExecOptions extends ProcessOptions {
  /** What its output is read as; `"buffer"` or null leaves it bytes. Default: utf8. */
  readonly encoding?: BufferEncoding | "buffer" | null | undefined;
  /** How many bytes of either output there is room for. Default: 1048576. */
  readonly maxBuffer?: number | undefined;
  /** What it reads from its standard input. Default: nothing. */
  readonly input?: string | Uint8Array | undefined;
}

/** What a program wrote. */
export interface ExecResult<Output = string> {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Its exit code: 0, or `exec` would have rejected. */
  readonly code: 0;
}

/** A program that failed, as `util.promisify(execFile)` tells it. */
export interface ExecError<Output = string> extends Error {
  /** Its exit code; null if a signal ended it; or the code of an error, `"ENOENT"`. */
  readonly code: number | string | null;
  /** Whether it was `exec` that killed it; absent if it was not started, or wrote too much. */
  readonly killed?: boolean;
  /** The signal that ended it. */
  readonly signal?: NodeJS.Signals | null;
  readonly stdout: Output;
  readonly stderr: Output;
  /** File and arguments, joined by blanks. */
  readonly cmd: string;
}

const size: Check = (property, value) => {
  if (typeof value !== "number") throw invalidArgument("type", property, "must be a number");
  if (!(value >= 0)) throw invalidArgument("range", property, "must be at least 0");
};

const checks: Readonly<Record<keyof ExecOptions, Check>> = {
  ...processChecks,
  encoding: (property, value) => {
    if (value === null || value === "buffer") return;
    text(property, value);
    if (!Buffer.isEncoding(String(value))) {
      throw invalidArgument("range", property, `${JSON.stringify(value)} is no encoding`);
    }
  },
  maxBuffer: size,
  input: (property, value) => {
    if (typeof value === "string" || value instanceof Uint8Array) return;
    throw invalidArgument("type", property, "must be a string or a Uint8Array");
  },
};

/** How a run ended. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was ended, unless for its time. */
  readonly cause: Error | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Keeps the first `room` bytes of a stream, and says when there are more. */
function collect(stream: Readable | null, room: number, overflow: () => void): () => Buffer {
  const parts: Buffer[] = [];
  let left = room;
  stream?.on("data", (part: Buffer) => {
    parts.push(part.subarray(0, left));
    if (part.length > left) overflow();
    left = Math.max(left - part.length, 0);
  });
  return () => Buffer.concat(parts);
}

/** Follows a child to its end, or ends it. */
function run(child: ChildProcess, options: ExecOptions): Promise<Ending> {
  const { input, maxBuffer = 1024 * 1024, timeout = 0, killSignal } = options;
  let cause: Error | undefined;
  const stop = (reason?: Error) => {
    cause ??= reason;
    // What the program has started may hold them open when it is gone itself.
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (!child.killed) child.kill(killSignal);
  };
  const stdout = collect(child.stdout, maxBuffer, () => stop(overflowError("stdout")));
  const stderr = collect(child.stderr, maxBuffer, () => stop(overflowError("stderr")));
  // Aborted, as a rule.
  child.on("error", stop);
  // A program may end without having read everything.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const timer = timeout > 0 ? setTimeout(stop, timeout) : undefined;
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, cause, stdout: stdout(), stderr: stderr() });
    });
  });
}

/** An error of starting with what belongs to one of `exec`; any other as it is. */
function completed(error: unknown, facts: object): unknown {
  const form = error instanceof Error && ("syscall" in error || error.name === "AbortError");
  return form ? Object.assign(error, facts) : error;
}

/**
 * Runs a program inside a namespace to its end and resolves with what it wrote; for what it finds
 * there, see {@link spawn}. Its standard input is empty unless `input` is given.
 *
 * It rejects, once the program has ended, as `util.promisify(execFile)` does: with an
 * {@link ExecError}.
 *
 * @throws {ExecError} if the program fails (its exit code is `code`), is killed by `timeout`
 *   (`killed`), is aborted (`ABORT_ERR`), writes too much (`ERR_CHILD_PROCESS_STDIO_MAXBUFFER`), or
 *   cannot be started (`ENOENT`, `EACCES`, …).
 * @throws {NetlinkError} `EPERM` without `CAP_SYS_ADMIN`, or where `/sys` may not be mounted.
 * @throws {TypeError} `ERR_NAMESPACE_CLOSED` if the handle was closed.
 * @throws {TypeError | RangeError} for arguments and options that cannot be.
 */
export async function exec(
  namespace: Namespace,
  file: string,
  args?: readonly string[],
  options?: ExecOptions & { readonly encoding?: BufferEncoding | undefined },
): Promise<ExecResult>;
export async function exec(
  namespace: Namespace,
  file: string,
  args: readonly string[] | undefined,
  options: ExecOptions & { readonly encoding: "buffer" | null },
): Promise<ExecResult<Buffer>>;
export async function exec(
  namespace: Namespace,
  file: string,
  args: readonly string[] = [],
  options: ExecOptions = {},
): Promise<ExecResult<string | Buffer>> {
  checkCommand(file, args, options, checks);
  const cmd = [file, ...args].join(" ");
  const { encoding = "utf8", maxBuffer, input, timeout, ...rest } = options;
  const shown = (bytes: Buffer): string | Buffer =>
    encoding === null || encoding === "buffer" ? bytes : bytes.toString(encoding);
  const stdin = input === undefined ? "ignore" : "pipe";
  let child: ChildProcess;
  try {
    child = await start(namespace, file, args, { ...rest, stdio: [stdin, "pipe", "pipe"] });
  } catch (error) {
    const nothing = shown(Buffer.alloc(0));
    throw completed(error, { cmd, stdout: nothing, stderr: nothing });
  }
  const { code, signal, cause, ...written } = await run(child, options);
  const stdout = shown(written.stdout);
  const stderr = shown(written.stderr);
  if (code === 0 && cause === undefined) return { stdout, stderr, code };
  const error = cause ?? commandError(cmd, String(stderr), { code, killed: child.killed, signal });
  throw Object.assign(error, { cmd, stdout, stderr });
}
