// Holds the binaries of the package to what is promised of them, and runs them where this machine
// can.
//
//   npm run prebuilds:check                      those that are there
//   npm run prebuilds:check -- linux-x64-musl    these, which have to be there and to run

import { existsSync, statSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import headers from "node-api-headers";
import { root } from "../tree.mjs";
import { readBinary } from "./elf.mjs";
import { run } from "./run.mjs";
import { addonOf, glibcFloor, launcherOf, targets, targetsNamed } from "./targets.mjs";

/** @typedef {import("./targets.mjs").Target} Target */

const mostBytes = 1_000_000;
const machines = { x64: "Advanced Micro Devices X86-64", arm64: "AArch64" };

/** By these Node finds the addon. */
const entries = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];

const { v8 } = headers.symbols;
const nodeApi = new Set([...v8.js_native_api_symbols, ...v8.node_api_symbols]);

/** The C library by the names of its parts; musl's is one, and answers to all of them. */
const libraries = {
  glibc: /^(lib(c|m|pthread|dl|rt)\.so\.\d|ld-linux-(x86-64|aarch64)\.so\.\d)$/,
  musl: /^libc\.so$/,
};

/** @param {string} version "2.28" */
function order(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 1000 + minor;
}

/**
 * What is wrong with an addon.
 *
 * @param {Target} target
 * @param {string} path
 */
function faultsOfAddon({ arch, libc }, path) {
  const binary = readBinary(path);
  const { size } = statSync(path);
  const others = binary.libraries.filter((name) => !libraries[libc].test(name));
  const newer = binary.versions.filter((version) => {
    const [, number] = /^GLIBC_(\d[\d.]*)$/.exec(version) ?? [];
    return libc === "musl" || number === undefined || order(number) > order(glibcFloor);
  });
  const calls = binary.imports.filter((name) => /^(napi|node_api)_/.test(name));
  const unknown = calls.filter((name) => !nodeApi.has(name));
  const shown = binary.exports.filter((name) => !entries.includes(name));
  const missing = entries.filter((name) => !binary.exports.includes(name));
  return [
    size > mostBytes && `has ${size} bytes, more than ${mostBytes}`,
    binary.machine !== machines[arch] && `is for ${binary.machine}`,
    others.length > 0 && `needs ${others}`,
    newer.length > 0 && `needs ${newer}, newer than glibc ${glibcFloor}`,
    calls.length === 0 && "calls nothing of Node-API",
    unknown.length > 0 && `calls ${unknown}, which Node-API 8 does not have`,
    shown.length > 0 && `shows ${shown}`,
    missing.length > 0 && `does not show ${missing}`,
    binary.staticThreads && "has variables of threads that a loaded library cannot have",
    !binary.stays && "is unloaded, with its threads in it",
    binary.executableStack && "wants an executable stack",
  ].filter((fault) => fault !== false);
}

/** @param {Target} target @param {string} path */
function faultsOfLauncher({ arch }, path) {
  const binary = readBinary(path);
  const { size, mode } = statSync(path);
  return [
    size > 16_384 && `has ${size} bytes, more than a launcher has`,
    (mode & 0o111) !== 0o111 && "may not be executed",
    binary.machine !== machines[arch] && `is for ${binary.machine}`,
    binary.libraries.length > 0 && `needs ${binary.libraries}`,
    binary.imports.length > 0 && `needs ${binary.imports}`,
    binary.executableStack && "wants an executable stack",
  ].filter((fault) => fault !== false);
}

/**
 * Prints what was found, and returns whether all is well.
 *
 * @param {readonly Target[]} checked
 * @param {boolean} strictly whether each has to run, or where this machine can
 */
export function checkPrebuilds(checked, strictly) {
  let sound = true;
  for (const target of checked) {
    for (const [path, faultsOf] of /** @type {const} */ ([
      [addonOf(target), faultsOfAddon],
      [launcherOf(target), faultsOfLauncher],
    ])) {
      const faults = existsSync(path) ? faultsOf(target, path) : ["is missing"];
      for (const fault of faults) console.error(`${relative(root, path)} ${fault}`);
      sound &&= faults.length === 0;
    }
    if (!existsSync(addonOf(target))) continue;
    const { ran, told } = run(target);
    console.log(`${target.name}: ${statSync(addonOf(target)).size} bytes, ${told}`);
    sound &&= ran ?? !strictly;
  }
  return sound;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  const there = targets.filter((target) => existsSync(addonOf(target)));
  const checked = names.length > 0 ? targetsNamed(names) : there;
  if (checked.length === 0)
    console.error("no binaries in prebuilds/: npm run prebuilds makes them");
  process.exitCode = checkPrebuilds(checked, names.length > 0) && checked.length > 0 ? 0 : 1;
}
