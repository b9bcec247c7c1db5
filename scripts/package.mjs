// Tests the package as users get it: packs it, installs the tarball into empty projects, and uses it
// there as the README says.
//
//   npm run test:package                 with the binaries that are there
//   npm run test:package -- --release    all binaries have to be there
//
// Without prebuilds/ for this machine, the addon of build/ stands in for one.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { targets } from "./prebuild/targets.mjs";
import { root } from "./tree.mjs";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const release = process.argv.includes("--release");
const here = `prebuilds/linux-${process.arch}`;

/** All that may be in the tarball. */
const allowed = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|binding\.gyp|native\/exports\.map)$/,
  /^dist\/([a-z]+\/)*[a-z-]+\.(js|d\.ts|js\.map)$/,
  /^docs\/[A-Za-z-]+\.(md|svg)$/,
  /^native\/[a-z]+\/[a-z_]+\.(cpp|hpp)$/,
  /^scripts\/(sources|tree)\.mjs$/,
  /^prebuilds\/linux-(x64|arm64)\/(vethwork\.(glibc|musl)\.node|vethwork-launcher)$/,
];

/** All that has to be. */
const wanted = [
  "LICENSE",
  "README.md",
  "binding.gyp",
  "native/exports.map",
  "scripts/sources.mjs",
  ...Object.values(manifest.exports).flatMap((entry) =>
    Object.values(typeof entry === "string" ? { entry } : entry),
  ),
  ...Object.values(manifest.bin),
  `${here}/vethwork.glibc.node`,
  `${here}/vethwork-launcher`,
  ...(release
    ? targets.flatMap(({ arch, libc }) => [
        `prebuilds/linux-${arch}/vethwork.${libc}.node`,
        `prebuilds/linux-${arch}/vethwork-launcher`,
      ])
    : []),
].map((path) => path.replace(/^\.\//, ""));

const mostBytes = 3_000_000;

/** @param {string} told @returns {never} */
function fail(told) {
  throw new Error(told);
}

/**
 * Runs a program to its end and returns what it wrote.
 *
 * @param {string} cwd @param {string[]} line
 */
function call(cwd, ...[file = "", ...words]) {
  const { status, signal, stdout, stderr, error } = spawnSync(file, words, {
    cwd,
    encoding: "utf8",
    // Nothing of the checkout, and nothing that npm tells its scripts.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_)/i.test(name)),
    ),
  });
  if (status === 0) return stdout;
  throw new Error(
    `${[file, ...words].join(" ")}: ${error ?? signal ?? status}\n${stdout}${stderr}`,
  );
}

/** A copy of what is packed, with binaries for this machine. @param {string} directory */
function stage(directory) {
  // Of a pattern its directory: npm chooses from that.
  for (const pattern of ["package.json", ...manifest.files]) {
    const path = pattern.replace(/\/\*.*/, "");
    const source = join(root, path);
    if (existsSync(source)) cpSync(source, join(directory, path), { recursive: true });
  }
  if (existsSync(join(directory, here, "vethwork.glibc.node"))) return;
  if (release) fail("no binaries: npm run prebuilds makes them");
  mkdirSync(join(directory, here), { recursive: true });
  cpSync(join(root, "build/Release/vethwork.node"), join(directory, here, "vethwork.glibc.node"));
  cpSync(join(root, "build/Release/vethwork-launcher"), join(directory, here, "vethwork-launcher"));
}

/** @param {string} staged @param {string} directory @returns {string} the tarball */
function pack(staged, directory) {
  const told = call(
    staged,
    ...["npm", "pack", "--ignore-scripts", "--json", `--pack-destination=${directory}`],
  );
  /** @type {[{ filename: string, size: number, files: { path: string, mode: number }[] }]} */
  const [{ filename, size, files }] = JSON.parse(told);
  const paths = files.map(({ path }) => path);
  const strange = paths.filter((path) => !allowed.some((pattern) => pattern.test(path)));
  const missing = wanted.filter((path) => !paths.includes(path));
  const blunt = files.filter(({ path, mode }) => path.endsWith("-launcher") && mode !== 0o755);
  if (strange.length > 0) fail(`in the tarball without leave: ${strange.join(", ")}`);
  if (missing.length > 0) fail(`not in the tarball: ${missing.join(", ")}`);
  if (blunt.length > 0) fail(`not executable: ${blunt.map(({ path }) => path).join(", ")}`);
  if (size > mostBytes) fail(`the tarball has ${size} bytes, more than ${mostBytes}`);
  console.log(`${filename}: ${files.length} files, ${size} bytes`);
  return join(directory, filename);
}

/** The first example of the README. */
function example() {
  const text = readFileSync(join(root, "README.md"), "utf8");
  return /^```ts runnable\n(?<code>.*?)^```$/ms.exec(text)?.groups?.code ?? fail("no example");
}

/** A program that uses each door, and fails to compile where types are missing. */
const consumer = `
import { createNamespace, type Link, listLinks, type Namespace, NetlinkError } from "vethwork";
import { type NetworkDescription, openController } from "vethwork/network";
import { topology } from "vethwork/testing";

export async function names(namespace: Namespace): Promise<string[]> {
  const links: readonly Link[] = await listLinks(namespace);
  return links.map(({ name }) => name);
}
// @ts-expect-error: a kind that there is not
export const wrong = (namespace: Namespace) => listLinks(namespace, { kind: "carrier-pigeon" });
export const code = (error: NetlinkError): string => error.code;
export const doors = { createNamespace, openController, topology };
export type Network = NetworkDescription;
`;

const resolutions = [
  { module: "node16", moduleResolution: "node16" },
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];

/** @param {string} project */
function checkTypes(project) {
  writeFileSync(join(project, "consumer.ts"), consumer);
  for (const options of resolutions) {
    const compilerOptions = {
      ...options,
      target: "es2022",
      lib: ["es2023", "esnext.disposable"],
      types: ["node"],
      strict: true,
      noEmit: true,
      // The declarations of the package are checked, too.
      skipLibCheck: false,
    };
    const file = join(project, "tsconfig.json");
    writeFileSync(file, JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    call(project, process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", file);
    console.log(`types: ${options.moduleResolution}`);
  }
}

/** @param {string} project */
function useCommand(project) {
  const version = call(project, "npx", "--no-install", "vethwork", "--version").trim();
  if (!version.includes(manifest.version)) fail(`vethwork --version says ${version}`);
  const help = call(project, "npx", "--no-install", "vethwork", "--help");
  if (!/\bnetwork\b.*\bsandbox\b/s.test(help)) fail(`vethwork --help says ${help}`);
  console.log(`command: vethwork ${version}`);
}

/** @param {string} project */
function runExample(project) {
  const sandbox = [process.execPath, join(root, "scripts/sandbox.mjs")];
  writeFileSync(join(project, "example.mjs"), example());
  const told = call(project, ...sandbox, join(project, "example.mjs"));
  if (!told.includes("10.0.0.1")) fail(`the example says ${told}`);
  writeFileSync(
    join(project, "spawn.mjs"),
    `import { createNamespace, exec } from "vethwork";
    const namespace = await createNamespace();
    console.log((await exec(namespace, "ls", ["/sys/class/net"])).stdout);`,
  );
  const links = call(project, ...sandbox, join(project, "spawn.mjs")).trim();
  if (links !== "lo") fail(`a program inside sees ${links}`);
  console.log("example: the first one of the README, and a program inside");
}

const directory = mkdtempSync(join(tmpdir(), "vethwork-package-"));
try {
  const staged = join(directory, "staged");
  const project = join(directory, "project");
  mkdirSync(staged);
  mkdirSync(project);
  stage(staged);
  const tarball = pack(staged, directory);
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
  const types = `@types/node@${manifest.devDependencies["@types/node"]}`;
  const options = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--silent"];
  call(project, "npm", "install", ...options, tarball, types);
  useCommand(project);
  runExample(project);
  checkTypes(project);
  for (const [name, ...words] of [
    ["publint", "--strict", tarball],
    ["attw", "--profile", "esm-only", "--no-emoji", "--format", "ascii", tarball],
  ]) {
    call(root, join(root, "node_modules/.bin", name ?? ""), ...words);
    console.log(`${name}: nothing to say`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
