// Gets a kernel from a Debian package: downloaded and unpacked once, never installed.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A kernel, and the directory of its modules, which is named like its release. */
/** @typedef {{ image: string, modules: string | undefined }} Kernel */

/** Where kernels stay: they are large, and the same for all checkouts. */
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "vethwork/kernels");

/**
 * What a program prints; an error that says what it wanted, if it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function run(command, args, cwd) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}

/**
 * The package with the kernel itself: linux-image-amd64 has nothing but a dependency upon it.
 *
 * @param {string} name
 */
function resolve(name) {
  if (/^linux-image-\d/.test(name)) return name;
  const record = run("apt-cache", ["show", "--no-all-versions", name]);
  const depends = /^Depends:.*\b(linux-image-\d[^\s,]*)/m.exec(record)?.[1];
  if (depends === undefined) throw new Error(`the package ${name} depends on no kernel`);
  return depends;
}

/**
 * The only thing in a directory whose name begins so.
 *
 * @param {string} directory
 * @param {string} [prefix]
 */
function onlyIn(directory, prefix = "") {
  const names = readdirSync(directory).filter((name) => name.startsWith(prefix));
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new Error(`there are ${names.length} of ${prefix}* in ${directory}, not one`);
  }
  return join(directory, name);
}

/** @param {string} directory @returns {Kernel} */
function kernelIn(directory) {
  return {
    image: onlyIn(join(directory, "boot"), "vmlinuz-"),
    modules: onlyIn(join(directory, "lib/modules")),
  };
}

/**
 * Downloads and unpacks a package. It comes to its place as a whole or not at all, whatever
 * interrupts this or does the same beside it.
 *
 * @param {string} name
 * @param {string} place
 */
function unpack(name, place) {
  console.error(`kernel: getting ${name}`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "unpacking-"));
  try {
    run("apt-get", ["download", "-q", name], work);
    run("dpkg-deb", ["--extract", onlyIn(work, "linux-image-"), join(work, "root")]);
    const { modules } = kernelIn(join(work, "root"));
    // Installing the package would have done this.
    const release = modules?.split("/").at(-1) ?? "";
    run("depmod", ["--basedir", join(work, "root"), release]);
    if (!existsSync(place)) renameSync(join(work, "root"), place);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * The kernel of a Debian package, or of the one that it depends on.
 *
 * @param {string} name
 * @returns {Kernel}
 */
export function kernelOfPackage(name) {
  const exact = resolve(name);
  const place = join(cache, exact);
  if (!existsSync(place)) unpack(exact, place);
  return kernelIn(place);
}
