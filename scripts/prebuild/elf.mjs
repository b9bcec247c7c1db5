// What a binary for Linux says of itself, as readelf (binutils) tells.

import { execFileSync } from "node:child_process";

/**
 * @typedef {object} Binary
 * @property {string} machine "Advanced Micro Devices X86-64", "AArch64"
 * @property {string[]} libraries that it needs
 * @property {string[]} imports without their versions
 * @property {string[]} exports
 * @property {string[]} versions "GLIBC_2.17", of what it imports
 * @property {boolean} staticThreads whether its variables of threads have to be there when a process
 *   starts, which is too late for a library that is loaded then
 * @property {boolean} stays whether it is never unloaded
 * @property {boolean} executableStack
 */

/** @param {string} path @param {string[]} options */
function readelf(path, ...options) {
  return execFileSync("readelf", ["--wide", ...options, path], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
}

/** @param {string} text @param {RegExp} pattern @returns {string[]} */
function all(text, pattern) {
  return [...new Set([...text.matchAll(pattern)].map(([, first = ""]) => first))];
}

/** @param {string} path @returns {Binary} */
export function readBinary(path) {
  const header = readelf(path, "--file-header");
  const dynamic = readelf(path, "--dynamic");
  const segments = readelf(path, "--program-headers");
  // Number, value, size, type, binding, visibility, section, name@version.
  const symbols = readelf(path, "--dyn-syms")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([number, , , , binding]) => /^\d+:$/.test(number ?? "") && binding !== "LOCAL")
    .map(([, , , , , , section = "", name = ""]) => ({ section, name }));
  const imported = symbols.filter(({ section }) => section === "UND").map(({ name }) => name);
  const shown = symbols.filter(({ section }) => section !== "UND").map(({ name }) => name);
  return {
    machine: all(header, /Machine:\s+(.*)/g)[0] ?? "",
    libraries: all(dynamic, /\(NEEDED\).*\[(.*)\]/g),
    imports: imported.map((name) => name.replace(/@.*/, "")),
    exports: shown.map((name) => name.replace(/@.*/, "")),
    versions: all(imported.join("\n"), /@+(\S+)/g),
    staticThreads: /\bSTATIC_TLS\b/.test(dynamic),
    stays: /\bNODELETE\b/.test(dynamic),
    executableStack: /GNU_STACK.*RWE/.test(segments),
  };
}
