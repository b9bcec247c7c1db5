// Installs the programs that a few scripts use and the project does not depend on: pinned, checked
// against their lock file, below build/, where neither Git nor npm packs them.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tree.mjs";

/**
 * Installs what the package.json and the lock file in `manifests` list, unless it is there, and
 * returns its node_modules.
 *
 * @param {string} manifests relative to the root
 * @returns {string}
 */
export function installTools(manifests) {
  const directory = join(root, "build/tools", manifests.replaceAll("/", "-"));
  const stamp = join(directory, "installed.json");
  const lock = readFileSync(join(root, manifests, "package-lock.json"), "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    mkdirSync(directory, { recursive: true });
    for (const name of ["package.json", "package-lock.json"]) {
      copyFileSync(join(root, manifests, name), join(directory, name));
    }
    // By force, because some are for other machines: they run under an emulator.
    const line = ["ci", "--ignore-scripts", "--force", "--no-audit", "--no-fund", "--silent"];
    const { status, error } = spawnSync("npm", line, { cwd: directory, stdio: "inherit" });
    if (status !== 0) throw new Error(`npm could not install ${manifests}`, { cause: error });
    writeFileSync(stamp, lock);
  }
  return join(directory, "node_modules");
}
