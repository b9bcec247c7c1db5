// What a process inside a namespace may be started with, and whether it can be.

import type { StdioOptions } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { invalidArgument, refuseUnknown } from "../errors.ts";

/** How any program is started: what `child_process` takes too, and {@link mounts}. */
export interface ProcessOptions {
  /** The directory that it starts in. Default: that of this process. */
  readonly cwd?: string | URL | undefined;
  /** Its whole environment, whose `PATH` the file is looked for in. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What it finds as its own name, `argv[0]`. Default: the file. */
  readonly argv0?: string | undefined;
  /** The user that it runs as, 0 to 4294967294, which it becomes after it is inside. */
  readonly uid?: number | undefined;
  /** The group that it runs as, likewise; with either, it has no supplementary groups. */
  readonly gid?: number | undefined;
  /** A shell that file and arguments are a line for, joined by blanks, unquoted; true: `/bin/sh`. */
  readonly shell?: boolean | string | undefined;
  /** Kills it when it is aborted; it is not started if that has happened. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that it may run, up to 2147483647. Default: 0, no limit. */
  readonly timeout?: number | undefined;
  /** What `signal` and `timeout` send. Default: SIGTERM. */
  readonly killSignal?: NodeJS.Signals | number | undefined;
  /** Means nothing on Linux. */
  readonly windowsHide?: boolean | undefined;
  /**
   * `"own"`: mounts of its own, as `ip netns exec` makes them: `/sys` shows the namespace, and the
   * files below `/etc/netns/NAME` lie over those in `/etc`. `"shared"`: those of this process,
   * whose `/sys` shows another namespace; for containers, most of which forbid the former.
   * Default: own.
   */
  readonly mounts?: "own" | "shared" | undefined;
}

/** How `spawn` starts a program. */
export interface SpawnOptions extends ProcessOptions {
  /** As for `child_process.spawn()`. Default: pipes. */
  readonly stdio?: StdioOptions | undefined;
  /** Whether it leads a session and process group of its own. Default: false. */
  readonly detached?: boolean | undefined;
  /** How messages by an `"ipc"` channel are written. Default: json. */
  readonly serialization?: "json" | "advanced" | undefined;
}

/** Checks a value that is not undefined. */
export type Check = (property: string, value: unknown) => void;

/** Text that a C string can hold. */
export const text: Check = (property, value) => {
  if (typeof value !== "string") throw invalidArgument("type", property, "must be a string");
  if (value.includes("\0")) throw invalidArgument("range", property, "must not contain NUL");
};

const nonEmptyText: Check = (property, value) => {
  text(property, value);
  if (value === "") throw invalidArgument("range", property, "must not be empty");
};

const flag: Check = (property, value) => {
  if (typeof value !== "boolean") throw invalidArgument("type", property, "must be true or false");
};

function integer(largest: number): Check {
  return (property, value) => {
    if (typeof value !== "number") throw invalidArgument("type", property, "must be a number");
    if (!(Number.isInteger(value) && value >= 0 && value <= largest)) {
      throw invalidArgument("range", property, `must be an integer from 0 to ${largest}`);
    }
  };
}

function oneOf(...words: readonly string[]): Check {
  return (property, value) => {
    if (!words.some((word) => word === value)) {
      throw invalidArgument("range", property, `must be one of "${words.join('", "')}"`);
    }
  };
}

function directory(property: string, value: unknown): void {
  if (!(value instanceof URL)) {
    text(property, value);
    return;
  }
  if (value.protocol !== "file:" || value.host !== "") {
    throw invalidArgument("range", property, "must be a URL of a local file");
  }
  text(property, fileURLToPath(value));
}

function environment(property: string, value: unknown): void {
  if (typeof value !== "object" || value === null) {
    throw invalidArgument("type", property, "must be an object");
  }
  for (const [name, content] of Object.entries(value)) {
    text(`${property}.${name}`, name);
    if (content !== undefined) text(`${property}.${name}`, content);
  }
}

function abortSignal(property: string, value: unknown): void {
  if (typeof value !== "object" || value === null || !("aborted" in value)) {
    throw invalidArgument("type", property, "must be an AbortSignal");
  }
}

function signalName(property: string, value: unknown): void {
  if (typeof value !== "string" && typeof value !== "number") {
    throw invalidArgument("type", property, "must be the name or the number of a signal");
  }
  const known = Object.entries(constants.signals).some((signal) => signal.includes(value));
  if (!known) throw invalidArgument("range", property, `${value} is no signal`);
}

const streamKinds = ["pipe", "ignore", "inherit", "overlapped"];

function streams(property: string, value: unknown): void {
  if (!Array.isArray(value)) {
    oneOf(...streamKinds)(property, value);
    return;
  }
  for (const [position, stream] of value.entries()) {
    // Objects are streams or have a descriptor, or Node refuses them.
    if (stream === undefined || typeof stream === "object") continue;
    const place = `${property}[${position}]`;
    if (typeof stream === "number") integer(0x7fffffff)(place, stream);
    else oneOf(...streamKinds, "ipc")(place, stream);
  }
  const channels = value.filter((stream) => stream === "ipc");
  if (channels.length > 1) throw invalidArgument("range", property, 'at most one "ipc"');
}

/** For each option of any program its check. */
export const processChecks: Readonly<Record<keyof ProcessOptions, Check>> = {
  cwd: directory,
  env: environment,
  argv0: text,
  uid: integer(0xfffffffe),
  gid: integer(0xfffffffe),
  shell: (property, value) => (typeof value === "string" ? nonEmptyText : flag)(property, value),
  signal: abortSignal,
  timeout: integer(0x7fffffff),
  killSignal: signalName,
  windowsHide: flag,
  mounts: oneOf("own", "shared"),
};

/** For each option of `spawn` its check. */
export const spawnChecks: Readonly<Record<keyof SpawnOptions, Check>> = {
  ...processChecks,
  stdio: streams,
  detached: flag,
  serialization: oneOf("json", "advanced"),
};

/** Refuses a command line, or options, that cannot be. */
export function checkCommand(
  file: unknown,
  args: unknown,
  options: object,
  checks: Readonly<Record<string, Check>>,
): void {
  nonEmptyText("file", file);
  if (!Array.isArray(args)) throw invalidArgument("type", "args", "must be an array");
  for (const [position, arg] of args.entries()) text(`args[${position}]`, arg);
  refuseUnknown("options", options, Object.keys(checks));
  for (const [property, value] of Object.entries(options)) {
    if (value !== undefined) checks[property]?.(property, value);
  }
}
