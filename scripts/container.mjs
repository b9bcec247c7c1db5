// Tries the packed package in containers that have nothing but Node, and judges what works in each.
//
//   npm run test:container -- [VARIANT…]
//
// It wants runc, root and a sandbox. All that it makes is in memory, below the sandbox's own /run, so
// that nothing is left whatever ends it. Fails if anything is not as expected.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { createLink, createNamespace, deleteNamespace } from "../dist/index.js";
import { judge } from "./container/judge.mjs";
import { makeRoot } from "./container/root.mjs";
import { runContainer } from "./container/runc.mjs";
import { variants } from "./container/variants.mjs";

/** The variants by these names, or all. @param {readonly string[]} names */
function chosen(names) {
  const unknown = names.filter((name) => !(name in variants));
  if (unknown.length > 0) throw new Error(`there is no container ${unknown.join(", ")}`);
  return Object.entries(variants).filter(([name]) => names.length === 0 || names.includes(name));
}

/**
 * Tries one and says how it went.
 *
 * @param {Parameters<typeof runContainer>[0]} place
 * @param {string} name
 * @param {import("./container/variants.mjs").Variant} variant
 */
async function tried(place, name, { shape, expected }) {
  const start = performance.now();
  const wrong = judge(await runContainer(place, name, shape), expected);
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
  const directory = mkdtempSync("/run/vethwork-container-");
  const given = await createNamespace({ name: "given" });
  try {
    chmodSync(directory, 0o755);
    await createLink(given, { kind: "veth", name: "given0", peer: { name: "given1" } });
    const place = { directory, root: await makeRoot(directory), given: "/run/netns/given", signal };
    let right = true;
    for (const [name, variant] of chosen(names)) {
      right = (await tried(place, name, variant)) && right;
    }
    return right;
  } finally {
    await given.close();
    await deleteNamespace("given");
    rmSync(directory, { recursive: true });
  }
}

if (process.env.VETHWORK_SANDBOX !== "1" || process.geteuid?.() !== 0) {
  console.error("The containers are for root, and for a sandbox: npm run test:container");
  process.exit(1);
}
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => interruption.abort(new Error(signal)));
}
const { positionals } = parseArgs({ allowPositionals: true });
process.exitCode = (await tryAll(positionals, interruption.signal)) ? 0 : 1;
