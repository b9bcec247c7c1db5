// What a test file must leave as it was: descriptors, threads, namespaces and links.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A kind of resource, by the names of those that exist. */
export type Resources = Readonly<
  Record<"descriptors" | "threads" | "namespaces" | "links", string[]>
>;

/** The library's pools: one for quick calls and one for deletions and moves, two threads each. */
const mostNativeThreads = 4;

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

/** What there is now. */
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

/** True for the namespaces of tests that run in another process at the same time. */
function foreign(name: string): boolean {
  return name.startsWith("vethwork-") && !name.startsWith(`vethwork-${process.pid}-`);
}

/** What is left behind, as sentences; empty if nothing is. */
export function leaksBetween(before: Resources, after: Resources): string[] {
  const more = (what: keyof Resources): string[] => added(before[what], after[what]);
  const threads = more("threads");
  const home = readlinkSync("/proc/self/ns/net");
  const descriptors = more("descriptors");
  const homes = descriptors.filter((name) => name === home);
  const leaks = {
    descriptors:
      homes.length > mostNativeThreads ? descriptors : descriptors.filter((name) => name !== home),
    namespaces: after.namespaces.filter(
      (name) => !before.namespaces.includes(name) && !foreign(name),
    ),
    links: after.links.filter((name) => !before.links.includes(name)),
    threads: threads.length > mostNativeThreads ? threads : [],
  };
  return Object.entries(leaks)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} left behind: ${names.join(", ")}`);
}
