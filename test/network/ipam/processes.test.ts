// Several processes that take addresses of one subnet and give them back, and are killed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Ipam } from "../../../lib/network/ipam/ipam.ts";
import { openLmdbStore } from "../../../lib/network/store/lmdb.ts";

const script = fileURLToPath(new URL("../../fixtures/ipam-process.mjs", import.meta.url));

let directory: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "vethwork-ipam-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true });
});

/** A process, with what it was told is its own, killed when it has said so many lines. */
async function live(subnet: string, holder: string, lines: number) {
  const child = spawn(process.execPath, [script, directory, subnet, holder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const closed = once(child, "close");
  const has = new Set<string>();
  const frees = new Set<string>();
  let said = 0;
  for await (const line of createInterface(child.stdout)) {
    const [verb, address = ""] = line.split(" ");
    if (verb === "frees") {
      has.delete(address);
      frees.add(address);
    } else {
      has.add(address);
      frees.delete(address);
    }
    said += 1;
    if (said === lines) child.kill("SIGKILL");
  }
  expect(await closed).toEqual([null, "SIGKILL"]);
  return { holder, has, frees };
}

test.each(["lowest", "least-recently-used"] as const)(
  "no address is ever two processes' (%s), whenever they are killed",
  { timeout: 120_000 },
  async (strategy) => {
    const subnet = "10.1.0.0/22";
    const store = await openLmdbStore({ directory });
    const ipam = new Ipam({ store });
    await ipam.allocateSubnet({ holder: "net", subnet, strategy });
    for (let round = 0; round < 6; round += 1) {
      const lives = await Promise.all(
        [30, 55, 80].map((lines, n) => live(subnet, `process ${round} ${n}`, lines + round * 11)),
      );
      // What a process was killed in the midst of committing, LMDB shows with the next write.
      await store.commit({ put: [{ key: "round", value: round }] });
      const { held } = await ipam.describe(subnet);
      const ownerOf = new Map(held.map(({ address, holder }) => [address, holder]));
      for (const { holder, has, frees } of lives) {
        for (const address of has) expect(ownerOf.get(address)).toBe(holder);
        // It may have been given three more without having been told, when it was killed.
        const untold = held.filter((one) => one.holder === holder && !has.has(one.address));
        const unknown = untold.filter(({ address }) => !frees.has(address));
        expect(unknown.length).toBeLessThanOrEqual(3);
        // What a killed process held is known, and can be taken back.
        for (const one of held.filter((one) => one.holder === holder)) {
          expect(await ipam.releaseAddress({ subnet, ...one })).toBe(true);
        }
      }
      expect((await ipam.describe(subnet)).held).toEqual([]);
    }
    expect(await ipam.releaseSubnet({ subnet, holder: "net" })).toBe(true);
    expect((await store.list("ipam/default/")).entries.map(({ key }) => key)).toEqual([
      "ipam/default/turn",
    ]);
    await store.close();
  },
);

test("handles that know nothing of each other never take subnets that overlap", async () => {
  const open = async () => {
    const store = await openLmdbStore({ directory });
    return { store, ipam: new Ipam({ store }) };
  };
  const handles = [await open(), await open(), await open()];
  const given = await Promise.all(
    handles.flatMap(({ ipam }, n) =>
      Array.from({ length: 10 }, () => ipam.allocateSubnet({ holder: `host ${n}` })),
    ),
  );
  expect(new Set(given.map(({ subnet }) => subnet)).size).toBe(30);
  for (const { store } of handles) await store.close();
});
