// Finds a kernel's modules, and what has to be loaded before them.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What unpacks a module, by the ending of its name. */
const unpackers = /** @type {const} */ ({
  ".ko": "cat",
  ".ko.gz": "gunzip",
  ".ko.xz": "unxz",
  ".ko.zst": "unzstd",
});

/**
 * The name that the kernel knows a module's file by.
 *
 * @param {string} path
 */
function nameOf(path) {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

/**
 * The lines of an index that depmod or the kernel's build has made.
 *
 * @param {string} directory
 * @param {string} index
 */
function linesOf(directory, index) {
  const path = join(directory, index);
  if (!existsSync(path)) throw new Error(`${path} is missing: depmod makes it (Debian: kmod)`);
  return readFileSync(path, "utf8").trim().split("\n");
}

/**
 * The files of modules, each after those that it needs; without those that are built into the kernel.
 *
 * @param {string} directory
 * @param {readonly string[]} names
 */
function orderOf(directory, names) {
  const builtIn = new Set(linesOf(directory, "modules.builtin").map(nameOf));
  // What a module needs stands behind it, what is to be loaded first at the end.
  const files = new Map(
    linesOf(directory, "modules.dep").map((line) => {
      const [file = "", ...needed] = line.split(/:? +|:$/).filter(Boolean);
      return [nameOf(file), [...needed.reverse(), file]];
    }),
  );
  const missing = names.filter((name) => !files.has(name) && !builtIn.has(name));
  if (missing.length > 0) throw new Error(`the kernel of ${directory} lacks ${missing.join(", ")}`);
  return [...new Set(names.flatMap((name) => files.get(name) ?? []))];
}

/** @param {string} path */
function contentOf(path) {
  const ending = /** @type {keyof typeof unpackers} */ (/\.ko(\.\w+)?$/.exec(path)?.[0]);
  const { error, status, stdout } = spawnSync(unpackers[ending], {
    input: readFileSync(path),
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${path} cannot be unpacked`, { cause: error });
  return stdout;
}

/**
 * Modules and what they need, unpacked, in the order in which they can be loaded.
 *
 * @param {string} directory
 * @param {readonly string[]} names
 * @returns {Buffer[]}
 */
export function loadable(directory, names) {
  return orderOf(directory, names).map((file) => contentOf(join(directory, file)));
}
