// Makes the root file system of the containers: Node, the libraries that it needs, the package as it
// is packed and its run-time dependencies. No shell, no other program, no compiler.

import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { root as project } from "../tree.mjs";

const run = promisify(execFile);

/** Where Node is inside, and the program that it runs there. */
export const node = "/usr/bin/node";
export const program = "/app/inside/main.mjs";

/** What a system has in /etc at least: who root is, and no name servers. */
const files = {
  "/etc/passwd": "root:x:0:0:root:/:/sbin/nologin\n",
  "/etc/group": "root:x:0:\n",
  "/etc/hosts": "127.0.0.1 localhost\n",
  "/etc/resolv.conf": "",
};

/** Where something is mounted, or made by the program itself. */
const directories = ["/dev", "/etc/netns", "/given", "/proc", "/run", "/sys", "/tmp"];

/**
 * The shared libraries of a program, by their paths, and the loader's.
 *
 * @param {string} path
 */
async function librariesOf(path) {
  const { stdout } = await run("ldd", [path]);
  return stdout.match(/\/\S+/g) ?? [];
}

/**
 * The directories of the packages that come with an installation, as the lock file has them: those
 * for other machines are not there.
 */
function dependencies() {
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  return Object.keys(packages).filter((path) => {
    const { dev = false } = packages[path];
    return path !== "" && !dev && existsSync(join(project, path));
  });
}

/**
 * Packs the built tree, as `npm publish` would.
 *
 * @param {string} directory where the tarball goes
 */
async function pack(directory) {
  const options = { cwd: project };
  const places = ["--pack-destination", directory, "--cache", join(directory, "cache")];
  const line = ["pack", "--ignore-scripts", "--json", ...places];
  const [{ filename }] = JSON.parse((await run("npm", line, options)).stdout);
  return join(directory, filename);
}

/** The addon and the launcher as they were built here. */
const built = ["build/Release/vethwork.node", "build/Release/vethwork-launcher"];

/**
 * Puts what was built here into a package that has no binary for this machine: one is packed for each
 * machine only for a release.
 *
 * @param {string} own
 */
function standIn(own) {
  const prebuilt = join(own, `prebuilds/linux-${process.arch}`);
  if (existsSync(prebuilt)) return;
  for (const path of built) cpSync(join(project, path), join(own, path));
}

/**
 * Unpacks the tarball, with its dependencies beside it.
 *
 * @param {string} tarball
 * @param {string} modules
 */
async function install(tarball, modules) {
  const own = join(modules, "vethwork");
  mkdirSync(own, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", own, "--strip-components=1", "--no-same-owner"]);
  standIn(own);
  for (const path of dependencies()) {
    const to = join(modules, path.slice("node_modules/".length));
    cpSync(join(project, path), to, { recursive: true });
  }
}

/**
 * Makes it all below a directory, and returns the path of the root.
 *
 * @param {string} directory
 */
export async function makeRoot(directory) {
  const root = join(directory, "root");
  for (const path of directories) mkdirSync(join(root, path), { recursive: true });
  chmodSync(join(root, "/tmp"), 0o1777);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  writeFileSync(join(root, "/given/network"), "");
  mkdirSync(join(root, dirname(node)), { recursive: true });
  cpSync(process.execPath, join(root, node), { dereference: true });
  cpSync(join(project, "scripts/container/inside"), join(root, dirname(program)), {
    recursive: true,
  });
  const modules = join(root, "app/node_modules");
  await install(await pack(directory), modules);
  const programs = [process.execPath, join(project, "build/Release/vethwork.node")];
  const libraries = await Promise.all(programs.map(librariesOf));
  for (const path of new Set(libraries.flat())) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(path, join(root, path), { dereference: true });
  }
  return root;
}
