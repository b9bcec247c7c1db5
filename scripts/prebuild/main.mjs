// Makes the binaries that the package brings along, and checks them.
//
//   npm run prebuilds                      all targets that can be made here
//   npm run prebuilds -- linux-x64-musl    only these, and it fails if one cannot be made
//
// prebuildify builds binding.gyp, once for each target; zig, a compiler that has glibc's and musl's
// headers for every machine within itself, is the compiler.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { installedHeaders } from "../headers.mjs";
import { root } from "../tree.mjs";
import { checkPrebuilds } from "./check.mjs";
import { launcherOf, targetsNamed } from "./targets.mjs";
import { findZig, zigEnvironment } from "./zig.mjs";

/** @typedef {import("./targets.mjs").Target} Target */

const prebuildify = createRequire(import.meta.url).resolve("prebuildify/bin.js");

/** What of the tree a build needs; prebuildify cleans build/, where the developer's own lies. */
const sources = ["binding.gyp", "native", "package.json", "scripts"];

/** @param {string} zig @param {Target} target */
function environment(zig, { triple }) {
  const headers = installedHeaders();
  return {
    ...zigEnvironment(),
    CC: `${zig} cc -target ${triple}`,
    CXX: `${zig} c++ -target ${triple}`,
    AR: `${zig} ar`,
    LDFLAGS: "-s",
    npm_config_jobs: process.env.npm_config_jobs ?? String(availableParallelism()),
    ...(headers ? { npm_config_nodedir: headers } : {}),
  };
}

/** @param {string} zig @param {Target} target */
function build(zig, target) {
  const directory = join(root, "build/prebuild", target.name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const name of sources) symlinkSync(join(root, name), join(directory, name));
  const words = [
    prebuildify,
    `--cwd=${directory}`,
    `--out=${root}`,
    `--target=${process.versions.node}`,
    `--arch=${target.arch}`,
    "--platform=linux",
    `--libc=${target.libc}`,
    "--tag-libc",
    "--napi",
  ];
  const env = environment(zig, target);
  const { status } = spawnSync(process.execPath, words, { cwd: directory, env, stdio: "inherit" });
  if (status !== 0) throw new Error("prebuildify failed, as it says above");
  copyFileSync(join(directory, "build/Release/vethwork-launcher"), launcherOf(target));
}

const names = process.argv.slice(2);
const wanted = targetsNamed(names);
const made = wanted.filter((target) => {
  console.log(`\n${target.name}`);
  try {
    build(findZig(), target);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    console.error(`${target.name} cannot be made here: ${reason}`);
    return false;
  }
});
const asked = names.length > 0;
const sound = checkPrebuilds(made, asked);
process.exitCode = sound && made.length > 0 && (!asked || made.length === wanted.length) ? 0 : 1;
