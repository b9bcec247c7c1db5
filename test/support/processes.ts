// What tests of child processes have in common.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";

/** How a child ended. */
export async function endOf(
  child: ChildProcess,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const [code, signal] = await once(child, "exit");
  return { code, signal };
}

/** All that a child writes to its standard output. */
export async function outputOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("its standard output is no pipe");
  return await text(child.stdout);
}

/** The processes that this one has started and not yet seen end, zombies included. */
export function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) =>
    (readFileSync(`/proc/self/task/${thread}/children`, "utf8").match(/\d+/g) ?? []).map(Number),
  );
}

/** How many descriptors this process has open. */
export function countDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** How many of them are sockets. */
export function countSockets(): number {
  const isSocket = (descriptor: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
    } catch {
      // The one by which the directory was read.
      return false;
    }
  };
  return readdirSync("/proc/self/fd").filter(isSocket).length;
}
