// Runs a quick selection of the tests on other versions of Node, and the library in Bun and Deno.
//
//   npm run test:nodes                  all of them
//   npm run test:nodes -- node-24 bun   these
//   npm run test:nodes -- --whole       all of the tests, for which each Node takes as long as npm test
//
// It takes the binary for Node-API 8 that is there: one for all of them.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installTools } from "../tools.mjs";
import { root } from "../tree.mjs";

/** Of each room something: the codec, the kernel, threads, programs, networks, the loader. */
const selection = [
  "test/native/codec.test.ts",
  "test/native/loading.test.ts",
  "test/rtnl/address.test.ts",
  "test/rtnl/link.test.ts",
  "test/rtnl/namespace.test.ts",
  "test/rtnl/counters.test.ts",
  "test/rtnl/sampler.test.ts",
  "test/watch/watch.test.ts",
  "test/inside/http.test.ts",
  "test/inside/spawn.test.ts",
  "test/lifecycle.test.ts",
  "test/network/model/bridge.test.ts",
  "test/network/store/lmdb.test.ts",
];

const { values, positionals: names } = parseArgs({
  options: { whole: { type: "boolean", default: false } },
  allowPositionals: true,
});
const { whole } = values;

const sandbox = join(root, "scripts/sandbox.mjs");
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const example = join(root, "scripts/nodes/example.mjs");
const threads = join(root, "scripts/nodes/threads.mjs");

/**
 * The command lines that try an engine; all run in a sandbox.
 *
 * @param {string} modules
 * @param {readonly string[]} tests
 * @returns {Record<string, string[][]>}
 */
function trials(modules, tests) {
  const nodes = ["node-20", "node-22", "node-24", "node-26"].map((name) => {
    const node = join(modules, name, "bin/node");
    return [
      name,
      [
        [node, example],
        [node, threads],
        [node, vitest, "run", ...tests],
      ],
    ];
  });
  const bun = join(modules, "@oven/bun-linux-x64/bin/bun");
  const deno = [join(modules, "@deno/linux-x64-glibc/deno"), "run", "--allow-all"];
  return {
    ...Object.fromEntries(nodes),
    bun: [
      [bun, example, "--without-sockets"],
      [bun, threads],
    ],
    deno: [
      [...deno, example, "--without-sockets"],
      [...deno, threads],
    ],
  };
}

/** @param {string[]} line */
function succeeds(line) {
  const { status } = spawnSync(process.execPath, [sandbox, ...line], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: whole ? 3_600_000 : 600_000,
  });
  return status === 0;
}

if (process.platform !== "linux" || process.arch !== "x64") {
  console.error("the other engines are installed for Linux on x64 alone");
  process.exit(1);
}
const known = trials(installTools("scripts/nodes"), whole ? [] : selection);
const unknown = names.filter((name) => !(name in known));
if (unknown.length > 0) {
  console.error(`no such engine: ${unknown}; there are ${Object.keys(known).join(", ")}`);
  process.exit(1);
}
const failed = [];
for (const name of names.length > 0 ? names : Object.keys(known)) {
  console.log(`\n${name}`);
  if (!(known[name] ?? []).every(succeeds)) failed.push(name);
}
console.log(failed.length > 0 ? `\nfailed: ${failed.join(", ")}` : "\nall is well");
process.exitCode = failed.length > 0 ? 1 : 0;
