// Starts a program inside a namespace by way of the launcher, which enters and becomes it.

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { errorOfRefusal } from "../errors.ts";
import { launcherPath, native } from "../native.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";
import { abortError, startError } from "./process-errors.ts";
import type { SpawnOptions } from "./process-options.ts";

/** Why a step before the last may be refused; see native/launcher for the steps. */
const explanations: Readonly<Record<string, string>> = {
  enter:
    "entering the namespace needs CAP_SYS_ADMIN in the user namespaces of the process and of the network namespace",
  unshare: "mounts of its own need CAP_SYS_ADMIN",
  separate: "its mounts cannot be separated from those of this process",
  sysfs: 'a new /sys may not be mounted, as in most containers; mounts: "shared" goes without',
  bind: "a file for the namespace cannot be bound",
};

/** What the launcher becomes. */
interface Program {
  readonly file: string;
  /** The arguments, with the program's own name in front. */
  readonly words: readonly string[];
}

/** The program that a file and arguments mean, by way of a shell or not. */
function programOf(file: string, args: readonly string[], options: SpawnOptions): Program {
  const { shell = false, argv0 } = options;
  if (shell === false) return { file, words: [argv0 ?? file, ...args] };
  const program = shell === true ? "/bin/sh" : shell;
  return { file: program, words: [argv0 ?? program, "-c", [file, ...args].join(" ")] };
}

/** The standard streams as an array, to which ours can be added. */
function streamsOf({ stdio = "pipe" }: SpawnOptions): Extract<SpawnOptions["stdio"], unknown[]> {
  const streams = typeof stdio === "string" ? [stdio, stdio, stdio] : [...stdio];
  while (streams.length < 3) streams.push("pipe");
  return streams;
}

/** Starts the launcher; what it tells comes by the stream, which is no longer one of the child's. */
function launch(
  { name }: Namespace,
  descriptor: number,
  { file, words }: Program,
  options: SpawnOptions,
): { child: ChildProcess; status: Readable | undefined } {
  const { shell, argv0, uid, gid, mounts = "own", ...rest } = options;
  const streams = streamsOf(options);
  const place = [streams.length, streams.length + 1, mounts, name ?? ""];
  const user = [uid ?? "", gid ?? ""];
  const line = [...place, ...user, file, ...words].map(String);
  const stdio = [...streams, descriptor, "pipe" as const];
  const child = spawn(launcherPath(), line, { ...rest, stdio });
  Object.assign(child, { spawnfile: file, spawnargs: [...words] });
  // Without a descriptor left for its pipes, it has no streams at all.
  const status = child.stdio?.at(-1) as Readable | undefined;
  child.stdio?.splice(streams.length);
  return { child, status };
}

/** What the launcher tells, nothing if it became the program; or why Node could not start it. */
function outcome(child: ChildProcess, status: Readable | undefined): Promise<string | Error> {
  return new Promise((resolve) => {
    let report = "";
    child.once("error", resolve);
    status?.setEncoding("utf8");
    status?.on("data", (part) => {
      report += part;
    });
    status?.once("error", resolve);
    status?.once("end", () => {
      status.destroy();
      child.off("error", resolve);
      resolve(report);
    });
  });
}

/** Waits until nothing is left of a child that nobody will see. */
async function bury(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  for (const stream of child.stdio) stream?.destroy();
  child.kill("SIGKILL");
  await closed;
}

/** The error for what the launcher told. */
function errorOfReport(report: string, { file, words }: Program): Error {
  const [, step = "", digits, path] = /^(\S+) (\d+) (.*)$/s.exec(report) ?? [];
  const errno = Number(digits);
  if (step === "start") return startError(errno, file, words.slice(1));
  const detail = explanations[step] + (path ? ` (${path})` : "");
  return errorOfRefusal("spawn", file, { errno, detail });
}

/** An error of Node's own, which is about the launcher, as one about the program. */
function translated(error: unknown, { file, words }: Program): unknown {
  if (!(error instanceof Error) || !("errno" in error)) return error;
  return startError(-Number(error.errno), file, words.slice(1));
}

/** Starts a program whose command line and options have been checked. */
export async function start(
  namespace: Namespace,
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ChildProcess> {
  if (options.signal?.aborted) throw abortError(options.signal);
  const program = programOf(file, args, options);
  const duplicate = native().duplicateNamespace(namespace);
  const descriptor = await explained("spawn", file, duplicate);
  let launched: ReturnType<typeof launch>;
  try {
    launched = launch(namespace, descriptor, program, options);
  } catch (error) {
    throw translated(error, program);
  } finally {
    native().closeDuplicate(descriptor);
  }
  const { child, status } = launched;
  const told = await outcome(child, status);
  if (told === "") return child;
  await bury(child);
  throw typeof told === "string" ? errorOfReport(told, program) : translated(told, program);
}
