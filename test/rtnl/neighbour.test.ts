// Neighbours and forwarding databases, against `ip neigh` and `bridge fdb`.

import { describe, expect, test } from "vitest";
import {
  addFdbEntry,
  addNeighbour,
  createLink,
  type FdbEntry,
  type FdbEntrySpec,
  type Link,
  listFdbEntries,
  listNeighbours,
  type Neighbour,
  type NeighbourSpec,
  type NeighbourState,
  removeFdbEntry,
  removeNeighbour,
  replaceFdbEntry,
  replaceNeighbour,
  setLink,
} from "../../lib/index.ts";
import { isSince, needs } from "../support/features.ts";
import {
  bridge,
  ip,
  outOfRange,
  refusalOf,
  type Sandbox,
  withPair,
  wrongType,
} from "../support/sandbox.ts";

const mac = "02:00:00:00:00:09";
const otherMac = "02:00:00:00:00:0a";

/** What `ip` says of the neighbours, without those that are only computed. */
async function shown(sandbox: Sandbox) {
  const neighbours = await ip(sandbox, "neigh", "show", "nud", "all");
  return neighbours.filter(({ state }) => state?.[0] !== "NOARP");
}

async function listed(sandbox: Sandbox): Promise<Neighbour[]> {
  return (await listNeighbours(sandbox)).filter(({ state }) => state !== "noArp");
}

describe("a neighbour that is added", () => {
  test("has everything that was said of it", () =>
    withPair(async (sandbox, near) => {
      await addNeighbour(sandbox, near, {
        address: "10.0.0.9",
        linkAddress: mac,
        state: "reachable",
        flags: ["externallyLearned"],
        protocol: "bird",
      });
      expect(await shown(sandbox)).toEqual([
        {
          dst: "10.0.0.9",
          dev: "eth0",
          lladdr: mac,
          extern_learn: null,
          protocol: "bird",
          state: ["REACHABLE"],
        },
      ]);
    }));

  test("is permanent unless it is said, of either family", () =>
    withPair(async (sandbox) => {
      await addNeighbour(sandbox, { name: "eth0" }, { address: "10.0.0.9", linkAddress: mac });
      const router = { address: "fd00::9", linkAddress: mac, flags: ["router"] } as const;
      await addNeighbour(sandbox, { name: "eth0" }, router);

      expect(await shown(sandbox)).toEqual([
        { dst: "10.0.0.9", dev: "eth0", lladdr: mac, state: ["PERMANENT"] },
        { dst: "fd00::9", dev: "eth0", lladdr: mac, router: null, state: ["PERMANENT"] },
      ]);
    }));

  test.each<[NeighbourState, string]>([
    ["reachable", "REACHABLE"],
    ["stale", "STALE"],
    ["permanent", "PERMANENT"],
    ["noArp", "NOARP"],
    [0x20, "FAILED"],
  ])("can be in state %s", (state, word) =>
    withPair(async (sandbox, near) => {
      await addNeighbour(sandbox, near, { address: "10.0.0.9", linkAddress: mac, state });

      const neighbours = await ip(sandbox, "neigh", "show", "to", "10.0.0.9", "nud", "all");
      expect(neighbours).toMatchObject([{ state: [word] }]);
      const ours = (await listNeighbours(sandbox)).find(({ address }) => address === "10.0.0.9");
      expect(ours?.state).toBe(state === 0x20 ? "failed" : state);
    }),
  );

  test("can be looked for by the kernel, once or always", () =>
    withPair(async (sandbox, near, far) => {
      await ip(sandbox, "address", "add", "10.0.0.1/24", "dev", "eth0");
      await addNeighbour(sandbox, near, { address: "10.0.0.9", state: "none", flags: ["use"] });
      await addNeighbour(sandbox, far, {
        address: "10.0.0.8",
        state: "none",
        extendedFlags: ["managed"],
      });

      expect(await shown(sandbox)).toEqual(
        expect.arrayContaining([
          { dst: "10.0.0.9", dev: "eth0", state: ["INCOMPLETE"] },
          { dst: "10.0.0.8", dev: "far0", managed: null, state: ["INCOMPLETE"] },
        ]),
      );
      const extended = (await listed(sandbox)).map((row) => [row.address, row.extendedFlags]);
      expect(extended).toContainEqual(["10.0.0.8", ["managed"]]);
    }));

  test("can be a proxy", () =>
    withPair(async (sandbox, near) => {
      await addNeighbour(sandbox, near, { address: "10.0.0.9", flags: ["proxy"] });
      await addNeighbour(sandbox, near, { address: "fd00::9", flags: ["proxy"] });

      expect(await ip(sandbox, "neigh", "show", "proxy")).toEqual([
        { dst: "10.0.0.9", dev: "eth0", proxy: null },
        { dst: "fd00::9", dev: "eth0", proxy: null },
      ]);
    }));

  test("is replaced by another of its address", () =>
    withPair(async (sandbox, near) => {
      await replaceNeighbour(sandbox, near, { address: "10.0.0.9", linkAddress: mac });
      await replaceNeighbour(sandbox, near, {
        address: "10.0.0.9",
        linkAddress: otherMac,
        state: "stale",
      });
      expect(await shown(sandbox)).toEqual([
        { dst: "10.0.0.9", dev: "eth0", lladdr: otherMac, state: ["STALE"] },
      ]);
    }));
});

describe("a neighbour that is listed", () => {
  test("has everything that ip said of it", () =>
    withPair(async (sandbox, near) => {
      const words = `neigh add 10.0.0.9 lladdr ${mac} dev eth0 nud stale extern_learn protocol bird`;
      await ip(sandbox, ...words.split(" "));
      expect(await listed(sandbox)).toEqual([
        {
          index: near.index,
          family: "inet",
          address: "10.0.0.9",
          linkAddress: mac,
          state: "stale",
          flags: ["externallyLearned"],
          protocol: "bird",
          probes: 0,
          cacheInfo: {
            confirmed: expect.any(Number),
            used: expect.any(Number),
            updated: expect.any(Number),
            references: expect.any(Number),
          },
        },
      ]);
    }));

  test("is chosen by link, master, family, and by being a proxy", () =>
    withPair(async (sandbox, near, far) => {
      const master = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await setLink(sandbox, far, { master });
      for (const words of [
        `10.0.0.9 lladdr ${mac} dev eth0`,
        `fd00::9 lladdr ${mac} dev eth0`,
        `10.0.0.8 lladdr ${mac} dev far0`,
        "proxy 10.0.0.7 dev eth0",
        "proxy fd00::7 dev far0",
      ]) {
        await ip(sandbox, "neigh", "add", ...words.split(" "));
      }
      const chosen = async (filter: Parameters<typeof listNeighbours>[1]): Promise<string[]> => {
        const neighbours = await listNeighbours(sandbox, filter);
        const rows = neighbours.filter(({ state }) => state !== "noArp");
        return rows.map(({ address }) => address).sort();
      };
      expect(await chosen({})).toEqual(["10.0.0.8", "10.0.0.9", "fd00::9"]);
      expect(await chosen({ link: near })).toEqual(["10.0.0.9", "fd00::9"]);
      expect(await chosen({ link: { name: "eth0" }, family: "inet6" })).toEqual(["fd00::9"]);
      expect(await chosen({ family: "inet" })).toEqual(["10.0.0.8", "10.0.0.9"]);
      expect(await chosen({ master })).toEqual(["10.0.0.8"]);
      expect(await chosen({ proxy: false, link: far })).toEqual(["10.0.0.8"]);
      expect(await chosen({ proxy: true })).toEqual(["10.0.0.7", "fd00::7"]);
      expect(await chosen({ proxy: true, link: far.index })).toEqual(["fd00::7"]);
      expect(await chosen({ proxy: true, family: "inet" })).toEqual(["10.0.0.7"]);
      const [proxy] = await listNeighbours(sandbox, { proxy: true, link: near });
      expect(proxy).toMatchObject({ index: near.index, address: "10.0.0.7", flags: ["proxy"] });
      expect(await listNeighbours(sandbox, { link: 999 })).toEqual([]);
    }));
});

describe("a neighbour that is removed", () => {
  test("is named by its address, or as it was listed", () =>
    withPair(async (sandbox, near) => {
      await ip(sandbox, ..."neigh add proxy 10.0.0.7 dev eth0".split(" "));
      for (const address of ["10.0.0.9", "10.0.0.8", "fd00::9"]) {
        await ip(sandbox, "neigh", "add", address, "lladdr", mac, "dev", "eth0");
      }
      await removeNeighbour(sandbox, near, { address: "10.0.0.9" });
      const rest = await listed(sandbox);
      expect(rest.map(({ address }) => address)).toEqual(["10.0.0.8", "fd00::9"]);
      const proxies = await listNeighbours(sandbox, { proxy: true });
      for (const neighbour of [...rest, ...proxies]) {
        await removeNeighbour(sandbox, neighbour, neighbour);
      }
      expect(await shown(sandbox)).toEqual([]);
      expect(await ip(sandbox, "neigh", "show", "proxy")).toEqual([]);
    }));
});

describe("a neighbour that is refused", () => {
  test.each<[NeighbourSpec, object]>([
    [{ address: "10.0.0.300", linkAddress: mac }, outOfRange("address")],
    [{ address: "10.0.0.9/24", linkAddress: mac }, outOfRange("address")],
    [{ address: "10.0.0.9", linkAddress: "02:00" + ":0g" }, outOfRange("linkAddress")],
    [{ address: "10.0.0.9", linkAddress: "" }, outOfRange("linkAddress")],
    [{ address: "10.0.0.9", linkAddress: mac, state: 65536 }, outOfRange("state")],
    [{ address: "10.0.0.9", linkAddress: mac, state: -1 }, outOfRange("state")],
    [{ address: "10.0.0.9", linkAddress: mac, protocol: 1.5 }, outOfRange("protocol")],
    [{ address: "10.0.0.9", linkAddress: "02:00:00:00:00" }, { code: "EINVAL" }],
  ])("%o, and nothing is changed", (spec, refusal) =>
    withPair(async (sandbox, near) => {
      for (const work of [addNeighbour, replaceNeighbour]) {
        expect(await refusalOf(work(sandbox, near, spec))).toMatchObject(refusal);
      }
      expect(await shown(sandbox)).toEqual([]);
    }),
  );

  test("for want of a link-layer address is left behind by the kernel, unresolved", () =>
    withPair(async (sandbox, near) => {
      const work = addNeighbour(sandbox, near, { address: "10.0.0.9" });
      expect(await refusalOf(work)).toMatchObject({ code: "EINVAL" });
      expect(await shown(sandbox)).toEqual([{ dst: "10.0.0.9", dev: "eth0" }]);
      expect(await listed(sandbox)).toMatchObject([{ address: "10.0.0.9", state: "none" }]);
    }));

  test("by its type", () =>
    withPair(async (sandbox, near) => {
      const refused = async (spec: object): Promise<unknown> =>
        await refusalOf(addNeighbour(sandbox, near, spec as NeighbourSpec));
      const address = "10.0.0.9";
      expect(await refused({})).toEqual(wrongType("address"));
      expect(await refused({ address, colour: 1 })).toEqual(wrongType("colour"));
      expect(await refused({ address, device: 1 })).toEqual(wrongType("device"));
      expect(await refused({ address, family: "inet" })).toEqual(wrongType("family"));
      expect(await refused({ address, probes: 1 })).toEqual(wrongType("probes"));
      expect(await refused({ address, flags: ["x"] })).toEqual(wrongType("flags"));
      expect(await refused({ address, state: "asleep" })).toEqual(outOfRange("state"));
      expect(await shown(sandbox)).toEqual([]);
    }));

  test("because there is one, or there is none", () =>
    withPair(async (sandbox, near, far) => {
      const spec = { address: "10.0.0.9", linkAddress: mac };
      await addNeighbour(sandbox, near, spec);
      expect(await refusalOf(addNeighbour(sandbox, near, spec))).toMatchObject({ code: "EEXIST" });
      const gone = { code: "ENOENT" };
      expect(await refusalOf(removeNeighbour(sandbox, far, spec))).toMatchObject(gone);
      const other = { address: "10.0.0.8" };
      expect(await refusalOf(removeNeighbour(sandbox, near, other))).toMatchObject(gone);
      const proxy = { address: "10.0.0.9", flags: ["proxy"] } as const;
      expect(await refusalOf(removeNeighbour(sandbox, near, proxy))).toMatchObject(gone);
      const unknown = { address: "10.0.0.9", colour: 1 };
      expect(await refusalOf(removeNeighbour(sandbox, near, unknown))).toEqual(wrongType("colour"));
      expect(await shown(sandbox)).toHaveLength(1);
    }));

  test("because there is no such link, or no such filter", () =>
    withPair(async (sandbox) => {
      const spec = { address: "10.0.0.9", linkAddress: mac };
      const named = { code: "ENODEV", field: "link" };
      const link = { name: "absent" };
      expect(await refusalOf(addNeighbour(sandbox, link, spec))).toEqual(named);
      expect(await refusalOf(removeNeighbour(sandbox, link, spec))).toEqual(named);
      expect(await refusalOf(addNeighbour(sandbox, 999, spec))).toMatchObject({ code: "ENODEV" });
      expect(await refusalOf(removeNeighbour(sandbox, 999, spec))).toMatchObject({
        code: "ENODEV",
      });
      const proxy = "yes" as unknown as boolean;
      expect(await refusalOf(listNeighbours(sandbox, { proxy }))).toEqual(wrongType("proxy"));
      const filtered = await refusalOf(listNeighbours(sandbox, { link }));
      expect(filtered).toEqual({ code: "ENODEV", field: "device" });
    }));
});

/**
 * A bridge whose one port is eth0 of a pair, in no VLAN: an entry that names none is made in each VLAN
 * of its port, too (net/bridge/br_fdb.c, br_fdb_add()).
 */
async function withPort(
  work: (sandbox: Sandbox, port: Link, master: Link, far: Link) => Promise<void>,
): Promise<void> {
  await withPair(async (sandbox, near, far) => {
    const spec = { kind: "bridge", name: "br0", up: true, vlanDefaultPvid: 0 } as const;
    const master = await createLink(sandbox, spec);
    await setLink(sandbox, near, { master });
    await work(sandbox, near, master, far);
  });
}

/** What `bridge` says of the entries that a test made. */
async function shownFdb(sandbox: Sandbox) {
  const entries = await bridge(sandbox, "fdb", "show");
  return entries.filter((entry) => String(entry.mac).startsWith("02:00:00:00:00:"));
}

async function listedFdb(sandbox: Sandbox): Promise<FdbEntry[]> {
  const entries = await listFdbEntries(sandbox);
  return entries.filter(({ address }) => address.startsWith("02:00:00:00:00:"));
}

describe("an FDB entry that is added", () => {
  test("is the bridge's or the link's own", () =>
    withPort(async (sandbox, port) => {
      await addFdbEntry(sandbox, port, { address: mac, state: "static", flags: ["master"] });
      await addFdbEntry(sandbox, port, { address: otherMac });
      await addFdbEntry(sandbox, { name: "br0" }, { address: "02:00:00:00:00:0b" });

      expect(await shownFdb(sandbox)).toMatchObject([
        { mac, ifname: "eth0", master: "br0", flags: [], state: "static" },
        { mac: otherMac, ifname: "eth0", flags: ["self"], state: "permanent" },
        { mac: "02:00:00:00:00:0b", ifname: "br0", master: "br0", state: "permanent" },
      ]);
    }));

  test.each([
    ["permanent", "permanent"],
    ["static", "static"],
    ["reachable", ""],
  ] as const)("can be in state %s", (state, word) =>
    withPort(async (sandbox, port) => {
      await addFdbEntry(sandbox, port, { address: mac, state, flags: ["master"] });
      expect(await shownFdb(sandbox)).toMatchObject([{ mac, state: word }]);
      expect(await listedFdb(sandbox)).toMatchObject([{ address: mac, state }]);
    }),
  );

  test("can stick to its port", () =>
    withPort(async (sandbox, port) => {
      const flags = ["master", "sticky"] as const;
      await addFdbEntry(sandbox, port, { address: mac, state: "static", flags });
      expect(await shownFdb(sandbox)).toMatchObject([{ mac, flags: ["sticky"], state: "static" }]);
      expect(await listedFdb(sandbox)).toMatchObject([{ address: mac, flags: ["sticky"] }]);
    }));

  test("can be of a VLAN", (context) =>
    withPort(async (sandbox, port, master) => {
      await needs("bridge-vlan-filtering", context);
      await setLink(sandbox, master, { kind: "bridge", vlanDefaultPvid: 1 });
      await setLink(sandbox, master, { kind: "bridge", vlanFiltering: true });
      await addFdbEntry(sandbox, port, { address: mac, vlan: 1, flags: ["master"] });
      expect(await shownFdb(sandbox)).toMatchObject([{ mac, vlan: 1 }]);
      expect(await listedFdb(sandbox)).toMatchObject([{ address: mac, vlan: 1 }]);
    }));

  test("can lead over a VXLAN, with everything that was said of it", () =>
    withPair(async (sandbox, near) => {
      const link = { kind: "vxlan", name: "vx0", vni: 5, destinationPort: 4789 } as const;
      const { index } = await createLink(sandbox, link);
      await addFdbEntry(sandbox, index, {
        address: mac,
        remote: "10.0.0.7",
        vni: 77,
        destinationPort: 5000,
        underlay: near,
      });
      await addFdbEntry(sandbox, index, { address: otherMac, remote: "10.0.0.8", state: "static" });

      expect(await shownFdb(sandbox)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ mac, dst: "10.0.0.7", vni: 77, port: 5000, viaIf: "eth0" }),
          expect.objectContaining({ mac: otherMac, dst: "10.0.0.8", state: "static" }),
        ]),
      );
      for (const entry of await listedFdb(sandbox)) await removeFdbEntry(sandbox, index, entry);
      expect(await shownFdb(sandbox)).toEqual([]);
    }));

  test("can lead from a network by a next hop object", () =>
    withPair(async (sandbox) => {
      await ip(sandbox, ..."nexthop add id 5 via 10.0.0.7 fdb".split(" "));
      await ip(sandbox, ..."nexthop add id 6 group 5 fdb".split(" "));
      await ip(sandbox, ..."link add vx0 type vxlan external dstport 4789 nolearning".split(" "));
      const vx0 = { name: "vx0" };
      const remote = "10.0.0.8";
      await addFdbEntry(sandbox, vx0, { address: mac, sourceVni: 9, nexthopId: 6 });
      await addFdbEntry(sandbox, vx0, { address: otherMac, sourceVni: 10, vni: 11, remote });

      expect(await shownFdb(sandbox)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ mac, src_vni: 9, nhid: 6 }),
          expect.objectContaining({ mac: otherMac, src_vni: 10, vni: 11, dst: remote }),
        ]),
      );
      const entries = await listedFdb(sandbox);
      expect(entries).toContainEqual(
        expect.objectContaining({ address: mac, sourceVni: 9, nexthopId: 6 }),
      );
      for (const entry of entries) await removeFdbEntry(sandbox, vx0, entry);
      expect(await shownFdb(sandbox)).toEqual([]);
    }));

  test("moves to another port when it is replaced", () =>
    withPort(async (sandbox, port, master, far) => {
      await setLink(sandbox, far, { master });
      const entry = { address: mac, state: "static", flags: ["master"] } as const;
      await replaceFdbEntry(sandbox, port, entry);
      expect(await shownFdb(sandbox)).toMatchObject([{ mac, ifname: "eth0" }]);
      await replaceFdbEntry(sandbox, far, entry);
      expect(await shownFdb(sandbox)).toMatchObject([{ mac, ifname: "far0" }]);
    }));
});

describe("an FDB entry that is listed", () => {
  test("has everything that bridge said of it", () =>
    withPort(async (sandbox, port, master) => {
      await bridge(sandbox, ...`fdb add ${mac} dev eth0 master static sticky`.split(" "));
      await bridge(sandbox, ...`fdb add ${otherMac} dev eth0 self permanent`.split(" "));
      expect(await listedFdb(sandbox)).toEqual([
        {
          index: port.index,
          address: mac,
          state: "static",
          flags: ["sticky"],
          ...(isSince("6.2") ? { extendedFlags: [] } : {}),
          master: master.index,
          cacheInfo: {
            confirmed: expect.any(Number),
            used: expect.any(Number),
            updated: expect.any(Number),
            references: expect.any(Number),
          },
        },
        { index: port.index, address: otherMac, state: "permanent", flags: ["self"] },
      ]);
    }));

  test("of a VXLAN has everything that bridge said of it", () =>
    withPair(async (sandbox, near) => {
      const link = { kind: "vxlan", name: "vx0", vni: 5, destinationPort: 4789 } as const;
      const { index } = await createLink(sandbox, link);
      const words = `fdb add ${mac} dev vx0 dst 10.0.0.7 vni 77 port 5000 via eth0 static`;
      await bridge(sandbox, ...words.split(" "));
      expect(await listedFdb(sandbox)).toEqual([
        {
          index,
          address: mac,
          state: "static",
          flags: ["self"],
          remote: "10.0.0.7",
          vni: 77,
          destinationPort: 5000,
          underlay: near.index,
          cacheInfo: expect.anything(),
        },
      ]);
    }));

  test("is chosen by port and by bridge", () =>
    withPort(async (sandbox, port, master, far) => {
      await bridge(sandbox, ...`fdb add ${mac} dev eth0 master static`.split(" "));
      await bridge(sandbox, ...`fdb add ${otherMac} dev far0 self permanent`.split(" "));
      const chosen = async (filter: Parameters<typeof listFdbEntries>[1]): Promise<string[]> => {
        const addresses = (await listFdbEntries(sandbox, filter)).map(({ address }) => address);
        return addresses.filter((address) => [mac, otherMac].includes(address));
      };
      expect((await chosen({})).sort()).toEqual([mac, otherMac]);
      expect(await chosen({ link: port })).toEqual([mac]);
      expect(await chosen({ master })).toEqual([mac]);
      expect(await chosen({ master: { name: "br0" } })).toEqual([mac]);
      expect(await chosen({ link: far.index })).toEqual([otherMac]);
      expect(await chosen({ link: { name: "far0" }, master })).toEqual([]);
    }));
});

describe("an FDB entry that is removed", () => {
  test("is named by its address and whose it is, or as it was listed", () =>
    withPort(async (sandbox, port, master) => {
      for (const words of [
        `${mac} dev eth0 master static`,
        `${otherMac} dev eth0 master permanent`,
        `${mac} dev eth0 self permanent`,
        "02:00:00:00:00:0b dev br0 self permanent",
        "02:00:00:00:00:0c dev far0 self permanent",
      ]) {
        await bridge(sandbox, "fdb", "add", ...words.split(" "));
      }
      await removeFdbEntry(sandbox, port, { address: mac });
      await removeFdbEntry(sandbox, port, { address: mac, flags: ["master"] });
      const rest = await listedFdb(sandbox);
      expect(rest).toHaveLength(3);
      for (const entry of rest) await removeFdbEntry(sandbox, entry, entry);
      expect(await shownFdb(sandbox)).toEqual([]);
      expect(await listFdbEntries(sandbox, { master })).not.toEqual([]);
    }));
});

describe("an FDB entry that is refused", () => {
  test.each<[FdbEntrySpec, object]>([
    [{ address: "zz" }, outOfRange("address")],
    [{ address: "02:00:00:00:00:09:" }, outOfRange("address")],
    [{ address: mac, vlan: 0 }, outOfRange("vlan")],
    [{ address: mac, vlan: 4095 }, outOfRange("vlan")],
    [{ address: mac, vlan: 1.5 }, outOfRange("vlan")],
    [{ address: mac, vni: 2 ** 24 }, outOfRange("vni")],
    [{ address: mac, sourceVni: -1 }, outOfRange("sourceVni")],
    [{ address: mac, destinationPort: 65536 }, outOfRange("destinationPort")],
    [{ address: mac, remote: "10.0.0" }, outOfRange("remote")],
    [{ address: mac, nexthopId: 2 ** 53 }, outOfRange("nexthopId")],
    [{ address: mac, state: -1 }, outOfRange("state")],
    [{ address: mac, flags: ["master"], state: "stale" }, { code: "EINVAL" }],
    [
      { address: mac, underlay: { name: "absent" } },
      { code: "ENODEV", field: "underlay" },
    ],
  ])("%o, and nothing is changed", (spec, refusal) =>
    withPort(async (sandbox, port) => {
      for (const work of [addFdbEntry, replaceFdbEntry]) {
        expect(await refusalOf(work(sandbox, port, spec))).toMatchObject(refusal);
      }
      expect(await shownFdb(sandbox)).toEqual([]);
    }),
  );

  test("because nobody but the bridge locks one", async (context) => {
    if (!isSince("6.2")) context.skip("this kernel knows no locked entries");
    await withPort(async (sandbox, port) => {
      const spec = { address: mac, flags: ["master"], extendedFlags: ["locked"] } as const;
      for (const work of [addFdbEntry, replaceFdbEntry]) {
        expect(await refusalOf(work(sandbox, port, spec))).toMatchObject({ code: "EINVAL" });
      }
      expect(await shownFdb(sandbox)).toEqual([]);
    });
  });

  test("by its type", () =>
    withPort(async (sandbox, port) => {
      const refused = async (spec: object): Promise<unknown> =>
        await refusalOf(addFdbEntry(sandbox, port, spec as FdbEntrySpec));
      expect(await refused({})).toEqual(wrongType("address"));
      expect(await refused({ address: mac, colour: 1 })).toEqual(wrongType("colour"));
      expect(await refused({ address: mac, master: 1 })).toEqual(wrongType("master"));
      expect(await refused({ address: mac, index: 1 })).toEqual(wrongType("index"));
      expect(await refused({ address: mac, flags: "self" })).toEqual(wrongType("flags"));
      expect(await refused({ address: mac, state: "asleep" })).toEqual(outOfRange("state"));
      expect(await shownFdb(sandbox)).toEqual([]);
    }));

  test("because there is one, there is none, or there is no database", () =>
    withPort(async (sandbox, port, _master, far) => {
      const entry = { address: mac, flags: ["master"] } as const;
      await addFdbEntry(sandbox, port, entry);
      expect(await refusalOf(addFdbEntry(sandbox, port, entry))).toMatchObject({ code: "EEXIST" });
      const other = { address: otherMac, flags: ["master"] } as const;
      const removal = removeFdbEntry(sandbox, port, other);
      expect(await refusalOf(removal)).toMatchObject({ code: "ENOENT" });
      const unsupported = { code: "EOPNOTSUPP" };
      expect(await refusalOf(addFdbEntry(sandbox, far, entry))).toMatchObject(unsupported);
      const loopback = addFdbEntry(sandbox, 1, { address: mac });
      expect(await refusalOf(loopback)).toMatchObject({ code: "EINVAL" });
      const unknown = { address: mac, colour: 1 };
      expect(await refusalOf(removeFdbEntry(sandbox, port, unknown))).toEqual(wrongType("colour"));
      expect(await shownFdb(sandbox)).toHaveLength(1);
    }));

  test("because there is no such link", () =>
    withPort(async (sandbox) => {
      const link = { name: "absent" };
      const named = { code: "ENODEV", field: "link" };
      expect(await refusalOf(addFdbEntry(sandbox, link, { address: mac }))).toEqual(named);
      expect(await refusalOf(removeFdbEntry(sandbox, link, { address: mac }))).toEqual(named);
      expect(await refusalOf(listFdbEntries(sandbox, { link }))).toEqual(named);
      const master = await refusalOf(listFdbEntries(sandbox, { master: link }));
      expect(master).toEqual({ code: "ENODEV", field: "master" });
      const numbered = await refusalOf(listFdbEntries(sandbox, { master: 999 }));
      expect(numbered).toMatchObject({ code: "ENODEV" });
      expect(await listFdbEntries(sandbox, { link: 999 })).toEqual([]);
    }));
});
