// Finds the rivals that this machine has, and builds those that are sources.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Why a command failed; undefined if it did not.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function failure(command, args, env = {}) {
  const { error, status, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (error) return `${command} is not installed`;
  return status === 0 ? undefined : (stderr.trim().split("\n")[0] ?? `${command} failed`);
}

/** @typedef {{ commands: Record<string, string[]>, absent: Record<string, string> }} Found */

/** @param {string} into @param {Found} found */
function findFloor(into, found) {
  for (const source of readdirSync(here("floor")).filter((name) => name.endsWith(".c"))) {
    const program = join(into, basename(source, ".c"));
    const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-pthread"];
    const reason = failure("cc", [...flags, here(`floor/${source}`), "-o", program]);
    if (reason !== undefined) {
      found.absent.floor = reason;
      return;
    }
    found.commands[`floor ${basename(source, ".c")}`] = [program];
  }
}

/** @param {Found} found */
function findIp(found) {
  const reason = failure("ip", ["-V"]);
  for (const rival of ["ip", "ip x8", "ip -batch", "ip group", "ip -s -j", "ip -d -j"]) {
    if (reason !== undefined) found.absent[rival] = reason;
  }
}

/** The plain link between two hosts needs no program, but measuring it does. @param {Found} found */
function findIperf3(found) {
  const reason = failure("iperf3", ["--version"]);
  if (reason === undefined) found.commands.iperf3 = ["iperf3"];
  else found.absent.iperf3 = reason;
}

/** The packages are not dependencies; whoever installs them here, or on NODE_PATH, has them measured. @param {Found} found */
function findPackages(found) {
  const { resolve } = createRequire(import.meta.url);
  for (const name of ["netlink", "systeminformation"]) {
    try {
      found.commands[name] = [resolve(name)];
    } catch {
      found.absent[name] = `the npm package ${name} is not installed`;
    }
  }
}

/** Debian's packages are below /usr/share/gocode. @param {string} into @param {Found} found */
function findGo(into, found) {
  const program = join(into, "go-rival");
  const places = [process.env.GOPATH, "/usr/share/gocode"].filter((place) => place !== undefined);
  const reason = failure("go", ["build", "-o", program, here("rivals/main.go")], {
    GO111MODULE: "off",
    GOPATH: places.join(delimiter),
    CGO_ENABLED: "0",
  });
  if (reason === undefined) found.commands.go = [program];
  else found.absent.go = `Go with vishvananda/netlink and netns: ${reason}`;
}

/** @param {Found} found */
function findPyroute2(found) {
  const reason = failure("python3", ["-c", "import pyroute2"]);
  if (reason === undefined) found.commands.pyroute2 = ["python3", here("rivals/main.py")];
  else found.absent.pyroute2 = "python3 with pyroute2 is not installed";
}

/**
 * @param {string} into a directory for programs that are built
 * @returns {Found} the command, or path, of each rival that has one, and why others are absent
 */
export function discover(into) {
  const found = /** @type {Found} */ ({ commands: {}, absent: {} });
  findFloor(into, found);
  findIp(found);
  findIperf3(found);
  findPackages(found);
  findGo(into, found);
  findPyroute2(found);
  if ("floor" in found.absent) found.absent["floor each"] = found.absent.floor ?? "";
  return found;
}
