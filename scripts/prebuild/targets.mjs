// The machines that binaries are made for, and where those lie in the package.

import { join } from "node:path";
import { root } from "../tree.mjs";

/** The oldest glibc that the binaries run with: that of RHEL 8 and Debian 10, as Node 20 itself. */
export const glibcFloor = "2.28";

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {"x64" | "arm64"} arch as Node calls it
 * @property {"glibc" | "musl"} libc
 * @property {string} triple as the compiler calls it
 */

/** @type {readonly Target[]} */
export const targets = [
  { name: "linux-x64-glibc", arch: "x64", libc: "glibc", triple: `x86_64-linux-gnu.${glibcFloor}` },
  { name: "linux-x64-musl", arch: "x64", libc: "musl", triple: "x86_64-linux-musl" },
  {
    name: "linux-arm64-glibc",
    arch: "arm64",
    libc: "glibc",
    triple: `aarch64-linux-gnu.${glibcFloor}`,
  },
  { name: "linux-arm64-musl", arch: "arm64", libc: "musl", triple: "aarch64-linux-musl" },
];

/** @param {Target} target */
export function addonOf({ arch, libc }) {
  return join(root, `prebuilds/linux-${arch}/vethwork.${libc}.node`);
}

/**
 * The launcher needs no C library, so there is one for both.
 *
 * @param {Target} target
 */
export function launcherOf({ arch }) {
  return join(root, `prebuilds/linux-${arch}/vethwork-launcher`);
}

/**
 * The targets that are named, or all; ends the process at a name that is none.
 *
 * @param {readonly string[]} names
 * @returns {Target[]}
 */
export function targetsNamed(names) {
  const known = targets.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`no such target: ${unknown.join(", ")}; there are ${known.join(", ")}`);
    process.exit(1);
  }
  return targets.filter(({ name }) => names.length === 0 || names.includes(name));
}
