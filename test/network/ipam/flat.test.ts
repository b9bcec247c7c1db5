// 65,000 addresses: the last ones are no more work than the first. V8 counts calls that it inlines only
// roughly, hence the threefold; a step for each address that is held would be sixtyfold.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Ipam } from "../../../lib/network/ipam/ipam.ts";
import type { Strategy } from "../../../lib/network/ipam/pool.ts";
import { openLmdbStore } from "../../../lib/network/store/lmdb.ts";
import { openMemoryStore } from "../../../lib/network/store/memory.ts";
import type { Store } from "../../../lib/network/store/store.ts";
import { workIn } from "./work.ts";

const count = 65_000;
const part = 1000;

/** Each kind of store, and how many calls are made at once: on a disk they share the wait. */
const cases: {
  kind: string;
  open: (directory: string) => Promise<Store>;
  atOnce: number;
  of: [Strategy, string][];
}[] = [
  {
    kind: "in memory",
    open: async () => openMemoryStore(),
    atOnce: 1,
    of: [
      ["lowest", "172.16.0.0/16"],
      ["least-recently-used", "fd00::/64"],
    ],
  },
  {
    kind: "on disk",
    open: (directory) => openLmdbStore({ directory: join(directory, "store") }),
    atOnce: 250,
    of: [
      ["least-recently-used", "172.16.0.0/16"],
      ["lowest", "fd00::/64"],
    ],
  },
];

async function withStore(
  open: (directory: string) => Promise<Store>,
  work: (store: Store) => Promise<void>,
) {
  const directory = await mkdtemp(join(tmpdir(), "vethwork-ipam-"));
  const store = await open(directory);
  try {
    await work(store);
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
}

describe.each(cases)("65,000 addresses $kind", ({ open, atOnce, of }) => {
  /** Calls for each number in turn; gives the work of the second and of the last thousand. */
  async function twoParts(call: (number: number) => Promise<unknown>): Promise<[number, number]> {
    const calls = async (from: number, to: number) => {
      for (let number = from; number < to; number += atOnce) {
        await Promise.all(Array.from({ length: atOnce }, (_, n) => call(number + n)));
      }
    };
    await calls(0, part);
    const second = await workIn("lib/network", () => calls(part, 2 * part));
    await calls(2 * part, count - part);
    return [second, await workIn("lib/network", () => calls(count - part, count))];
  }

  test.each(of)(
    "given by the %s of %s and taken back",
    { timeout: 300_000 },
    async (strategy, subnet) => {
      await withStore(open, async (store) => {
        const ipam = new Ipam({ store });
        await ipam.allocateSubnet({ holder: "net", subnet, strategy });
        const given: string[] = [];
        const [early, late] = await twoParts(async (number) => {
          given[number] = await ipam.allocateAddress({ subnet, holder: `endpoint ${number}` });
        });
        expect(new Set(given).size).toBe(count);
        expect(early).toBeGreaterThan(part);
        expect(late).toBeLessThan(early * 3);
        const [earlyRelease, lateRelease] = await twoParts((number) =>
          ipam.releaseAddress({
            subnet,
            holder: `endpoint ${number}`,
            address: given[number] ?? "",
          }),
        );
        expect(lateRelease).toBeLessThan(earlyRelease * 3);
        expect((await ipam.describe(subnet)).held).toEqual([]);
        expect(await ipam.releaseSubnet({ subnet, holder: "net" })).toBe(true);
        expect((await store.list("ipam/default/released/")).entries).toEqual([]);
      });
    },
  );
});
