// What a test must leave as it was: descriptors, threads, named namespaces and links.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { refuseUnknown } from "../errors.ts";
import { withoutFallbacks } from "./fallback-links.ts";

/** What there is of each kind: descriptors by what they are open on, the others by their names. */
export type Resources = Readonly<
  Record<"descriptors" | "threads" | "namespaces" | "links", readonly string[]>
>;

/** The library's pools: one for quick calls and one for deletions and moves, two threads each. */
const mostNativeThreads = 4;

/** Of libuv's own pool, which begins with the first call that needs it. Older Nodes give it no name. */
const poolThread = "libuv-worker";

/**
 * libuv opens it with the first stream of an event loop, to have a descriptor to give up when there
 * are no more (deps/uv/src/unix/stream.c). A process whose own streams are files has none before.
 */
const reserve = "/dev/null";

/** libuv keeps one for all files that are ever watched (deps/uv/src/unix/linux.c). */
const fileWatch = "anon_inode:inotify";

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not there, so nothing is in it
  }
}

/**
 * Descriptors by what they are open on. Each native thread keeps one on the namespace that it was
 * born in, to get back there.
 */
function descriptors(): string[] {
  return entriesOf("/proc/self/fd").flatMap((number) => {
    try {
      return [readlinkSync(`/proc/self/fd/${number}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** Threads by name. */
function threads(): string[] {
  return entriesOf("/proc/self/task").flatMap((id) => {
    try {
      return [readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim()];
    } catch {
      return []; // ended meanwhile
    }
  });
}

function links(): string[] {
  const table = readFileSync("/proc/self/net/dev", "utf8");
  return [...table.matchAll(/^\s*(\S+):/gm)].map(([, name = ""]) => name);
}

/** What the process has open, and what its namespace has, now. */
export function takeStock(): Resources {
  return {
    descriptors: descriptors(),
    threads: threads(),
    namespaces: entriesOf("/run/netns"),
    links: links(),
  };
}

/** Descriptors of one kind have different numbers in their names: sockets, pipes, namespaces. */
function kindOf(name: string): string {
  return name.replace(/\d+/g, "N");
}

/** Those of `after` that `before` does not account for, each name as often as it is too many. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const name of before) left.set(kindOf(name), (left.get(kindOf(name)) ?? 0) + 1);
  return after.filter((name) => {
    const count = left.get(kindOf(name)) ?? 0;
    left.set(kindOf(name), count - 1);
    return count <= 0;
  });
}

/** How leaks are looked for. */
export interface LeakOptions {
  /** Names of namespaces that are no leaks, such as those of tests in other processes. */
  readonly ignore?: (namespace: string) => boolean;
  /**
   * Milliseconds that are given for what goes a little later: links that the kernel takes away, pipes
   * to ended children. Default: 5000.
   */
  readonly patienceMs?: number;
}

async function leaksBetween(
  before: Resources,
  after: Resources,
  ignore: (namespace: string) => boolean,
): Promise<string[]> {
  const more = (what: keyof Resources): string[] => added(before[what], after[what]);
  const threads = more("threads").filter((name) => name !== poolThread);
  const home = readlinkSync("/proc/self/ns/net");
  const descriptors = more("descriptors");
  const expected = new Map([
    [home, mostNativeThreads],
    [reserve, 1],
    [fileWatch, 1],
  ]);
  const isExpected = (name: string): boolean =>
    descriptors.filter((other) => other === name).length <= (expected.get(name) ?? 0);
  const leaks = {
    descriptors: descriptors.filter((name) => !isExpected(name)),
    namespaces: after.namespaces.filter(
      (name) => !before.namespaces.includes(name) && !ignore(name),
    ),
    links: await withoutFallbacks(after.links.filter((name) => !before.links.includes(name))),
    threads: threads.length > mostNativeThreads ? threads : [],
  };
  return Object.entries(leaks)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} left behind: ${names.join(", ")}`);
}

/**
 * What is there and was not when stock was taken, as sentences; none if nothing is left. The
 * library's own worker threads, which live as long as the process, do not count, and neither do the
 * links that modules of tunnels put into each namespace (`tunl0`, `gre0`, `sit0`, …).
 *
 * @throws {TypeError} if an option is unknown.
 */
export async function leaksSince(
  before: Resources,
  options: LeakOptions = {},
): Promise<readonly string[]> {
  refuseUnknown("options", options, ["ignore", "patienceMs"]);
  const { ignore = () => false, patienceMs = 5000 } = options;
  const deadline = performance.now() + patienceMs;
  let leaks = await leaksBetween(before, takeStock(), ignore);
  while (leaks.length > 0 && performance.now() < deadline) {
    await sleep(20);
    leaks = await leaksBetween(before, takeStock(), ignore);
  }
  return leaks;
}

/** The hooks of a test runner: vitest's, or those of `node:test`. */
export interface LeakHooks {
  /** What registers a function to run before each test: `beforeEach`. */
  readonly before: (hook: () => void) => void;
  /** What registers a function to run after each test: `afterEach`. */
  readonly after: (hook: () => Promise<void>) => void;
}

/**
 * Has each test (`beforeEach`, `afterEach`) or each file (`beforeAll` or `before`, `afterAll` or
 * `after`) fail that leaves something behind, and say what.
 *
 * ```ts
 * checkLeaks({ before: beforeEach, after: afterEach });
 * ```
 */
export function checkLeaks({ before, after }: LeakHooks, options: LeakOptions = {}): void {
  let stock = takeStock();
  before(() => {
    stock = takeStock();
  });
  after(async () => {
    const leaks = await leaksSince(stock, options);
    if (leaks.length > 0) throw new Error(leaks.join("; "));
  });
}
