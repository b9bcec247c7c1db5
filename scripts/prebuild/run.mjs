// Runs a binary in a JavaScript engine for its machine and C library, where this machine can.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript";
import { root } from "../tree.mjs";
import { muslRoot } from "./musl.mjs";
import { addonOf, launcherOf } from "./targets.mjs";
import { findZig, installedTools, zigEnvironment } from "./zig.mjs";

/** @typedef {import("./targets.mjs").Target} Target */

const probe = fileURLToPath(new URL("probe.mjs", import.meta.url));
const emulator = "qemu-aarch64-static";

/** Where Debian has glibc and the GNU C++ library for arm64. */
const arm64Libraries = "/usr/aarch64-linux-gnu";

/** The reader of golden messages, which the tests have in TypeScript, for engines without it. */
function goldenReader() {
  const source = readFileSync(join(root, "test/support/golden.ts"), "utf8");
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
  const { outputText } = typescript.transpileModule(source, { compilerOptions });
  const directory = join(root, "build/prebuild");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "golden.mjs"), outputText);
  return join(directory, "golden.mjs");
}

/**
 * The words before what shall run: for another machine the emulator, with the directory where that
 * machine's libraries are.
 *
 * @param {Target["arch"]} arch @param {string} libraries
 * @returns {string[]}
 */
function emulated(arch, libraries) {
  if (arch === process.arch) return [];
  if (arch !== "arm64") throw new Error(`there is no emulator for ${arch} here`);
  if (spawnSync(emulator, ["--version"]).status !== 0) {
    throw new Error(`needs ${emulator} (Debian: qemu-user-static)`);
  }
  return [emulator, "-L", libraries];
}

/** @param {Target} target @returns {string[]} */
function engine({ arch, libc }) {
  if (libc === "glibc" && arch === process.arch) return [process.execPath];
  if (libc === "glibc") {
    const node = join(installedTools(), `node-linux-${arch}/bin/node`);
    if (!existsSync(join(arm64Libraries, "lib/libstdc++.so.6"))) {
      throw new Error("needs the libraries of arm64 (Debian: g++-aarch64-linux-gnu)");
    }
    return [...emulated(arch, arm64Libraries), node];
  }
  const machine = arch === "x64" ? "x86_64" : "aarch64";
  const package_ = `@oven/bun-linux-${arch === "x64" ? "x64" : machine}-musl`;
  const bun = join(installedTools(), package_, "bin/bun");
  const place = muslRoot(arch, { zig: findZig(), env: zigEnvironment(), bun });
  const libraries = join(place, "lib");
  const loader = join(libraries, `ld-musl-${machine}.so.1`);
  return [...emulated(arch, place), loader, "--library-path", libraries, bun];
}

/**
 * Has a copy of the package, which has no other binaries, make namespaces, links and what else it
 * makes, in several threads, too. Undefined if that fails.
 *
 * @param {Target} target @param {string[]} words
 */
function useInKernel({ name, arch, libc }, words) {
  const copy = join(root, "build/prebuild", `${name}-package`);
  rmSync(copy, { recursive: true, force: true });
  for (const path of ["dist", "package.json", `prebuilds/linux-${arch}`, "scripts/nodes"]) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const sandbox = join(root, "scripts/sandbox.mjs");
  // Bun takes no descriptors over, and for musl now and then misses the end of a pipe.
  const without = libc === "musl" ? ["--without-sockets", "--without-programs"] : [];
  const works = [["example.mjs", ...without], ["threads.mjs"]].every(
    ([script = "", ...options]) => {
      const line = [sandbox, ...words, join(copy, "scripts/nodes", script), ...options];
      const { status, stdout, stderr } = spawnSync(process.execPath, line, {
        encoding: "utf8",
        timeout: 60_000,
      });
      if (status !== 0) console.error(stdout, stderr);
      return status === 0;
    },
  );
  return works ? "; works with the kernel" : undefined;
}

/**
 * What the probe says of an addon: `ran` is undefined where it could not be tried.
 *
 * @param {Target} target
 * @returns {{ ran: boolean | undefined, told: string }}
 */
export function run(target) {
  /** @type {string[]} */
  let words;
  try {
    words = engine(target);
  } catch (error) {
    return { ran: undefined, told: `not run: ${error instanceof Error ? error.message : error}` };
  }
  const [command = "", ...rest] = words;
  const golden = join(root, "test/golden");
  const line = [...rest, probe, addonOf(target), goldenReader(), golden];
  const { status, signal, stdout, stderr } = spawnSync(command, line, { encoding: "utf8" });
  if (status !== 0) return { ran: false, told: `fails: ${signal ?? status} ${stdout}${stderr}` };
  const [starter = "", ...start] = [...emulated(target.arch, "/"), launcherOf(target)];
  const launcher = spawnSync(starter, start, { encoding: "utf8" });
  if (!launcher.stderr?.includes("vethwork-launcher:")) {
    return { ran: false, told: `its launcher fails: ${launcher.error ?? launcher.stderr}` };
  }
  const live = target.arch === process.arch ? useInKernel(target, words) : "";
  if (live === undefined) return { ran: false, told: "fails with the kernel, as it says above" };
  return { ran: true, told: `${stdout.trim()}${live}` };
}
