// Has runc run the program in a container, and gives what the program has said.

import { execFile, execFileSync } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { configurationOf, ordinaryUser } from "./configuration.mjs";

const run = promisify(execFile);

/** Milliseconds that a container has; the slowest take about four seconds. */
const timeout = 120_000;

/**
 * Sees to it that cgroups are mounted somewhere in the sandbox: runc, which can go without those that
 * are not its own, wants to see that the kernel has them.
 */
export function mountCgroups() {
  if (/ - cgroup2? /.test(readFileSync("/proc/self/mountinfo", "utf8"))) return;
  execFileSync("mount", ["-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"]);
}

/**
 * Has a container of that shape run its program to its end. Nothing of it is left, however it ends.
 *
 * @param {{ directory: string, root: string, given: string, signal: AbortSignal }} place
 * @param {string} name
 * @param {import("./configuration.mjs").Shape} shape
 * @returns {Promise<Record<string, import("./judge.mjs").Outcome>>}
 */
export async function runContainer({ directory, root, given, signal }, name, shape) {
  const bundle = join(directory, name);
  const state = join(bundle, "state");
  mkdirSync(state, { recursive: true });
  writeFileSync(
    join(bundle, "config.json"),
    JSON.stringify(configurationOf({ root, given }, shape)),
  );
  const user = shape.rootless ? { uid: ordinaryUser, gid: ordinaryUser } : {};
  if (shape.rootless) chownSync(state, ordinaryUser, ordinaryUser);
  // As it does for ordinary users, runc is to go without cgroups where they are not ours.
  const runc = ["--rootless=true", "--root", state];
  const line = [...runc, "run", "--no-new-keyring", "--bundle", bundle, name];
  try {
    const { stdout, stderr } = await run("runc", line, {
      ...user,
      timeout,
      signal,
      killSignal: "SIGKILL",
    });
    if (stderr !== "") throw new Error(`${name} has complained: ${stderr}`);
    return JSON.parse(stdout);
  } finally {
    await run("runc", [...runc, "delete", "--force", name], user);
  }
}
