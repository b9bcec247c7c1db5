// Tries the packed package in containers that have nothing but Node, and judges what works in each.
//
//   npm run test:container -- [--document] [CONTAINER…]
//
// --document   instead has the README's table say what is expected of each
//
// It wants root, a sandbox and runc. All that it makes is in memory, below the sandbox's own /run, so
// that nothing is left whatever ends it. Fails if anything is not as expected, or not as the README has
// it. A container that cannot be had is left out, unless VETHWORK_REQUIRED_FEATURES forbids that.

import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { createLink, createNamespace, deleteNamespace } from "../dist/index.js";
import { ordinaryUser } from "./container/configuration.mjs";
import { judge } from "./container/judge.mjs";
import { makeRoot } from "./container/root.mjs";
import { mountCgroups, runContainer } from "./container/runc.mjs";
import { document, isDocumented } from "./container/table.mjs";
import { variants } from "./container/variants.mjs";

/** @typedef {import("./container/variants.mjs").Variant} Variant */
/** @typedef {Parameters<typeof runContainer>[0]} Place */

/**
 * The variants by these names, or all.
 *
 * @param {readonly string[]} names
 */
function chosen(names) {
  const unknown = names.filter((name) => !(name in variants));
  if (unknown.length > 0) throw new Error(`there is no container ${unknown.join(", ")}`);
  return Object.entries(variants).filter(([name]) => names.length === 0 || names.includes(name));
}

/**
 * Why a container cannot be had here: an ordinary user has none where user namespaces are forbidden,
 * or a part of /proc is hidden (fs/namespace.c, mount_too_revealing()).
 *
 * @param {Variant} variant
 */
function obstacle({ shape }) {
  if (!shape.rootless) return undefined;
  const required = (process.env.VETHWORK_REQUIRED_FEATURES ?? "").split(",");
  if (required.includes("user-namespace")) return undefined;
  const user = { uid: ordinaryUser, gid: ordinaryUser };
  const line = ["--user", "--map-root-user", "--mount", "--pid", "--fork"];
  const mount = ["mount", "-t", "proc", "proc", "/proc"];
  const { status } = spawnSync("unshare", [...line, ...mount], { ...user, stdio: "ignore" });
  return status === 0 ? undefined : "an ordinary user may not mount /proc";
}

/**
 * What is not as expected of a container, a line each.
 *
 * @param {Place} place
 * @param {string} name
 * @param {Variant} variant
 */
async function examine(place, name, { shape, expected }) {
  try {
    return judge(await runContainer(place, name, shape), expected);
  } catch (error) {
    place.signal.throwIfAborted();
    return [String(error)];
  }
}

/**
 * Tries one, says how it went, and whether it went well.
 *
 * @param {Place} place
 * @param {string} name
 * @param {Variant} variant
 */
async function tried(place, name, variant) {
  const reason = obstacle(variant);
  if (reason !== undefined) {
    console.log(`          ${name}: left out, ${reason}`);
    return true;
  }
  const start = performance.now();
  const wrong = await examine(place, name, variant);
  const elapsed = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const verdict = wrong.length === 0 ? "as expected" : "not as expected";
  console.log(`${elapsed.padStart(8)}  ${name}: ${verdict}`);
  for (const line of wrong) console.log(`  ${line}`);
  return wrong.length === 0;
}

/**
 * @param {readonly string[]} names
 * @param {AbortSignal} signal
 */
async function tryAll(names, signal) {
  const list = chosen(names);
  mountCgroups();
  const directory = mkdtempSync("/run/vethwork-container-");
  const given = await createNamespace({ name: "given" });
  try {
    chmodSync(directory, 0o755);
    await createLink(given, { kind: "veth", name: "given0", peer: { name: "given1" } });
    const place = { directory, root: await makeRoot(directory), given: "/run/netns/given", signal };
    const verdicts = [];
    for (const [name, variant] of list) verdicts.push(await tried(place, name, variant));
    return verdicts.every(Boolean);
  } finally {
    await given.close();
    await deleteNamespace("given");
    rmSync(directory, { recursive: true });
  }
}

/** Whether this is root with other users beside it, and not an ordinary user in root's clothes. */
function isRoot() {
  const [, , count] = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/);
  return process.geteuid?.() === 0 && Number(count) > ordinaryUser;
}

/** What keeps it from being tried. */
function missing() {
  if (process.env.VETHWORK_SANDBOX !== "1" || !isRoot()) {
    return "the containers are for root, and for a sandbox: npm run test:container";
  }
  if (spawnSync("runc", ["--version"]).error) {
    return "runc is missing: it is in the Debian package runc";
  }
  return undefined;
}

/** @param {string} reason */
function refuse(reason) {
  console.error(`container: ${reason}`);
  process.exitCode = 1;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { document: { type: "boolean", default: false } },
});
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => interruption.abort(new Error(signal)));
}
const reason = missing();
if (values.document) document();
else if (reason !== undefined) refuse(reason);
else if (!isDocumented()) {
  refuse("the README says otherwise: npm run test:container -- --document");
} else {
  try {
    if (!(await tryAll(positionals, interruption.signal))) process.exitCode = 1;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    refuse(`${interruption.signal.reason.message}: everything is taken down`);
  }
}
