// Feeds the native code that reads the kernel's bytes with what coverage-guided chance comes up with.
//
//   node scripts/fuzz.mjs [--seconds N] [TARGET…]     each target for so long (3600), two at a time
//
// Wants clang with its runtime (Debian: clang, libclang-rt-14-dev), and cmake. What is found to lead
// somewhere new is kept in build-fuzz/corpus; an input that fails is printed, and belongs into
// test/fuzz/corpus when it is mended.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./tree.mjs";

const out = join(root, "build-fuzz");
const seeds = join(root, "test/fuzz/corpus");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "3600" } },
});
const seconds = Number(values.seconds);
const all = readdirSync(seeds).sort();
const targets = positionals.length > 0 ? positionals : all;
const unknown = targets.filter((target) => !all.includes(target));
if (unknown.length > 0 || !Number.isInteger(seconds) || seconds < 1) {
  console.error(`usage: node scripts/fuzz.mjs [--seconds N] [${all.join("|")}…]`);
  process.exit(2);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  const env = { ...process.env, CXX: "clang++" };
  const { status, error } = spawnSync(command, args, { stdio: "inherit", env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * @param {string} target
 * @returns {Promise<boolean>} whether nothing was found
 */
async function fuzz(target) {
  const found = join(out, "corpus", target);
  mkdirSync(found, { recursive: true });
  const args = [
    ...[`-max_total_time=${seconds}`, "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"],
    ...["-print_final_stats=1", `-artifact_prefix=${out}/${target}-`, found, join(seeds, target)],
  ];
  const child = spawn(join(out, target), args, { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (data) => {
    // What stands at the end counts: the last state, or the report.
    text = (text + data).slice(-20_000);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  const executed = /number_of_executed_units: (\d+)/.exec(text)?.[1];
  const covered = [...text.matchAll(/cov: (\d+)/g)].at(-1)?.[1];
  if (code === 0) {
    console.log(`${target}: ${executed} inputs, ${covered} edges covered, nothing found`);
    return true;
  }
  console.error(text);
  const artifact = /Test unit written to (\S+)/.exec(text)?.[1];
  if (artifact) console.error(`${target}: fails for ${readFileSync(artifact).toString("hex")}`);
  return false;
}

run("cmake", "-S", join(root, "test/fuzz"), "-B", out, "-DCMAKE_BUILD_TYPE=None", "-Wno-dev");
run("cmake", "--build", out, "--parallel", "2");
const waiting = [...targets];
/** @type {boolean[]} */
const outcomes = [];
await Promise.all(
  Array.from({ length: 2 }, async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      outcomes.push(await fuzz(target));
    }
  }),
);
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
