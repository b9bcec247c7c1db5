// Builds the addon into build/Release with every core, configuring again only when it must.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { installedHeaders } from "./headers.mjs";
import { globSources, root } from "./tree.mjs";

const nodeGyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
const stampFile = join(root, "build/configured.txt");

/** All that the generated makefile depends on. */
function stamp() {
  return [
    root,
    process.version,
    process.arch,
    `CI=${process.env.CI ?? ""}`,
    ...globSources("native", [".cpp"]),
    readFileSync(join(root, "binding.gyp"), "utf8"),
  ].join("\n");
}

/** @param {string[]} args */
function run(...args) {
  const headers = installedHeaders();
  const command = [
    nodeGyp,
    ...args,
    "--loglevel=warn",
    ...(headers ? [`--nodedir=${headers}`] : []),
  ];
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** The makefiles hold relative paths to the headers, so a checkout that was moved begins anew. */
function moved() {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8").split("\n")[0] !== root;
}

function configured() {
  return (
    existsSync(join(root, "build/Makefile")) &&
    existsSync(stampFile) &&
    readFileSync(stampFile, "utf8") === stamp()
  );
}

if (process.platform !== "linux") {
  console.log("vethwork: the addon is for Linux; nothing to build here");
} else {
  if (moved()) run("clean");
  if (!configured()) {
    run("configure");
    writeFileSync(stampFile, stamp());
  }
  run("build", "--jobs=max");
}
