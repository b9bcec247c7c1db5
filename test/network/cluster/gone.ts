// What tests of hosts that are gone have in common: when one is, and what one that comes back has left.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import type { Store } from "../../../lib/network/index.ts";
import { inside } from "../../support/sandbox.ts";
import type { Host } from "./lab.ts";

const run = promisify(execFile);

/** Waits until nobody keeps a host's place, serves its names, or has the lock of its plan. */
export async function untilGone(store: Store, name: string): Promise<void> {
  const signs = async () => {
    const { entries } = await store.list("");
    const keys = [`cluster/hosts/${name}`, `hosts/${name}/lock`, `hosts/${name}/names`];
    return entries.map(({ key }) => key).filter((key) => keys.includes(key));
  };
  await expect.poll(signs, { timeout: 60_000 }).toEqual([]);
}

/**
 * What a host's doctor finds of what no plan has, by its kind, after it was done as the doctor says.
 *
 * @param ids those of the networks of which it can have parts
 */
export async function follow(
  { host, controller }: Pick<Host, "host" | "controller">,
  ids: readonly string[],
): Promise<string[]> {
  const isOurs = (text: string) =>
    [`-${process.pid}-`, ...ids.map((id) => id.slice(0, 12))].some((part) => text.includes(part));
  const found = (await controller.doctor()).filter(
    // Of other tests, there may be namespaces.
    ({ code, subject }) => code === "ORPHAN" && (!/namespace/.test(subject) || isOurs(subject)),
  );
  for (const { subject, fix } of found) {
    const command = fix.slice(fix.indexOf("ip "));
    if (/namespace/.test(subject)) await run("sh", ["-c", command]);
    else await inside(host, "sh", "-c", command);
  }
  return found.map(({ subject }) => subject.replace(/^the (\w+) .*/, "$1")).toSorted();
}
