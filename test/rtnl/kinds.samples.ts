// One complete sample of each kind: every option is given, valid together on the newest kernel.
//
// A sample holds the kind's options alone; the test adds `kind`, `name` and what else a link needs.
// Links stand as these indices, which are to exist in the namespace before:
//
// - `samplePlaces.lower`: the lower link: the `parent` of macvlan, macvtap, ipvlan and vlan, the
//   `underlay` of tunnels, and a port of the bridge or bond under test;
// - `samplePlaces.other`: another port of the same bridge or bond.
//
// The far end of a pair will have the index `samplePlaces.far`.
//
// The kernel lists a macvlan's `sourceAddresses` in an order of its own, and does not report
// `sourceAction`, `sourceAddress`, `flushFdb`, `multicastRoute` and `peer`.
//
// A bond's `activePort` and `primary` are 0, no link, because a new bond has no ports. Some options
// need a newer kernel than the kind itself: their docstrings say which.

import type {
  BondOptions,
  BondPortOptions,
  BridgeOptions,
  BridgePortOptions,
  GeneveOptions,
  GretapOptions,
  IpipOptions,
  IpvlanOptions,
  LinkKind,
  LinkKinds,
  MacvlanOptions,
  NetkitOptions,
  PortKind,
  PortKinds,
  SitOptions,
  VethPeer,
  VlanOptions,
  VrfOptions,
  VxlanOptions,
} from "../../lib/rtnl/kinds/kinds.ts";

/** Where the samples expect links: interface indices. */
export const samplePlaces = { lower: 10, other: 11, far: 21 } as const;

/** What a sample of a tunnel leaves out: it is either IPv4 or IPv6, or told by routes. */
type WithoutIpv6 = "remote6" | "local6" | "flowLabel" | "flowLabelPolicy";
type WithoutMetadata = "collectMetadata" | "vniFilter" | "genericProtocolExtension";

/** The far end of pairs; `namespace` is the test's to add, and `carrier` only for changing. */
const peer = {
  name: "far0",
  index: samplePlaces.far,
  address: "02:00:00:00:00:02",
  broadcast: "ff:ff:ff:ff:ff:ff",
  mtu: 1400,
  group: 7,
  transmitQueueLength: 500,
  transmitQueues: 2,
  receiveQueues: 2,
} satisfies Required<Omit<VethPeer, "namespace" | "carrier">>;

const macvlan = {
  mode: "source",
  modeFlags: ["nodst"],
  sourceAction: "set",
  // Also in the list, so that what is read back are the addresses of the list.
  sourceAddress: "02:00:00:00:00:11",
  sourceAddresses: ["02:00:00:00:00:11", "02:00:00:00:00:12"],
  broadcastQueueLength: 2000,
  broadcastCutoff: 5,
} satisfies Required<MacvlanOptions>;

/** The kinds' samples. */
export const kindSamples: { readonly [Kind in LinkKind]: LinkKinds[Kind]["options"] } = {
  veth: { peer },
  bridge: {
    forwardDelay: 400,
    helloTime: 100,
    maxAge: 1200,
    ageingTime: 20000,
    stp: true,
    priority: 16384,
    vlanFiltering: true,
    vlanProtocol: "802.1ad",
    vlanDefaultPvid: 7,
    vlanStatistics: true,
    vlanStatisticsPerPort: true,
    groupForwardMask: 8,
    groupAddress: "01:80:c2:00:00:04",
    flushFdb: true,
    fdbMaxLearned: 1000,
    multicastRouter: "permanent",
    multicastSnooping: true,
    multicastQueryUseInterfaceAddress: true,
    multicastQuerier: true,
    multicastHashElasticity: 16,
    multicastHashMax: 1024,
    multicastLastMemberCount: 3,
    multicastStartupQueryCount: 4,
    multicastLastMemberInterval: 200n,
    multicastMembershipInterval: 30000n,
    multicastQuerierInterval: 30100n,
    multicastQueryInterval: 10000n,
    multicastQueryResponseInterval: 500n,
    multicastStartupQueryInterval: 2000n,
    multicastStatistics: true,
    multicastIgmpVersion: 3,
    multicastMldVersion: 2,
    callIptables: true,
    callIp6tables: true,
    callArptables: true,
    noLinkLocalLearning: true,
    multicastVlanSnooping: true,
    multipleSpanningTrees: true,
    mdbOffloadFailNotification: true,
    fdbLocalVlan0: true,
  } satisfies Required<BridgeOptions>,
  macvlan,
  macvtap: macvlan,
  ipvlan: { mode: "l3s", modeFlag: "private" } satisfies Required<IpvlanOptions>,
  vlan: {
    vlanId: 7,
    vlanProtocol: "802.1ad",
    reorderHeader: false,
    gvrp: true,
    mvrp: true,
    looseBinding: true,
    bridgeBinding: false,
    egressQos: [
      { from: 5, to: 6 },
      { from: 7, to: 1 },
    ],
    ingressQos: [
      { from: 1, to: 2 },
      { from: 3, to: 4 },
    ],
  } satisfies Required<VlanOptions>,
  vxlan: {
    vni: 42,
    underlay: samplePlaces.lower,
    remote: "192.0.2.2",
    local: "192.0.2.1",
    ttl: 64,
    ttlInherit: true,
    tos: 16,
    dontFragment: "set",
    sourcePortRange: { low: 40000, high: 50000 },
    destinationPort: 4790,
    learning: true,
    ageingSeconds: 600,
    maxAddresses: 100,
    proxy: true,
    routeShortCircuit: true,
    l2Miss: true,
    l3Miss: true,
    udpChecksum: true,
    udpZeroChecksum6Transmit: true,
    udpZeroChecksum6Receive: true,
    remoteChecksumTransmit: true,
    remoteChecksumReceive: true,
    remoteChecksumNoPartial: true,
    groupBasedPolicy: true,
    localBypass: false,
    reservedBits: Uint8Array.of(0x76, 0, 0, 0, 0, 0, 0, 0),
    multicastRoute: true,
  } satisfies Required<Omit<VxlanOptions, WithoutIpv6 | WithoutMetadata>>,
  dummy: {},
  ifb: {},
  vrf: { table: 1000 } satisfies Required<VrfOptions>,
  bond: {
    mode: "802.3ad",
    activePort: 0,
    miiInterval: 100,
    upDelay: 200,
    downDelay: 300,
    peerNotificationDelay: 400,
    useCarrier: true,
    arpAllTargets: "all",
    missedMax: 4,
    primary: 0,
    primaryReselect: "better",
    failOverMac: "active",
    transmitHashPolicy: "vlan+srcmac",
    resendIgmp: 2,
    peerNotifications: 3,
    allPortsActive: true,
    minLinks: 1,
    learningIntervalSeconds: 2,
    packetsPerPort: 3,
    lacpRate: "fast",
    lacpActive: false,
    aggregatorSelection: "bandwidth",
    actorSystemPriority: 6,
    actorSystem: "02:00:00:00:00:09",
    userPortKey: 5,
    coupledControl: false,
    dynamicLoadBalancing: false,
    broadcastNeighbour: true,
  } satisfies Required<
    Omit<BondOptions, "arpInterval" | "arpTargets" | "arpValidate" | "neighbourTargets">
  >,
  geneve: {
    vni: 42,
    remote: "192.0.2.2",
    ttl: 64,
    tos: 16,
    dontFragment: "inherit",
    sourcePortRange: { low: 40000, high: 50000 },
    destinationPort: 6082,
    udpChecksum: true,
    innerProtocolInherit: true,
    groHint: true,
  } satisfies Required<
    Omit<
      GeneveOptions,
      | "ttlInherit"
      | "remote6"
      | "flowLabel"
      | "udpZeroChecksum6Transmit"
      | "udpZeroChecksum6Receive"
      | "collectMetadata"
    >
  >,
  gretap: {
    underlay: samplePlaces.lower,
    local: "192.0.2.1",
    remote: "192.0.2.2",
    inputFlags: ["key", "sequence"],
    outputFlags: ["checksum", "key"],
    inputKey: 1,
    outputKey: 2,
    ttl: 64,
    tos: 16,
    pathMtuDiscovery: false,
    ignoreDontFragment: true,
    firewallMark: 7,
    encapsulation: "gue",
    encapsulationFlags: ["checksum", "remoteChecksum"],
    encapsulationSourcePort: 4000,
    encapsulationDestinationPort: 5555,
  } satisfies Required<Omit<GretapOptions, "collectMetadata">>,
  ipip: {
    underlay: samplePlaces.lower,
    local: "192.0.2.1",
    remote: "192.0.2.2",
    innerProtocol: "any",
    ttl: 64,
    tos: 16,
    pathMtuDiscovery: true,
    firewallMark: 7,
    encapsulation: "fou",
    encapsulationFlags: ["checksum"],
    encapsulationSourcePort: 4000,
    encapsulationDestinationPort: 5555,
  } satisfies Required<Omit<IpipOptions, "collectMetadata">>,
  sit: {
    underlay: samplePlaces.lower,
    local: "192.0.2.1",
    remote: "0.0.0.0",
    innerProtocol: "ipv6",
    tunnelFlags: ["isatap"],
    ttl: 64,
    tos: 16,
    pathMtuDiscovery: true,
    firewallMark: 7,
    rapidPrefix: "2001:db8::",
    rapidPrefixLength: 32,
    rapidRelayPrefix: "192.0.0.0",
    rapidRelayPrefixLength: 8,
    encapsulation: "gue",
    encapsulationFlags: ["checksum"],
    encapsulationSourcePort: 4000,
    encapsulationDestinationPort: 5555,
  } satisfies Required<SitOptions>,
  wireguard: {},
  netkit: {
    peer,
    mode: "l2",
    policy: "blackhole",
    peerPolicy: "forward",
    scrub: "none",
    peerScrub: "default",
    headroom: 16,
    tailroom: 32,
  } satisfies Required<NetkitOptions>,
};

/** The releases of Linux that brought options of kinds or of ports, if it was after 6.1. */
export const newerOptions: {
  readonly [Kind in LinkKind | `${PortKind} port`]?: Readonly<Record<string, string>>;
} = {
  macvlan: { broadcastCutoff: "6.4" },
  macvtap: { broadcastCutoff: "6.4" },
  vxlan: {
    localBypass: "6.5",
    flowLabelPolicy: "6.8",
    reservedBits: "6.14",
    multicastRoute: "6.17",
  },
  bridge: { fdbMaxLearned: "6.7", mdbOffloadFailNotification: "6.16", fdbLocalVlan0: "6.18" },
  bond: { coupledControl: "6.9", broadcastNeighbour: "6.17" },
  netkit: { scrub: "6.13", peerScrub: "6.13", headroom: "6.14", tailroom: "6.14" },
  geneve: { sourcePortRange: "6.15", groHint: "7.0" },
  "bridge port": {
    macAuthenticationBypass: "6.2",
    multicastMaxGroups: "6.3",
    neighbourVlanSuppression: "6.4",
    backupNextHop: "6.6",
  },
  "bond port": { actorPortPriority: "6.18" },
};

/** What of the bridge's sample a kernel without VLAN filtering refuses, ignores or hides. */
export const vlanFilteringOptions: readonly (keyof BridgeOptions)[] = [
  "vlanFiltering",
  "vlanProtocol",
  "vlanDefaultPvid",
  "vlanStatistics",
  "vlanStatisticsPerPort",
  "multicastVlanSnooping",
  "multipleSpanningTrees",
];

/**
 * What the samples above leave out, because it excludes something in them. Together with those,
 * every option of a kind appears.
 */
export const furtherSamples: {
  readonly [Kind in LinkKind]?: readonly LinkKinds[Kind]["options"][];
} = {
  vxlan: [
    {
      vni: 42,
      remote6: "fd00::2",
      local6: "fd00::1",
      flowLabel: 0x12345,
      flowLabelPolicy: "fixed",
    },
    {
      collectMetadata: true,
      vniFilter: true,
      genericProtocolExtension: true,
      learning: false,
      destinationPort: 4790,
    },
  ],
  bond: [
    {
      mode: "active-backup",
      arpInterval: 1000,
      arpTargets: ["192.0.2.1", "192.0.2.2"],
      arpValidate: "filter_active",
      neighbourTargets: ["fd00::1", "fd00::2"],
    },
  ],
  geneve: [
    {
      vni: 42,
      remote6: "fd00::2",
      ttlInherit: true,
      flowLabel: 0x12345,
      udpZeroChecksum6Transmit: true,
      udpZeroChecksum6Receive: true,
    },
    { collectMetadata: true },
  ],
  gretap: [{ collectMetadata: true }],
  ipip: [{ collectMetadata: true }],
};

/** What is set of a port that is up, whose master is up, too: a bridge with STP off, or a bond. */
export const portSamples: { readonly [Kind in PortKind]: PortKinds[Kind]["options"] } = {
  bridge: {
    // "disabled" would not last: the kernel enables a port that has a carrier.
    state: "learning",
    priority: 10,
    cost: 7,
    hairpin: true,
    bpduGuard: true,
    rootBlock: true,
    learning: true,
    unicastFlood: false,
    multicastFlood: false,
    broadcastFlood: false,
    isolated: true,
    locked: true,
    macAuthenticationBypass: true,
    proxyArp: true,
    proxyArpWifi: true,
    neighbourSuppression: true,
    neighbourVlanSuppression: true,
    vlanTunnel: true,
    groupForwardMask: 8,
    backupPort: samplePlaces.other,
    backupNextHop: 5,
    multicastRouter: "permanent",
    multicastFastLeave: true,
    multicastToUnicast: true,
    multicastHostsLimit: 100,
    multicastMaxGroups: 200,
    flushFdb: true,
  } satisfies Required<BridgePortOptions>,
  bond: {
    queueId: 3,
    priority: -5,
    actorPortPriority: 100,
  } satisfies Required<BondPortOptions>,
};
