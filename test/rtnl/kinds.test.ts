// Every link kind and port kind that the running kernel has, against `ip -d link`.

import { describe, expect, type TestContext, test } from "vitest";
import {
  createLink,
  getLink,
  type LinkKind,
  type LinkKinds,
  type LinkSpec,
  linkKinds,
  type PortKind,
  portKinds,
  setLink,
} from "../../lib/index.ts";
import { has, isSince, needs } from "../support/features.ts";
import { bridge, inside, ip, type Sandbox, withSandboxes } from "../support/sandbox.ts";
import {
  furtherSamples,
  kindSamples,
  newerOptions,
  portSamples,
  samplePlaces,
  vlanFilteringOptions,
} from "./kinds.samples.ts";

type Options = LinkKinds[LinkKind]["options"];

/** Kinds that lie upon another link; the others name theirs, if any, as an option. */
const upperKinds: ReadonlySet<string> = new Set(["macvlan", "macvtap", "ipvlan", "vlan"]);

/** What is told to the kernel and never reported. */
const toldOnly: ReadonlySet<string> = new Set([
  "sourceAction",
  "sourceAddress",
  "flushFdb",
  "multicastRoute",
  "peer",
]);

/** What `ip -d link` must say of the sample, as far as it knows the kind. */
const witnessed: { readonly [Kind in LinkKind]?: object } = {
  bridge: {
    forward_delay: 400,
    hello_time: 100,
    max_age: 1200,
    ageing_time: 20000,
    stp_state: 1,
    priority: 16384,
    group_addr: "01:80:c2:00:00:04",
    mcast_querier: 1,
    mcast_hash_max: 1024,
    mcast_igmp_version: 3,
    mcast_query_intvl: 10000,
  },
  macvlan: { mode: "source" },
  macvtap: { mode: "source" },
  ipvlan: { mode: "l3s" },
  vlan: { id: 7, protocol: "802.1ad" },
  vxlan: {
    id: 42,
    remote: "192.0.2.2",
    local: "192.0.2.1",
    link: "lower0",
    port: 4790,
    port_range: { low: 40000, high: 50000 },
    ageing: 600,
    limit: 100,
    proxy: true,
    rsc: true,
    udp_csum: true,
  },
  vrf: { table: 1000 },
  bond: { mode: "802.3ad", miimon: 100, updelay: 200, downdelay: 300 },
  geneve: { id: 42, remote: "192.0.2.2", port: 6082 },
  gretap: { local: "192.0.2.1", remote: "192.0.2.2" },
  ipip: { local: "192.0.2.1", remote: "192.0.2.2" },
  sit: { local: "192.0.2.1" },
};

async function makePlaces(sandbox: Sandbox): Promise<void> {
  const { lower, other } = samplePlaces;
  const far = (name: string) => ({ peer: { name } });
  await createLink(sandbox, { kind: "veth", name: "lower0", index: lower, ...far("lower1") });
  await createLink(sandbox, { kind: "veth", name: "other0", index: other, ...far("other1") });
}

/** The sample without what this kernel cannot do. */
async function possible(kind: LinkKind, sample: Options): Promise<Record<string, unknown>> {
  const left = new Set<string>(
    kind === "bridge" && !(await has("bridge-vlan-filtering")) ? vlanFilteringOptions : [],
  );
  return known(
    kind,
    Object.entries(sample).filter(([name]) => !left.has(name)),
  );
}

/** Whether this kernel is too old for an option, of a kind or of its ports. */
function isTooNew(of: keyof typeof newerOptions, option: string): boolean {
  return !isSince(newerOptions[of]?.[option] ?? "0.0");
}

/** The options, of a kind or of its ports, that this kernel is new enough for. */
function known(of: keyof typeof newerOptions, options: readonly [string, unknown][]) {
  return Object.fromEntries(options.filter(([name]) => !isTooNew(of, name)));
}

/** What is to be read back; the kernel lists source addresses in an order of its own. */
function expected(options: Record<string, unknown>): Record<string, unknown> {
  const reported = Object.entries(options).filter(([name]) => !toldOnly.has(name));
  return Object.fromEntries(
    reported.map(([name, value]) =>
      name === "sourceAddresses" && Array.isArray(value)
        ? [name, expect.toSatisfy((list: unknown[]) => sameMembers(list, value))]
        : [name, value],
    ),
  );
}

function sameMembers(left: readonly unknown[], right: readonly unknown[]): boolean {
  return JSON.stringify([...left].sort()) === JSON.stringify([...right].sort());
}

async function createSample(sandbox: Sandbox, kind: LinkKind, options: object): Promise<void> {
  const parent = upperKinds.has(kind) ? { parent: samplePlaces.lower } : {};
  await createLink(sandbox, { kind, name: "sample0", ...parent, ...options } as LinkSpec);
}

describe("every option that is given is read back, and ip agrees", () => {
  const samples = linkKinds.flatMap((kind) =>
    [kindSamples[kind], ...(furtherSamples[kind] ?? [])].map(
      (sample, number): [LinkKind, number, Options] => [kind, number, sample],
    ),
  );
  // Not test.each, which does not hand over the context that a skip needs.
  for (const [kind, number, sample] of samples) {
    test(`${kind}, sample ${number}`, async (context) => {
      await needs(kind, context);
      await withSandboxes(1, async ([sandbox]) => {
        await makePlaces(sandbox);
        const options = await possible(kind, sample);
        await createSample(sandbox, kind, options);
        const link = await getLink(sandbox, { name: "sample0" });
        expect(link).toMatchObject({ kind, ...expected(options) });
        expect(Object.keys(link).filter((name) => isTooNew(kind, name))).toEqual([]);
        const [witness] = await ip(sandbox, "link", "show", "sample0");
        expect(witness.linkinfo.info_kind).toBe(kind);
        if (number === 0)
          expect(witness.linkinfo.info_data ?? {}).toMatchObject(witnessed[kind] ?? {});
      });
    });
  }
});

test("a pair's far end is as it was asked for", async () => {
  await withSandboxes(1, async ([sandbox]) => {
    // The kernel heeds a far end's index only if the near end's is given, too (drivers/net/veth.c).
    await createSample(sandbox, "veth", { ...kindSamples.veth, index: 20 });
    const { name, index, address, mtu, group, transmitQueues, receiveQueues } = await getLink(
      sandbox,
      samplePlaces.far,
    );
    const far = { name, index, address, mtu, group, transmitQueues, receiveQueues };
    expect(kindSamples.veth.peer).toMatchObject(far);
    const [witness] = await ip(sandbox, "link", "show", "far0");
    expect(witness).toMatchObject({ ifindex: index, address, mtu, group: "7", txqlen: 500 });
  });
});

describe("what ip made is read", () => {
  const noVlanFlags = {
    reorderHeader: false,
    gvrp: false,
    mvrp: false,
    looseBinding: false,
    bridgeBinding: false,
  };
  const made: [LinkKind, string, object][] = [
    [
      "veth",
      "name sample0 index 20 mtu 1400 type veth peer name far0 index 21",
      { mtu: 1400, peerIndex: 21 },
    ],
    [
      "bridge",
      "name sample0 type bridge stp_state 1 forward_delay 300 mcast_querier 1 mcast_snooping 0",
      { stp: true, forwardDelay: 300, multicastQuerier: true, multicastSnooping: false },
    ],
    [
      "macvlan",
      "link lower0 name sample0 type macvlan mode private",
      { mode: "private", parent: samplePlaces.lower },
    ],
    [
      "macvtap",
      "link lower0 name sample0 type macvtap mode bridge",
      { mode: "bridge", parent: samplePlaces.lower },
    ],
    [
      "ipvlan",
      "link lower0 name sample0 type ipvlan mode l3 vepa",
      { mode: "l3", modeFlag: "vepa", parent: samplePlaces.lower },
    ],
    [
      "vlan",
      "link lower0 name sample0 type vlan id 8 reorder_hdr off",
      { vlanId: 8, vlanProtocol: "802.1Q", ...noVlanFlags, parent: samplePlaces.lower },
    ],
    [
      "vlan",
      "link lower0 name sample0 type vlan id 8 loose_binding on",
      { ...noVlanFlags, reorderHeader: true, looseBinding: true },
    ],
    [
      "vxlan",
      "name sample0 type vxlan id 9 dev lower0 remote 192.0.2.2 dstport 4789 ttl 5 nolearning",
      { vni: 9, underlay: samplePlaces.lower, remote: "192.0.2.2", ttl: 5, learning: false },
    ],
    ["dummy", "name sample0 type dummy", {}],
    ["ifb", "name sample0 numtxqueues 2 type ifb", { transmitQueues: 2 }],
    ["vrf", "name sample0 type vrf table 9", { table: 9 }],
    ["bond", "name sample0 type bond mode active-backup miimon 50", { mode: "active-backup" }],
    ["geneve", "name sample0 type geneve id 9 remote 192.0.2.2", { vni: 9, remote: "192.0.2.2" }],
    [
      "gretap",
      "name sample0 type gretap local 192.0.2.1 remote 192.0.2.2 key 7",
      { local: "192.0.2.1", remote: "192.0.2.2", inputKey: 7, outputKey: 7 },
    ],
    [
      "ipip",
      "name sample0 type ipip local 192.0.2.1 remote 192.0.2.2 ttl 9",
      { local: "192.0.2.1", remote: "192.0.2.2", ttl: 9 },
    ],
    ["sit", "name sample0 type sit local 192.0.2.1 ttl 9", { local: "192.0.2.1", ttl: 9 }],
    ["wireguard", "name sample0 type wireguard", {}],
  ];
  for (const [kind, command, facts] of made) {
    test(`${kind}: ${command}`, async (context) => {
      await needs(kind, context);
      await withSandboxes(1, async ([sandbox]) => {
        await makePlaces(sandbox);
        await inside(sandbox, "ip", "link", "add", ...command.split(" "));
        const link = await getLink(sandbox, { name: "sample0" });
        expect(link).toMatchObject({ kind, name: "sample0", ...facts });
      });
    });
  }
});

describe("every option of a port that is given is read back, and ip and bridge agree", () => {
  /** The feature that a port's master stands for, which is called like the port's kind. */
  async function makePort(sandbox: Sandbox, kind: PortKind, context: TestContext): Promise<void> {
    await needs(kind, context);
    await makePlaces(sandbox);
    const master = await createLink(sandbox, { kind, name: "master0", up: true });
    for (const name of ["lower0", "other0"]) await setLink(sandbox, { name }, { master });
    for (const name of ["lower0", "lower1", "other0", "other1"]) {
      await setLink(sandbox, { name }, { up: true });
    }
  }

  test.for(portKinds)("%s", async (portKind, context) => {
    await withSandboxes(1, async ([sandbox]) => {
      await makePort(sandbox, portKind, context);
      const port = known(`${portKind} port`, Object.entries(portSamples[portKind]));
      const changes = { portKind, port } as Parameters<typeof setLink>[2];
      await setLink(sandbox, samplePlaces.lower, changes);
      const { flushFdb: _, ...readable } = { flushFdb: true, ...port };
      const link = await getLink(sandbox, samplePlaces.lower);
      expect(link).toMatchObject({ portKind, port: readable });
      const [witness] = await ip(sandbox, "link", "show", "lower0");
      expect(witness.linkinfo.info_slave_kind).toBe(portKind);
    });
  });

  test("bridge sees the bridge port's options", async (context) => {
    await withSandboxes(1, async ([sandbox]) => {
      await makePort(sandbox, "bridge", context);
      const port = portSamples.bridge;
      await setLink(sandbox, samplePlaces.lower, { portKind: "bridge", port });
      const rows = await bridge(sandbox, "link", "show", "dev", "lower0");
      expect(rows[0]).toMatchObject({
        master: "master0",
        priority: port.priority,
        cost: port.cost,
        hairpin: port.hairpin,
        guard: port.bpduGuard,
        root_block: port.rootBlock,
        fastleave: port.multicastFastLeave,
        flood: port.unicastFlood,
        mcast_flood: port.multicastFlood,
        bcast_flood: port.broadcastFlood,
        isolated: port.isolated,
        locked: port.locked,
      });
    });
  });

  test("what bridge set is read", async (context) => {
    await withSandboxes(1, async ([sandbox]) => {
      await makePort(sandbox, "bridge", context);
      const options = "hairpin on learning off flood off cost 9 priority 3 isolated on";
      await inside(sandbox, "bridge", "link", "set", "dev", "lower0", ...options.split(" "));
      const link = await getLink(sandbox, samplePlaces.lower);
      const port = { hairpin: true, learning: false, unicastFlood: false, cost: 9, priority: 3 };
      expect(link).toMatchObject({ portKind: "bridge", port: { ...port, isolated: true } });
    });
  });
});
