// Subnets and addresses as they are given and taken back; the order is that of Docker.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Ipam } from "../../../lib/network/ipam/ipam.ts";
import type { AllocateSubnetOptions } from "../../../lib/network/ipam/options.ts";
import { openMemoryStore } from "../../../lib/network/store/memory.ts";
import type { Store } from "../../../lib/network/store/store.ts";
import { refused } from "../refused.ts";

let store: Store;
let ipam: Ipam;
beforeEach(() => {
  store = openMemoryStore();
  ipam = new Ipam({ store });
});
afterEach(() => store.close());

const holder = "web";
const wrong = (property: string) => ({ code: "ERR_INVALID_ARG_TYPE", property });
const far = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });

/** Addresses of a subnet, one after the other, until there are none, or so many. */
async function addresses(subnet: string, most = 300): Promise<string[]> {
  const given: string[] = [];
  while (given.length < most) {
    const refusal = await refused(async () => {
      given.push(await ipam.allocateAddress({ subnet, holder: `endpoint ${given.length}` }));
    });
    if (refusal !== undefined) {
      expect(refusal).toEqual({ code: "POOL_EXHAUSTED" });
      break;
    }
  }
  return given;
}

/** The refusal of a subnet, and that it left nothing. */
async function subnetRefusal(options: Omit<AllocateSubnetOptions, "holder">) {
  const { revision } = await store.list("");
  const refusal = await refused(() => ipam.allocateSubnet({ holder, ...options }));
  expect((await store.list("")).revision).toBe(revision);
  return refusal;
}

describe("a subnet", () => {
  test("of the default pools is the lowest that overlaps nothing", async () => {
    const eth0 = { subnet: "172.18.3.7/20", name: "route to eth0" };
    const byDefault = { subnet: "0.0.0.0/0", name: "default route" };
    const occupied = [eth0, byDefault];
    const given = await ipam.allocateSubnet({ holder, occupied });
    expect(given).toEqual({
      subnet: "172.17.0.0/16",
      holder: "web",
      range: "172.17.0.0/16",
      gateway: "172.17.0.1",
      auxiliary: {},
      strategy: "lowest",
    });
    expect((await ipam.allocateSubnet({ holder: "db", occupied })).subnet).toBe("172.19.0.0/16");
    expect((await ipam.allocateSubnet({ holder: "mail" })).subnet).toBe("172.18.0.0/16");
    expect(await ipam.releaseSubnet({ subnet: given.subnet, holder })).toBe(true);
    expect((await ipam.allocateSubnet({ holder: "api" })).subnet).toBe("172.17.0.0/16");
    expect((await ipam.listSubnets()).map((one) => [one.subnet, one.holder])).toEqual([
      ["172.17.0.0/16", "api"],
      ["172.18.0.0/16", "mail"],
      ["172.19.0.0/16", "db"],
    ]);
  });

  test("is refused when the pools have no more", async () => {
    const pools = [{ base: "10.0.0.0/23", size: 24 }];
    await ipam.allocateSubnet({ holder, pools });
    await ipam.allocateSubnet({ holder, pools });
    expect(await subnetRefusal({ pools })).toEqual({ code: "POOL_EXHAUSTED" });
    expect(await subnetRefusal({ pools: [] })).toEqual({ code: "POOL_EXHAUSTED" });
    for (let count = 0; count < 31; count += 1) await ipam.allocateSubnet({ holder });
    expect(await subnetRefusal({})).toEqual({ code: "POOL_EXHAUSTED" });
  });

  test("of IPv6 is of one random prefix for each space", async () => {
    const first = await ipam.allocateSubnet({ holder, family: "inet6" });
    const second = await new Ipam({ store }).allocateSubnet({ holder, family: "inet6" });
    const prefix = /^(fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+):/.exec(first.subnet)?.[1];
    expect(prefix).toBeDefined();
    expect([first.subnet, second.subnet]).toEqual([`${prefix}::/64`, `${prefix}:1::/64`]);
    expect(first.gateway).toBe(`${prefix}::1`);
    const elsewhere = await new Ipam({ store, space: "b" }).allocateSubnet({
      holder,
      family: "inet6",
    });
    expect(elsewhere.subnet).not.toBe(first.subnet);
  });

  test("that overlaps another is refused by the other's name", async () => {
    await ipam.allocateSubnet({ holder: "db", subnet: "10.1.0.0/16" });
    const conflict = "db";
    for (const subnet of ["10.1.0.0/16", "10.0.0.0/8", "10.1.255.0/24", "10.1.2.3/32"]) {
      expect(await subnetRefusal({ subnet })).toEqual({ code: "POOL_OVERLAP", conflict });
    }
    const occupied = [{ subnet: "192.168.1.5/24", name: "route to eth0" }];
    expect(await subnetRefusal({ subnet: "192.168.0.0/16", occupied })).toEqual({
      code: "POOL_OVERLAP",
      conflict: "route to eth0",
    });
    expect((await ipam.allocateSubnet({ holder, subnet: "192.168.0.0/16" })).holder).toBe(holder);
    await expect(ipam.allocateSubnet({ holder, subnet: "10.1.0.0/24" })).rejects.toThrow(
      'allocateSubnet "web": POOL_OVERLAP, 10.1.0.0/24 overlaps 10.1.0.0/16 of "db"',
    );
  });

  test("of another space may overlap", async () => {
    await ipam.allocateSubnet({ holder, subnet: "10.1.0.0/16" });
    const other = new Ipam({ store, space: "lan-2" });
    await other.allocateSubnet({ holder, subnet: "10.1.0.0/16" });
    expect(await other.allocateAddress({ subnet: "10.1.0.0/16", holder })).toBe("10.1.0.2");
    expect(await ipam.allocateAddress({ subnet: "10.1.0.0/16", holder })).toBe("10.1.0.2");
  });

  test.each([
    ["10.0.0.1/24", undefined],
    ["fd00::1/64", undefined],
    ["0.0.0.0/0", "0.0.0.0/8"],
    ["127.0.0.0/8", "127.0.0.0/8"],
    ["127.1.2.0/24", "127.0.0.0/8"],
    ["64.0.0.0/2", "127.0.0.0/8"],
    ["224.0.0.0/24", "224.0.0.0/4"],
    ["255.255.255.255/32", "255.255.255.255/32"],
    ["::/0", "::/127"],
    ["::1/128", "::/127"],
    ["fe80::/64", "fe80::/10"],
    ["ff02::/16", "ff00::/8"],
    ["::ffff:10.0.0.0/104", "::ffff:0.0.0.0/96"],
  ])("%s is none", async (subnet, conflict) => {
    const refusal = await subnetRefusal({ subnet });
    expect(refusal).toEqual({ code: "SUBNET_INVALID", ...(conflict ? { conflict } : {}) });
    if (conflict === undefined) return;
    expect((await ipam.allocateSubnet({ holder, subnet, allowUnusable: true })).subnet).toBe(
      subnet,
    );
  });

  test("of pools is not taken where no host can have an address", async () => {
    const pools = [{ base: "127.0.0.0/8", size: 16 }];
    expect(await subnetRefusal({ pools, allowUnusable: true })).toMatchObject({
      code: "SUBNET_INVALID",
    });
  });

  test("has its gateway and auxiliary addresses in it, each for one thing", async () => {
    const subnet = "10.1.0.0/24";
    const outside = { code: "ADDRESS_OUTSIDE" };
    const reserved = { code: "ADDRESS_RESERVED" };
    expect(await subnetRefusal({ subnet, gateway: "10.1.1.1" })).toEqual(outside);
    expect(await subnetRefusal({ subnet, gateway: "fd00::1" })).toEqual(outside);
    expect(await subnetRefusal({ subnet, gateway: "10.1.0.0" })).toEqual(reserved);
    expect(await subnetRefusal({ subnet, gateway: "10.1.0.255" })).toEqual(reserved);
    expect(await subnetRefusal({ subnet, auxiliary: { router: "10.2.0.1" } })).toEqual(outside);
    expect(await subnetRefusal({ subnet, auxiliary: { router: "10.1.0.255" } })).toEqual(reserved);
    expect(
      await subnetRefusal({ subnet, gateway: "10.1.0.9", auxiliary: { router: "10.1.0.9" } }),
    ).toEqual({ code: "ADDRESS_TAKEN", conflict: "the gateway" });
    expect(
      await subnetRefusal({ subnet, auxiliary: { one: "10.1.0.9", two: "10.1.0.9" } }),
    ).toEqual({ code: "ADDRESS_TAKEN", conflict: 'auxiliary "one"' });
    expect(await subnetRefusal({ subnet: "fd00::/64", gateway: "fd00::" })).toEqual(reserved);
    expect(await subnetRefusal({ subnet, range: "10.1.1.0/28" })).toMatchObject({
      code: "SUBNET_INVALID",
    });
    expect(await subnetRefusal({ subnet, range: "10.1.0.1/28" })).toMatchObject({
      code: "SUBNET_INVALID",
    });
    expect(await subnetRefusal({ subnet, range: "10.1.0.255/32" })).toMatchObject({
      code: "SUBNET_INVALID",
    });
  });

  test("is taken back from its holder alone, once, and when nobody has an address of it", async () => {
    const { subnet } = await ipam.allocateSubnet({ holder });
    const address = await ipam.allocateAddress({ subnet, holder: "endpoint" });
    const inUse = { code: "SUBNET_IN_USE", conflict: "endpoint" };
    expect(await refused(() => ipam.releaseSubnet({ subnet, holder }))).toEqual(inUse);
    await ipam.releaseAddress({ subnet, holder: "endpoint", address });
    expect(await ipam.releaseSubnet({ subnet, holder: "db" })).toBe(false);
    expect(await ipam.releaseSubnet({ subnet, holder })).toBe(true);
    expect(await ipam.releaseSubnet({ subnet, holder })).toBe(false);
    expect(await ipam.listSubnets()).toEqual([]);
    const missing = { code: "SUBNET_MISSING" };
    expect(await refused(() => ipam.allocateAddress({ subnet, holder }))).toEqual(missing);
    expect(await refused(() => ipam.describe(subnet))).toEqual(missing);
    expect(await ipam.releaseAddress({ subnet, holder, address })).toBe(false);
  });

  test("that an unknown call was just giving an address of is not taken back", async () => {
    const { subnet } = await ipam.allocateSubnet({ holder });
    const other = new Ipam({ store });
    await other.listSubnets();
    const outcomes = await Promise.allSettled([
      other.allocateAddress({ subnet, holder: "endpoint" }),
      ipam.releaseSubnet({ subnet, holder }),
    ]);
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(1);
    const held = (await store.list("ipam/default/held/")).entries;
    expect(held).toHaveLength((await ipam.listSubnets()).length);
  });

  test("is described with all that is held", async () => {
    const options = {
      subnet: "10.1.0.0/24",
      range: "10.1.0.8/29",
      auxiliary: { host: "10.1.0.9" },
    };
    const given = await ipam.allocateSubnet({ holder, ...options });
    const { subnet } = given;
    await ipam.allocateAddress({ subnet, holder: "b", address: "10.1.0.100" });
    await ipam.allocateAddress({ subnet, holder: "a" });
    expect(await ipam.describe(subnet)).toEqual({
      ...given,
      gateway: "10.1.0.8",
      size: 6n,
      free: 5n,
      held: [
        { address: "10.1.0.10", holder: "a" },
        { address: "10.1.0.100", holder: "b" },
      ],
    });
    const { subnet: six } = await ipam.allocateSubnet({ holder, subnet: "fd00::/64" });
    expect(await ipam.describe(six)).toMatchObject({ size: 2n ** 64n - 2n, free: 2n ** 64n - 2n });
  });
});

describe("addresses", () => {
  const subnet = "10.1.0.0/24";

  test("are given from the lowest, and a released one is given again at once", async () => {
    await ipam.allocateSubnet({ holder, subnet });
    expect(await addresses(subnet, 4)).toEqual(["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"]);
    const released = { subnet, holder: "endpoint 1", address: "10.1.0.3" };
    expect(await ipam.releaseAddress(released)).toBe(true);
    expect(await ipam.allocateAddress({ subnet, holder })).toBe("10.1.0.3");
    expect(await ipam.allocateAddress({ subnet, holder })).toBe("10.1.0.6");
  });

  test("are given the least recently used first", async () => {
    const strategy = "least-recently-used";
    await ipam.allocateSubnet({ holder, subnet: "10.1.0.0/29", strategy });
    const six = ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"];
    const release = (address: string) =>
      ipam.releaseAddress({
        subnet: "10.1.0.0/29",
        holder: `endpoint ${six.indexOf(address)}`,
        address,
      });
    expect(await addresses("10.1.0.0/29", 3)).toEqual(six.slice(0, 3));
    for (const address of ["10.1.0.4", "10.1.0.2", "10.1.0.3"]) await release(address);
    expect(await addresses("10.1.0.0/29")).toEqual([
      "10.1.0.5",
      "10.1.0.6",
      "10.1.0.4",
      "10.1.0.2",
      "10.1.0.3",
    ]);
  });

  test.each([
    ["10.1.0.0/28", 13, "10.1.0.2", "10.1.0.14"],
    ["10.1.0.0/29", 5, "10.1.0.2", "10.1.0.6"],
    ["10.1.0.0/30", 1, "10.1.0.2", "10.1.0.2"],
    ["10.1.0.0/31", 1, "10.1.0.1", "10.1.0.1"],
    ["10.1.0.7/32", 0, undefined, undefined],
    ["fd00::/124", 14, "fd00::2", "fd00::f"],
    ["fd00::/126", 2, "fd00::2", "fd00::3"],
    ["fd00::/127", 1, "fd00::1", "fd00::1"],
    ["fd00::/128", 0, undefined, undefined],
  ])("of %s are %i beside the gateway", async (subnet, count, first, last) => {
    await ipam.allocateSubnet({ holder, subnet });
    const given = await addresses(subnet);
    expect([given.length, given[0], given.at(-1)]).toEqual([count, first, last]);
    expect(await ipam.describe(subnet)).toMatchObject({ size: BigInt(count), free: 0n });
  });

  test.each([
    ["10.1.0.0/30", ["10.1.0.1", "10.1.0.2"]],
    ["10.1.0.0/31", ["10.1.0.0", "10.1.0.1"]],
    ["10.1.0.0/32", ["10.1.0.0"]],
    ["fd00::/127", ["fd00::", "fd00::1"]],
  ])("of %s without a gateway are %s", async (subnet, all) => {
    const given = await ipam.allocateSubnet({ holder, subnet, gateway: false });
    expect(given).not.toHaveProperty("gateway");
    expect(await addresses(subnet)).toEqual(all);
  });

  test("start at the first when the gateway is elsewhere", async () => {
    await ipam.allocateSubnet({ holder, subnet, gateway: "10.1.0.100" });
    const given = await addresses(subnet);
    expect([given.length, given[0]]).toEqual([253, "10.1.0.1"]);
    expect(given).not.toContain("10.1.0.100");
  });

  test("of a range are all of it but its first, which is the gateway's", async () => {
    const given = await ipam.allocateSubnet({
      holder,
      subnet: "10.101.0.0/16",
      range: "10.101.5.0/29",
    });
    expect(given.gateway).toBe("10.101.5.0");
    expect(await addresses("10.101.0.0/16")).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((last) => `10.101.5.${last}`),
    );
  });

  test("that are auxiliary are given to nobody", async () => {
    const auxiliary = { router: "10.1.0.1", ["__proto__"]: "10.1.0.3" };
    const given = await ipam.allocateSubnet({ holder, subnet, auxiliary });
    expect(given.gateway).toBe("10.1.0.2"); // the first that is free
    expect(Object.entries(given.auxiliary)).toEqual([
      ["router", "10.1.0.1"],
      ["__proto__", "10.1.0.3"],
    ]);
    expect(await addresses(subnet, 1)).toEqual(["10.1.0.4"]);
    expect(
      await refused(() => ipam.allocateAddress({ subnet, holder, address: "10.1.0.3" })),
    ).toEqual({ code: "ADDRESS_TAKEN", conflict: 'auxiliary "__proto__"' });
  });

  test("can be chosen, in the range or not", async () => {
    await ipam.allocateSubnet({ holder, subnet, range: "10.1.0.0/29" });
    for (const address of ["10.1.0.3", "10.1.0.200"]) {
      expect(await ipam.allocateAddress({ subnet, holder, address })).toBe(address);
    }
    expect(await addresses(subnet)).toEqual([
      "10.1.0.2",
      "10.1.0.4",
      "10.1.0.5",
      "10.1.0.6",
      "10.1.0.7",
    ]);
    expect(await ipam.releaseAddress({ subnet, holder, address: "10.1.0.200" })).toBe(true);
    expect(await addresses(subnet)).toEqual([]);
    const { subnet: six } = await ipam.allocateSubnet({ holder, subnet: "FD00:0::/64" });
    expect(await ipam.allocateAddress({ subnet: six, holder, address: "FD00::0AB" })).toBe(
      "fd00::ab",
    );
    expect(
      await ipam.releaseAddress({ subnet: "fd00::/64", holder, address: "fd00:0::00ab" }),
    ).toBe(true);
  });

  test("that cannot be had are refused by what is in the way", async () => {
    await ipam.allocateSubnet({ holder, subnet });
    await ipam.allocateAddress({ subnet, holder: "db", address: "10.1.0.9" });
    const refusal = (address: string) =>
      refused(() => ipam.allocateAddress({ subnet, holder, address }));
    expect(await refusal("10.1.0.9")).toEqual({ code: "ADDRESS_TAKEN", conflict: "db" });
    expect(await refusal("10.1.0.1")).toEqual({ code: "ADDRESS_TAKEN", conflict: "the gateway" });
    expect(await refusal("10.1.1.9")).toEqual({ code: "ADDRESS_OUTSIDE" });
    expect(await refusal("fd00::9")).toEqual({ code: "ADDRESS_OUTSIDE" });
    expect(await refusal("10.1.0.0")).toEqual({ code: "ADDRESS_RESERVED" });
    expect(await refusal("10.1.0.255")).toEqual({ code: "ADDRESS_RESERVED" });
    expect((await ipam.describe(subnet)).held).toEqual([{ address: "10.1.0.9", holder: "db" }]);
  });

  test("are taken back from their holder alone, and once", async () => {
    await ipam.allocateSubnet({ holder, subnet });
    const [address = ""] = await addresses(subnet, 1);
    const mine = { subnet, holder: "endpoint 0", address };
    expect(await ipam.releaseAddress({ ...mine, holder: "other" })).toBe(false);
    expect(await ipam.releaseAddress({ ...mine, subnet: "10.2.0.0/24" })).toBe(false);
    expect(await ipam.releaseAddress(mine)).toBe(true);
    await ipam.allocateAddress({ subnet, holder: "next" });
    expect(await ipam.releaseAddress(mine)).toBe(false);
    expect((await ipam.describe(subnet)).held).toEqual([{ address, holder: "next" }]);
  });

  test("that are asked for at the same time, on two handles, are different and the lowest", async () => {
    await ipam.allocateSubnet({ holder, subnet: "10.1.0.0/23" });
    const handles = [ipam, new Ipam({ store })];
    const given = await Promise.all(
      Array.from({ length: 400 }, (_, n) =>
        (handles[n % 2] as Ipam).allocateAddress({
          subnet: "10.1.0.0/23",
          holder: `endpoint ${n}`,
        }),
      ),
    );
    const { held } = await ipam.describe("10.1.0.0/23");
    expect(new Set(given)).toEqual(new Set(held.map(({ address }) => address)));
    expect(held).toHaveLength(400);
    expect(held.at(-1)?.address).toBe("10.1.1.145"); // 0.2 to 1.145 are 400
  });

  test("are known again when the store has forgotten what was changed", async () => {
    await ipam.allocateSubnet({ holder, subnet });
    await new Ipam({ store }).allocateAddress({ subnet, holder });
    for (let count = 0; count < 20_001; count += 1) {
      await store.commit({ put: [{ key: "other", value: count }] });
    }
    expect(await refused(() => store.changes("", 1))).toEqual({ code: "STORE_COMPACTED" });
    expect(await ipam.allocateAddress({ subnet, holder })).toBe("10.1.0.3");
  });

  test("are remembered as released up to 65,536 times", async () => {
    await ipam.allocateSubnet({ holder, subnet: "fd00::/64", strategy: "least-recently-used" });
    // As if fd00::2 to fd00::1:0001 had been given and released, in this order.
    const keys = Array.from(
      { length: 65_536 },
      (_, n) =>
        `ipam/default/released/fd00::/64/fd00::${n + 2 > 0xffff ? "1:" : ""}${((n + 2) & 0xffff).toString(16)}`,
    );
    for (let begin = 0; begin < keys.length; begin += 100) {
      await store.commit({
        put: keys.slice(begin, begin + 100).map((key) => ({ key, value: {} })),
      });
    }
    const next = { subnet: "fd00::/64", holder };
    const address = await ipam.allocateAddress(next);
    expect(address).toBe("fd00::1:2"); // the lowest that nobody ever had
    await ipam.releaseAddress({ ...next, address });
    const { entries } = await store.list("ipam/default/released/");
    expect(entries).toHaveLength(65_536);
    expect(await store.get(keys[0] ?? "")).toBeUndefined();
    expect(await ipam.allocateAddress(next)).toBe("fd00::2"); // forgotten, as if never given
    expect(await ipam.allocateAddress(next)).toBe("fd00::1:3");
  });

  test("are not managed by records that somebody else wrote", async () => {
    await ipam.allocateSubnet({ holder, subnet });
    for (const value of [5, null, [], {}, { holder: 5 }]) {
      await store.commit({ put: [{ key: `ipam/default/held/${subnet}/10.1.0.9`, value }] });
      const refusal = await refused(() => new Ipam({ store }).listSubnets());
      expect(refusal).toEqual({ code: "STORE_CORRUPT" });
    }
  });
});

describe("bad arguments", () => {
  test.each<[string, Record<string, unknown>]>([
    ["holder", {}],
    ["holder", { holder: 5 }],
    ["subnet", { holder, subnet: 5 }],
    ["pools", { holder, pools: "10.0.0.0/8" }],
    ["occupied", { holder, occupied: {} }],
    ["occupied[0].name", { holder, occupied: [{ subnet: "10.0.0.0/8" }] }],
    ["occupied[0].mask", { holder, occupied: [{ subnet: "10.0.0.0/8", name: "a", mask: 8 }] }],
    ["auxiliary", { holder, subnet: "10.0.0.0/8", auxiliary: 5 }],
    ["auxiliary.a", { holder, subnet: "10.0.0.0/8", auxiliary: { a: 5 } }],
    ["gateway", { holder, subnet: "10.0.0.0/8", gateway: true }],
    ["range", { holder, subnet: "10.0.0.0/8", range: 5 }],
    ["strategy", { holder, strategy: 5 }],
    ["allowUnusable", { holder, allowUnusable: "yes" }],
    ["ipRange", { holder, ipRange: "10.0.0.0/8" }],
  ])("of a subnet: %s of the wrong type", async (property, options) => {
    expect(await subnetRefusal({ ...options, holder: options.holder } as never)).toEqual(
      wrong(property),
    );
  });

  test.each<[string, Record<string, unknown>]>([
    ["holder", { holder: "" }],
    ["holder", { holder: "x".repeat(257) }],
    ["subnet", { subnet: "10.0.0.0/33" }],
    ["subnet", { subnet: "10.0.0/24" }],
    ["family", { family: "ipv6" }],
    ["family", { family: "inet", subnet: "10.0.0.0/8" }],
    ["pools", { pools: [], subnet: "10.0.0.0/8" }],
    ["range", { range: "10.0.0.0/24" }],
    ["auxiliary", { auxiliary: { a: "10.0.0.1" } }],
    ["gateway", { gateway: "10.0.0.1" }],
    ["gateway", { subnet: "10.0.0.0/8", gateway: "10.0.0.1/8" }],
    ["auxiliary", { subnet: "10.0.0.0/8", auxiliary: { "": "10.0.0.1" } }],
    ["auxiliary.a", { subnet: "10.0.0.0/8", auxiliary: { a: "10.0.0.256" } }],
    ["occupied[0].subnet", { occupied: [{ subnet: "default", name: "a" }] }],
    ["strategy", { strategy: "highest" }],
  ])("of a subnet: %s out of range", async (property, options) => {
    expect(await subnetRefusal(options)).toEqual(far(property));
  });

  test("of addresses, descriptions and handles", async () => {
    const subnet = "10.0.0.0/8";
    const refusal = (options: unknown) => refused(() => ipam.allocateAddress(options as never));
    expect(await refusal(undefined)).toEqual(wrong("options"));
    expect(await refusal({ subnet })).toEqual(wrong("holder"));
    expect(await refusal({ holder })).toEqual(wrong("subnet"));
    expect(await refusal({ subnet: "web", holder })).toEqual(far("subnet"));
    expect(await refusal({ subnet, holder, address: "10.0.0.1/8" })).toEqual(far("address"));
    expect(await refusal({ subnet, holder, ip: "10.0.0.1" })).toEqual(wrong("ip"));
    expect(await refused(() => ipam.releaseAddress({ subnet, holder } as never))).toEqual(
      wrong("address"),
    );
    expect(await refused(() => ipam.releaseSubnet({ subnet } as never))).toEqual(wrong("holder"));
    expect(await refused(() => ipam.describe(5 as never))).toEqual(wrong("subnet"));
    const made = (options: unknown) => refused(() => new Ipam(options as never));
    expect(await made({})).toEqual(wrong("store"));
    expect(await made({ store: null })).toEqual(wrong("store"));
    expect(await made({ store, space: 5 })).toEqual(wrong("space"));
    expect(await made({ store, space: "a/b" })).toEqual(far("space"));
    expect(await made({ store, name: "a" })).toEqual(wrong("name"));
  });

  test("on a store that was closed", async () => {
    await store.close();
    const closed = { code: "STORE_CLOSED" };
    expect(await refused(() => ipam.allocateSubnet({ holder }))).toEqual(closed);
    expect(await refused(() => ipam.listSubnets())).toEqual(closed);
  });
});

describe("an address by a lease", () => {
  const subnet = "10.1.0.0/29";
  const held = async () => (await ipam.describe(subnet)).held.map(({ address }) => address);
  beforeEach(() => ipam.allocateSubnet({ holder, subnet }));

  test("is free when the lease ends, and not before", async () => {
    const { id: lease, close } = await store.openLease().then((one) => ({
      id: one.id,
      close: () => one.close(),
    }));
    const given = await ipam.allocateAddress({ subnet, holder: "a", lease });
    expect(await held()).toEqual([given]);
    await close();
    expect(await held()).toEqual([]);
    expect(await ipam.allocateAddress({ subnet, holder: "b" })).toBe(given);
  });

  test("is given again to its holder alone, by another lease", async () => {
    const [first, next] = [await store.openLease(), await store.openLease()];
    const address = await ipam.allocateAddress({ subnet, holder: "a", lease: first.id });
    const again = { subnet, address, lease: next.id, again: true };
    expect(await refused(() => ipam.allocateAddress({ ...again, holder: "b" }))).toEqual({
      ...{ code: "ADDRESS_TAKEN", conflict: "a" },
    });
    expect(
      await refused(() => ipam.allocateAddress({ ...again, again: false, holder: "a" })),
    ).toEqual({ code: "ADDRESS_TAKEN", conflict: "a" });
    expect(await ipam.allocateAddress({ ...again, holder: "a" })).toBe(address);
    await first.close();
    expect(await held()).toEqual([address]);
    await next.close();
    expect(await held()).toEqual([]);
  });

  test("that has ended is refused, and gives none", async () => {
    const lease = await store.openLease();
    await lease.close();
    expect(
      await refused(() => ipam.allocateAddress({ subnet, holder: "a", lease: lease.id })),
    ).toEqual({ code: "LEASE_LOST" });
    expect(await held()).toEqual([]);
  });
});
