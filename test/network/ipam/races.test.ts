// What somebody else changes between the moment when a call has looked and the moment when it commits.

import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Ipam } from "../../../lib/network/ipam/ipam.ts";
import { openMemoryStore } from "../../../lib/network/store/memory.ts";
import type { Outcome, Store } from "../../../lib/network/store/store.ts";
import { refused } from "../refused.ts";

const subnet = "10.1.0.0/24";
const mine = { subnet, holder: "mine" };
const net = { subnet, holder: "net" };

let store: Store;
let other: Ipam;
beforeEach(async () => {
  store = openMemoryStore();
  other = new Ipam({ store });
  await other.allocateSubnet(net);
});
afterEach(() => store.close());

/** The same store, for a handle before whose next commit something else is done. */
function interposed(before: () => Promise<unknown>): Ipam {
  let done = false;
  const commit: Store["commit"] = async (steps) => {
    if (!done) {
      done = true;
      await before();
    }
    return await store.commit(steps);
  };
  return new Ipam({ store: { ...bound(store), commit } });
}

function bound(store: Store): Store {
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    changes: (prefix, after) => store.changes(prefix, after),
    commit: (commit) => store.commit(commit),
    watch: (options) => store.watch(options),
    openLease: (options) => store.openLease(options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

describe("many at the same time", () => {
  test("give addresses under leases in few commits, and the lowest to whoever is alone", async () => {
    await using lease = await store.openLease();
    let commits = 0;
    const commit: Store["commit"] = async (steps) => {
      commits += 1;
      // All have looked before any of them commits.
      await setImmediate();
      return await store.commit(steps);
    };
    const hosts = Array.from(
      { length: 20 },
      () => new Ipam({ store: { ...bound(store), commit } }),
    );
    const given: string[] = [];
    const work = async (ipam: Ipam, host: number) => {
      for (let n = 0; n < 10; n += 1) {
        const holder = `${host} ${n}`;
        given.push(await ipam.allocateAddress({ subnet, holder, lease: lease.id }));
      }
    };
    await Promise.all(hosts.map(work));
    expect(new Set(given).size).toBe(200);
    // If all chose the next one, it would take about half as many commits each as there are hosts.
    expect(commits).toBeLessThan(200 * 5);
    const { held } = await other.describe(subnet);
    const taken = new Set(held.map(({ address }) => address));
    const lowest = Array.from({ length: 253 }, (_, n) => `10.1.0.${n + 2}`).find(
      (address) => !taken.has(address),
    );
    expect(await other.allocateAddress({ subnet, holder: "last", lease: lease.id })).toBe(lowest);
  });
});

describe("between looking and committing", () => {
  test("the address is taken: another is given", async () => {
    const ipam = interposed(() => other.allocateAddress({ subnet, holder: "other" }));
    expect(await ipam.allocateAddress(mine)).toBe("10.1.0.3");
    expect((await other.describe(subnet)).held).toEqual([
      { address: "10.1.0.2", holder: "other" },
      { address: "10.1.0.3", holder: "mine" },
    ]);
  });

  test("the chosen address is taken: it is refused", async () => {
    const address = "10.1.0.9";
    const ipam = interposed(() => other.allocateAddress({ subnet, holder: "other", address }));
    expect(await refused(() => ipam.allocateAddress({ ...mine, address }))).toEqual({
      code: "ADDRESS_TAKEN",
      conflict: "other",
    });
  });

  test("the subnet is taken back: no address of it is given", async () => {
    const ipam = interposed(() => other.releaseSubnet(net));
    expect(await refused(() => ipam.allocateAddress(mine))).toEqual({ code: "SUBNET_MISSING" });
    expect((await store.list("ipam/default/held/")).entries).toEqual([]);
  });

  test("the subnet becomes another of the same name: its address is given", async () => {
    const ipam = interposed(async () => {
      await other.releaseSubnet(net);
      await other.allocateSubnet({ ...net, gateway: "10.1.0.2" });
    });
    expect(await ipam.allocateAddress(mine)).toBe("10.1.0.1");
  });

  test("an address of the subnet is given: it is not taken back", async () => {
    const ipam = interposed(() => other.allocateAddress({ subnet, holder: "other" }));
    expect(await refused(() => ipam.releaseSubnet(net))).toEqual({
      code: "SUBNET_IN_USE",
      conflict: "other",
    });
  });

  test("the address is given back and taken: the next holder keeps it", async () => {
    const address = await other.allocateAddress(mine);
    const ipam = interposed(async () => {
      await other.releaseAddress({ ...mine, address });
      await other.allocateAddress({ subnet, holder: "next" });
    });
    expect(await ipam.releaseAddress({ ...mine, address })).toBe(false);
    expect((await other.describe(subnet)).held).toEqual([{ address, holder: "next" }]);
  });

  test("the subnet overlaps a new one: it is refused, or another is given", async () => {
    const taking = (name: string, subnet: string) => () =>
      other.allocateSubnet({ holder: name, subnet });
    const named = interposed(taking("first", "10.2.0.0/16"));
    expect(
      await refused(() => named.allocateSubnet({ holder: "b", subnet: "10.2.3.0/24" })),
    ).toEqual({
      code: "POOL_OVERLAP",
      conflict: "first",
    });
    const next = interposed(taking("second", "172.16.0.0/15"));
    expect((await next.allocateSubnet({ holder: "c" })).subnet).toBe("172.18.0.0/16");
  });

  test("everything changes, again and again: the call is refused as busy", async () => {
    const ipam = new Ipam({
      store: {
        ...bound(store),
        commit: async (commit) => {
          await other.allocateAddress({ subnet, holder: "other" });
          return await store.commit(commit);
        },
      },
    });
    expect(await refused(() => ipam.allocateAddress(mine))).toEqual({ code: "STORE_BUSY" });
    expect((await other.describe(subnet)).held.map(({ holder }) => holder)).not.toContain("mine");
  });
});

test("calls of one handle never try for the same address", async () => {
  const outcomes: Outcome[] = [];
  const ipam = new Ipam({
    store: {
      ...bound(store),
      commit: async (commit) => {
        await setImmediate();
        const outcome = await store.commit(commit);
        outcomes.push(outcome);
        return outcome;
      },
      changes: async (prefix, after) => {
        const history = await store.changes(prefix, after);
        await setImmediate();
        return history;
      },
    },
  });
  const calls: Promise<string>[] = [];
  for (let call = 0; call < 200; call += 1) {
    calls.push(ipam.allocateAddress(mine));
    if (call % 3 === 0) await setImmediate();
  }
  expect(new Set(await Promise.all(calls)).size).toBe(200);
  expect(outcomes.filter(({ committed }) => !committed)).toEqual([]);
});

test("a space of which everything was taken away is begun anew by who knew it", async () => {
  await other.allocateAddress(mine);
  await store.commit({ deletePrefix: ["ipam/default/"] });
  expect(await other.listSubnets()).toEqual([]);
  expect(await refused(() => other.allocateAddress(mine))).toEqual({ code: "SUBNET_MISSING" });
  expect(await other.allocateSubnet(net)).toMatchObject({ subnet });
  const anew = new Ipam({ store });
  expect(await anew.allocateAddress(mine)).toBe("10.1.0.2");
  expect(await other.releaseAddress({ ...mine, address: "10.1.0.2" })).toBe(true);
  expect(await anew.releaseSubnet(net)).toBe(true);
});
