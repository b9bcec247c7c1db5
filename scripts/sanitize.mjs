// Builds the addon with sanitizers and runs tests or a script on it, in a copy of this tree.
//
//   node scripts/sanitize.mjs address [TEST… | SCRIPT.mjs ARGUMENT…]   ASan, LSan and UBSan
//   node scripts/sanitize.mjs thread [TEST… | SCRIPT.mjs ARGUMENT…]    TSan
//
// Leaks are looked for in processes that end by themselves: scripts, and those that tests start; the
// test runner kills its workers. Wants g++ with its sanitizers, patchelf and setarch.
//
// Node itself is not instrumented: its own leaks at exit are none of ours, and a report counts if
// the addon is in one of its stacks. The tests run on a copy of Node that loads the runtime before
// all else, so that no other program has to: some, such as ip(8), do not bear it.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./tree.mjs";

/** @typedef {"address" | "thread"} Kind */

/**
 * What the compiler is told, the runtime that goes into the process before all others, and what that
 * is told.
 *
 * @type {Readonly<Record<Kind, { flags: string, runtime: string, options: Record<string, string> }>>}
 */
const kinds = {
  address: {
    flags: "address,undefined",
    runtime: "libasan.so",
    options: {
      // An error ends the process, a leak does not: most are Node's, and of `ip` and other witnesses.
      // What was freed is kept for less long than by default, for tests that watch memory. The
      // kernel that the tests of faults put between comes before the runtime, and needs nothing of it.
      ASAN_OPTIONS:
        "abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:quarantine_size_mb=16:verify_asan_link_order=0",
      // Looking for pointers in the storage of threads, it now and then reads where there is none
      // any more, and ends the process; nothing of the addon hangs on a pointer there alone.
      LSAN_OPTIONS: "exitcode=0:report_objects=0:use_tls=0",
      UBSAN_OPTIONS: "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    },
  },
  thread: {
    flags: "thread",
    runtime: "libtsan.so",
    options: {
      TSAN_OPTIONS: `exitcode=0:halt_on_error=0:suppressions=${join(root, "scripts/sanitize/thread.txt")}`,
    },
  },
};

const [kind, ...what] = process.argv.slice(2);
if (kind !== "address" && kind !== "thread") {
  console.error("usage: node scripts/sanitize.mjs address|thread [TEST… | SCRIPT.mjs ARGUMENT…]");
  process.exit(2);
}
const { flags, runtime, options } = kinds[kind];
const place = join(root, "build-sanitize", kind);
const tree = join(place, "tree");
const reports = join(place, "reports");

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [more]
 */
function run(command, args, more = {}) {
  const { status, signal, error } = spawnSync(command, args, { stdio: "inherit", ...more });
  if (error) throw error;
  return signal ?? status;
}

function build() {
  const cmakeJs = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");
  const out = join(place, "cmake");
  const options = ["--out", out, "--log-level", "warn", `--CDVETHWORK_SANITIZE=${flags}`];
  if (run(process.execPath, [cmakeJs, "build", ...options], { cwd: root }) !== 0) process.exit(1);
  mkdirSync(join(tree, "build/Release"), { recursive: true });
  cpSync(join(out, "Release/vethwork.node"), join(tree, "build/Release/vethwork.node"));
  cpSync(join(out, "vethwork-launcher"), join(tree, "build/Release/vethwork-launcher"));
}

/** What the tests read of this tree, with its TypeScript built. */
function copyTree() {
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  const left = new Set(["build", "build-cmake", "build-sanitize", ".git", "node_modules"]);
  for (const name of readdirSync(root).filter((each) => !left.has(each))) {
    cpSync(join(root, name), join(tree, name), { recursive: true, verbatimSymlinks: true });
  }
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
}

/** A copy of Node with the runtime in it, which has to come before everything else. */
function instrumentedNode() {
  const { stdout } = spawnSync("g++", [`-print-file-name=${runtime}`], { encoding: "utf8" });
  const node = join(place, "node");
  cpSync(process.execPath, node, { dereference: true });
  if (run("patchelf", ["--add-needed", realpathSync(stdout.trim()), node]) !== 0) process.exit(1);
  return node;
}

/** The reports of this run in which the addon has a part, each once. */
function ownReports() {
  const texts = readdirSync(reports).map((name) => readFileSync(join(reports, name), "utf8"));
  const parts = texts.flatMap((text) => text.split(/\n(?=Direct leak|Indirect leak|={18,}\n)/));
  const own = parts.filter((part) => /vethwork\.node/.test(part));
  return [...new Set(own.map((part) => part.replace(/0x[0-9a-f]+|\b\d+\b/g, "N")))].map(
    (normal) => own.find((part) => part.replace(/0x[0-9a-f]+|\b\d+\b/g, "N") === normal) ?? normal,
  );
}

copyTree();
build();
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
const logs = Object.fromEntries(
  Object.entries(options).map(([name, value]) => [name, `${value}:log_path=${reports}/report`]),
);
const vitest = join(root, "node_modules/vitest/vitest.mjs");
// The thread sanitizer's shadow has no room for addresses as random as this kernel's are.
const node = instrumentedNode();
const line = what[0]?.endsWith(".mjs") ? what : [vitest, "run", ...what];
const ended = run("setarch", ["-R", node, "scripts/sandbox.mjs", node, ...line], {
  cwd: tree,
  env: { ...process.env, ...logs },
});
const found = ownReports();
for (const report of found) console.error(report);
console.log(`${kind}: ended with ${ended}, ${found.length} reports about the addon`);
process.exitCode = ended === 0 && found.length === 0 ? 0 : 1;
