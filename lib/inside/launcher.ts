// Starts a program inside a namespace by way of the launcher, which enters and becomes it.

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { Readable } from "node:stream";
import { errorOfRefusal } from "../errors.ts";
import { launcherPath, native } from "../native.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";
import { abortError, startError } from "./process-errors.ts";
import type { SpawnOptions } from "./process-options.ts";

/** What a step before the last could not do, and what an EPERM or EACCES then means. */
const steps: Readonly<Record<string, { failure: string; forbidden?: string }>> = {
  enter: {
    failure: "the namespace could not be entered",
    forbidden:
      "needs CAP_SYS_ADMIN in the user namespaces of the process and of the namespace, " +
      "and a seccomp profile that allows setns()",
  },
  unshare: {
    failure: "it could not have mounts of its own",
    forbidden: "needs CAP_SYS_ADMIN, and a seccomp profile that allows unshare()",
  },
  separate: {
    failure: "its mounts could not be separated from those of this process",
    forbidden:
      'needs seccomp and AppArmor profiles that allow mount(); mounts: "shared" goes without',
  },
  sysfs: {
    failure: "a new sysfs could not be mounted",
    forbidden: 'as in most containers; mounts: "shared" goes without',
  },
  bind: { failure: "a file of the namespace could not be bound" },
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

/** The launcher under way. */
interface Launch {
  readonly child: ChildProcess;
  /** The streams that the child has for others. */
  readonly streams: ChildProcess["stdio"];
  /** What the launcher tells; missing where no descriptor was left for it. */
  readonly status: Readable | undefined;
}

/**
 * Starts the launcher. Until the program runs, the child shows no streams: Node reads them to their
 * end as soon as a child exits, whether somebody has had a chance to listen or not.
 */
function launch(
  { name }: Namespace,
  descriptor: number,
  { file, words }: Program,
  options: SpawnOptions,
): Launch {
  const { shell, argv0, uid, gid, mounts = "own", ...rest } = options;
  const streams = streamsOf(options);
  const place = [streams.length, streams.length + 1, mounts, name ?? ""];
  const user = [uid ?? "", gid ?? ""];
  const line = [...place, ...user, file, ...words].map(String);
  const stdio = [...streams, descriptor, "pipe" as const];
  const child = spawn(launcherPath(), line, { ...rest, stdio });
  const shown = (child.stdio ?? []).slice(0, streams.length) as unknown as ChildProcess["stdio"];
  const status = child.stdio?.at(-1) as Readable | undefined;
  Object.assign(child, { spawnfile: file, spawnargs: [...words], stdio: [] });
  return { child, streams: shown, status };
}

/** How it went. */
interface Outcome {
  /** What the launcher told, nothing if it became the program; or why Node could not start it. */
  readonly told: string | Error;
  /** Code and signal of a program that has ended already. */
  readonly end: readonly unknown[] | undefined;
}

function outcomeOf({ child, status }: Launch): Promise<Outcome> {
  return new Promise((resolve) => {
    let report = "";
    let end: unknown[] | undefined;
    const noteEnd = (...facts: unknown[]) => {
      end = facts;
    };
    const settle = (told: string | Error) => {
      status?.destroy();
      child.off("error", settle);
      child.off("exit", noteEnd);
      resolve({ told, end });
    };
    child.on("error", settle);
    child.on("exit", noteEnd);
    status?.setEncoding("utf8");
    status?.on("data", (part) => {
      report += part;
    });
    status?.on("error", settle);
    status?.on("end", () => settle(report));
  });
}

/**
 * Tells those who listen by now that the child has ended, which it did before anybody could: Node
 * looks for the end of all children as soon as it is told of one.
 */
function tellAgain(child: ChildProcess, end: readonly unknown[]): void {
  setImmediate(() => {
    child.emit("exit", ...end);
    for (const stream of child.stdio) {
      // Nobody reads it, and nobody will.
      if (stream instanceof Readable && stream.readableFlowing === null) stream.resume();
    }
  });
}

/** Waits until nothing is left of a child that nobody will see. */
async function bury({ child, streams }: Launch, { end }: Outcome): Promise<void> {
  for (const stream of streams) stream?.destroy();
  if (child.pid === undefined || end !== undefined) return;
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
}

/** The error for what the launcher told. */
function errorOfReport(report: string, { file, words }: Program): Error {
  const [, step = "", digits, path] = /^(\S+) (\d+) (.*)$/s.exec(report) ?? [];
  const errno = Number(digits);
  if (step === "start") return startError(errno, file, words.slice(1));
  const { failure = step, forbidden } = steps[step] ?? {};
  let detail = path ? `${failure} at ${path}` : failure;
  const { EACCES, EPERM } = constants.errno;
  if ([EACCES, EPERM].includes(errno) && forbidden !== undefined) detail += `, ${forbidden}`;
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
  let launched: Launch;
  try {
    launched = launch(namespace, descriptor, program, options);
  } catch (error) {
    throw translated(error, program);
  } finally {
    native().closeDescriptor(descriptor);
  }
  const { child, streams } = launched;
  const outcome = await outcomeOf(launched);
  const { told, end } = outcome;
  if (told !== "") {
    await bury(launched, outcome);
    throw typeof told === "string" ? errorOfReport(told, program) : translated(told, program);
  }
  Object.assign(child, { stdio: streams });
  if (end !== undefined) tellAgain(child, end);
  return child;
}
