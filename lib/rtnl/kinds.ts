// Every kind of link, and of port: what it takes, and what it reports back.

import type { Namespace } from "./namespace.ts";
import type { LinkReference } from "./reference.ts";

/**
 * What a listing says of options: the same values, with links as indices, and without what is only
 * ever told to the kernel. An option that the running kernel does not know is absent.
 */
export type Reported<Options, ToldOnly extends keyof Options = never> = {
  readonly [Key in keyof Options as Exclude<Key, ToldOnly>]: [LinkReference] extends [
    Exclude<Options[Key], undefined>,
  ]
    ? number
    : Options[Key];
};

/** No option at all. */
export type Nothing = Readonly<Record<never, never>>;

/** The far end of a pair, which is born together with the near one. */
export interface VethPeer {
  /** Default: the next free `veth<number>`, or `nk<number>` of a netkit pair. */
  readonly name?: string;
  /** The namespace that the far end is born in; default: the near end's. */
  readonly namespace?: Namespace;
  /** Only beside an `index` of the near end. Default: the next free one of that namespace. */
  readonly index?: number;
  /** MAC address; default: a random one. */
  readonly address?: string;
  /** MAC address of broadcasts; default: `ff:ff:ff:ff:ff:ff`. */
  readonly broadcast?: string;
  /** Bytes; default 1500. */
  readonly mtu?: number;
  /** Group number, for acting on many links at once; default 0. */
  readonly group?: number;
  /** Packets; default 1000. */
  readonly transmitQueueLength?: number;
  /** Default: one, or one per processor where the kernel decides so. */
  readonly transmitQueues?: number;
  /** Default: as many as `transmitQueues`. */
  readonly receiveQueues?: number;
  /** Whether the far end starts with a carrier; default: as soon as both ends are up. */
  readonly carrier?: boolean;
}

/** Options of a pair of virtual Ethernet devices. @see drivers/net/veth.c */
export interface VethOptions {
  /** The far end; default: one of a generated name beside the near one. */
  readonly peer?: VethPeer;
}
/** What a listing says of either end of a pair, in place of `parent`. */
export interface PairFacts {
  /** The far end's index, in its own namespace. */
  readonly peerIndex: number;
  /** The number of the namespace that the far end is in, if it is another one. */
  readonly peerNamespaceId?: number;
}
/** What a listing says of one end. */
export type VethFacts = Reported<VethOptions, "peer"> & PairFacts;

/** The tag that a VLAN is marked with. */
export type VlanProtocol = "802.1Q" | "802.1ad";

/**
 * Whether multicast goes to a port, or to the bridge, as if to a multicast router: never, as
 * queries tell, always, or for a while.
 */
export type MulticastRouterMode = "disabled" | "query" | "permanent" | "temporary";

/**
 * Options of an Ethernet bridge. Times are in 1/100 s.
 *
 * @see net/bridge/br_netlink.c, `br_policy`
 */
export interface BridgeOptions {
  /** 1/100 s per step on the way to forwarding; 200 to 3000 with STP; default 1500. */
  readonly forwardDelay?: number;
  /** 1/100 s between two hello packets; 100 to 1000; default 200. */
  readonly helloTime?: number;
  /** 1/100 s until a root bridge is forgotten; 600 to 4000; default 2000. */
  readonly maxAge?: number;
  /** 1/100 s until a learned address is forgotten; 0: at once; default 30000. */
  readonly ageingTime?: number;
  /** Whether the spanning tree protocol runs; default false. */
  readonly stp?: boolean;
  /** Spanning tree priority, the lowest becomes root; 0 to 65535; default 32768. */
  readonly priority?: number;
  /**
   * Whether packets are told apart by VLAN; default false. A kernel without VLAN filtering refuses
   * true, and ignores or refuses the other options about VLANs.
   */
  readonly vlanFiltering?: boolean;
  /** Default "802.1Q". */
  readonly vlanProtocol?: VlanProtocol;
  /** The VLAN of untagged packets at new ports; 0 to 4094, 0: none; default 1. */
  readonly vlanDefaultPvid?: number;
  /** Whether packets are counted per VLAN; default false. */
  readonly vlanStatistics?: boolean;
  /** Whether they are counted per port, too; only while no port has a VLAN; default false. */
  readonly vlanStatisticsPerPort?: boolean;
  /**
   * Which of the link-local groups `01:80:c2:00:00:0X` are forwarded: bit X; bits 0 to 2 cannot be
   * set; default 0.
   */
  readonly groupForwardMask?: number;
  /** Where spanning tree packets go, a link-local group; default `01:80:c2:00:00:00`. */
  readonly groupAddress?: string;
  /** Forgets every learned address now. */
  readonly flushFdb?: true;
  /** How many addresses are learned at most; 0: any number; default 0; Linux 6.7. */
  readonly fdbMaxLearned?: number;
  /** Whether the bridge itself gets all multicast; not "temporary"; default "query". */
  readonly multicastRouter?: MulticastRouterMode;
  /** Whether multicast goes only where it was asked for; default true. */
  readonly multicastSnooping?: boolean;
  /** Whether queries come from the bridge's own IP address; default false: from 0.0.0.0. */
  readonly multicastQueryUseInterfaceAddress?: boolean;
  /** Whether the bridge sends queries; default false. */
  readonly multicastQuerier?: boolean;
  /** Without effect since Linux 4.21; default 16. */
  readonly multicastHashElasticity?: number;
  /** How many groups are remembered at most; default 4096. */
  readonly multicastHashMax?: number;
  /** How many queries follow a leave message; default 2. */
  readonly multicastLastMemberCount?: number;
  /** How many queries are sent at the start; default 2. */
  readonly multicastStartupQueryCount?: number;
  /** 1/100 s between the queries after a leave message; default 100. */
  readonly multicastLastMemberInterval?: bigint;
  /** 1/100 s until a group without reports is forgotten; default 26000. */
  readonly multicastMembershipInterval?: bigint;
  /** 1/100 s until another querier counts as gone; default 25500. */
  readonly multicastQuerierInterval?: bigint;
  /** 1/100 s between two queries; at least 100; default 12500. */
  readonly multicastQueryInterval?: bigint;
  /** 1/100 s that members may take to answer; default 1000. */
  readonly multicastQueryResponseInterval?: bigint;
  /** 1/100 s between the queries at the start; at least 100; default 3125. */
  readonly multicastStartupQueryInterval?: bigint;
  /** Whether IGMP and MLD packets are counted; default false. */
  readonly multicastStatistics?: boolean;
  /** 2 or 3; default 2. */
  readonly multicastIgmpVersion?: number;
  /** 1 or 2; default 1. */
  readonly multicastMldVersion?: number;
  /** Whether bridged IPv4 passes iptables; default false. */
  readonly callIptables?: boolean;
  /** Whether bridged IPv6 passes ip6tables; default false. */
  readonly callIp6tables?: boolean;
  /** Whether bridged ARP passes arptables; default false. */
  readonly callArptables?: boolean;
  /** Whether nothing is learned from link-local packets; default false. */
  readonly noLinkLocalLearning?: boolean;
  /** Whether multicast is followed per VLAN; needs `vlanFiltering`; default false. */
  readonly multicastVlanSnooping?: boolean;
  /** Whether VLANs have spanning trees of their own; only while no VLAN exists; default false. */
  readonly multipleSpanningTrees?: boolean;
  /** Whether group entries that the hardware refused are announced; default false; Linux 6.16. */
  readonly mdbOffloadFailNotification?: boolean;
  /** Whether the bridge's own addresses are kept once, not per VLAN; default false; Linux 6.18. */
  readonly fdbLocalVlan0?: boolean;
}

/** Who asks for multicast memberships; the properties with a 6 are about IPv6. */
export interface BridgeQuerierState {
  readonly address?: string;
  /** Index of the port behind which the querier is; absent: the bridge itself. */
  readonly port?: number;
  /** 1/100 s until the querier counts as gone. */
  readonly otherTimer?: bigint;
  readonly address6?: string;
  readonly port6?: number;
  /** 1/100 s until the querier counts as gone. */
  readonly otherTimer6?: bigint;
}

/** What a listing says of a bridge. */
export type BridgeFacts = Reported<BridgeOptions, "flushFdb"> & {
  /** How many addresses are learned; Linux 6.7. */
  readonly fdbLearned?: number;
  /** The root of the spanning tree: two bytes of priority and a MAC address. */
  readonly rootId?: string;
  /** The bridge's own: two bytes of priority and a MAC address. */
  readonly bridgeId?: string;
  /** Number of the port towards the root; 0: this is the root. */
  readonly rootPort?: number;
  readonly rootPathCost?: number;
  readonly topologyChange?: boolean;
  readonly topologyChangeDetected?: boolean;
  /** 1/100 s that are left, as in all timers; 0: not running. */
  readonly helloTimer?: bigint;
  readonly topologyChangeNotificationTimer?: bigint;
  readonly topologyChangeTimer?: bigint;
  /** Until forgotten addresses are collected. */
  readonly fdbCollectionTimer?: bigint;
  readonly multicastQuerierState?: BridgeQuerierState;
};

/**
 * Options of a link that shares its parent by MAC address.
 *
 * @see drivers/net/macvlan.c, `macvlan_policy`
 */
export interface MacvlanOptions {
  /** How siblings reach each other; "source" passes only listed senders; default "vepa". */
  readonly mode?: "private" | "vepa" | "bridge" | "passthru" | "source";
  /**
   * "nopromisc": "passthru" leaves the parent's promiscuity alone; "nodst": what "source" has
   * matched is not delivered by its destination again. Default: none.
   */
  readonly modeFlags?: readonly ("nopromisc" | "nodst")[];
  /** What is done with the two lists of senders below; only in mode "source". */
  readonly sourceAction?: "add" | "remove" | "flush" | "set";
  /** One sender to add or remove: a MAC address. */
  readonly sourceAddress?: string;
  /** The senders to set, and all of them when read: MAC addresses in no particular order. */
  readonly sourceAddresses?: readonly string[];
  /** Packets that may wait to be multiplied; default 1000; the parent takes its children's most. */
  readonly broadcastQueueLength?: number;
  /**
   * How many siblings a multicast may have to be multiplied at once rather than queued; negative:
   * any number; default 1, which is not reported; Linux 6.4.
   */
  readonly broadcastCutoff?: number;
}
/** What a listing says of a macvlan or macvtap. */
export type MacvlanFacts = Reported<MacvlanOptions, "sourceAction" | "sourceAddress"> & {
  readonly sourceAddressCount?: number;
  /** What the parent has chosen among its children. */
  readonly broadcastQueueLengthUsed?: number;
};

/** Options of a macvlan that is read through a character device. @see drivers/net/macvtap.c */
export type MacvtapOptions = MacvlanOptions;
/** What a listing says of a macvtap. */
export type MacvtapFacts = MacvlanFacts;

/**
 * Options of a link that shares its parent by IP address.
 *
 * @see drivers/net/ipvlan/ipvlan_main.c, `ipvlan_nl_policy`
 */
export interface IpvlanOptions {
  /** Layer at which the parent hands over; "l3s" passes netfilter; default "l3". */
  readonly mode?: "l2" | "l3" | "l3s";
  /** Whether siblings reach each other: all do, none do, or through an outer switch. */
  readonly modeFlag?: "bridge" | "private" | "vepa";
}
/** What a listing says of an ipvlan. */
export type IpvlanFacts = Reported<IpvlanOptions>;

/** One priority becomes another. */
export interface VlanQosMapping {
  readonly from: number;
  readonly to: number;
}

/** Options of one VLAN of a parent. @see net/8021q/vlan_netlink.c, `vlan_policy` */
export interface VlanOptions {
  /** 0 to 4094. */
  readonly vlanId: number;
  /** Default "802.1Q". */
  readonly vlanProtocol?: VlanProtocol;
  /** Whether received headers look as if never tagged; default true. */
  readonly reorderHeader?: boolean;
  /** Whether the VLAN is announced by GVRP; default false. */
  readonly gvrp?: boolean;
  /** Whether the VLAN is announced by MVRP; default false. */
  readonly mvrp?: boolean;
  /** Whether the VLAN stays up when its parent goes down; default false. */
  readonly looseBinding?: boolean;
  /** Whether carrier follows the ports of this VLAN, if the parent is a bridge; default false. */
  readonly bridgeBinding?: boolean;
  /** Packet priority (`from`, 32 bits) to priority of the tag (`to`, 0 to 7). */
  readonly egressQos?: readonly VlanQosMapping[];
  /** Priority of the tag (`from`, 0 to 7) to packet priority (`to`, 32 bits). */
  readonly ingressQos?: readonly VlanQosMapping[];
}
/** What a listing says of a VLAN. */
export type VlanFacts = Reported<VlanOptions>;

/** Ports from `low` to `high`, both included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** Whether tunnel packets may not be fragmented; "inherit": as the packet inside says. */
export type DontFragment = "unset" | "set" | "inherit";

/**
 * Options of an Ethernet segment inside UDP.
 *
 * An IPv4 tunnel has `remote` and `local`, an IPv6 one `remote6` and `local6`.
 *
 * @see drivers/net/vxlan/vxlan_core.c, `vxlan_policy`
 */
export interface VxlanOptions {
  /** Number of the segment: 0 to 16777215; required unless `collectMetadata`. */
  readonly vni?: number;
  /** The link that carries the tunnel; required for a multicast `remote`. */
  readonly underlay?: LinkReference;
  /** Where unknown destinations go: a multicast group or the one peer. */
  readonly remote?: string;
  readonly remote6?: string;
  /** The address that the tunnel sends from; default: what the routes say. */
  readonly local?: string;
  readonly local6?: string;
  /** 0 to 255; 0: as the routes say, 1 for multicast; default 0. */
  readonly ttl?: number;
  /** Whether the TTL of the packet inside is taken; stays as born; default false. */
  readonly ttlInherit?: boolean;
  /** 0 to 255; 1: as the packet inside; default 0. */
  readonly tos?: number;
  /** Default "unset". */
  readonly dontFragment?: DontFragment;
  /** IPv6 flow label, 0 to 1048575; IPv6 tunnels only; default 0. */
  readonly flowLabel?: number;
  /** "inherit": the flow label of the packet inside; default "fixed"; Linux 6.8. */
  readonly flowLabelPolicy?: "fixed" | "inherit";
  /** UDP ports to send from; default: the system's range of local ports. */
  readonly sourcePortRange?: PortRange;
  /** UDP port to send to and to listen at; default 8472, the IANA's being 4789. */
  readonly destinationPort?: number;
  /** Whether senders' addresses are learned; default true. */
  readonly learning?: boolean;
  /** Seconds until a learned address is forgotten; default 300. */
  readonly ageingSeconds?: number;
  /** How many addresses are learned at most; 0: any number; default 0. */
  readonly maxAddresses?: number;
  /** Whether ARP requests are answered from the neighbour table; default false. */
  readonly proxy?: boolean;
  /** Whether routed packets go straight to the next hop's MAC address; default false. */
  readonly routeShortCircuit?: boolean;
  /** Whether an unknown MAC address is announced; default false. */
  readonly l2Miss?: boolean;
  /** Whether an unknown IP address is announced; default false. */
  readonly l3Miss?: boolean;
  /** Whether the tunnel is told by routes and filters, packet by packet; default false. */
  readonly collectMetadata?: boolean;
  /** Whether IPv4 tunnel packets have a UDP checksum; default true. */
  readonly udpChecksum?: boolean;
  /** Whether IPv6 tunnel packets are sent without a UDP checksum; default false. */
  readonly udpZeroChecksum6Transmit?: boolean;
  /** Whether IPv6 tunnel packets are taken without a UDP checksum; default false. */
  readonly udpZeroChecksum6Receive?: boolean;
  /** Whether remote checksum offload is used when sending; default false. */
  readonly remoteChecksumTransmit?: boolean;
  /** Whether remote checksum offload is understood when receiving; default false. */
  readonly remoteChecksumReceive?: boolean;
  /** Whether offloaded checksums are always filled in; default false. */
  readonly remoteChecksumNoPartial?: boolean;
  /** Whether the header carries a policy group, as the packet's mark; default false. */
  readonly groupBasedPolicy?: boolean;
  /**
   * Whether packets inside may be other than Ethernet; needs `collectMetadata` and no `learning`;
   * default false.
   */
  readonly genericProtocolExtension?: boolean;
  /** Whether segments are filtered; needs `collectMetadata`; default false. */
  readonly vniFilter?: boolean;
  /** Whether a tunnel to this host is short cut; default true; Linux 6.5. */
  readonly localBypass?: boolean;
  /** Which bits of the eight header bytes must be zero; default: the unused ones; Linux 6.14. */
  readonly reservedBits?: Uint8Array;
  /**
   * Whether multicast tunnel packets are routed as multicast; not reported; default false;
   * Linux 6.17.
   */
  readonly multicastRoute?: boolean;
}
/** What a listing says of a vxlan. */
export type VxlanFacts = Reported<VxlanOptions, "multicastRoute">;

/** A link that drops what it is given takes no options. @see drivers/net/dummy.c */
export type DummyOptions = Nothing;
/** What a listing says of a dummy: nothing of its own. */
export type DummyFacts = Nothing;

/** A link for queueing received packets takes no options. @see drivers/net/ifb.c */
export type IfbOptions = Nothing;
/** What a listing says of an ifb: nothing of its own. */
export type IfbFacts = Nothing;

/** Options of a master whose ports have a routing table of their own. @see drivers/net/vrf.c */
export interface VrfOptions {
  /** Number of the routing table: 1 to 4294967295. */
  readonly table: number;
}
/** What a listing says of a VRF. */
export type VrfFacts = Reported<VrfOptions>;

/**
 * Options of a master that joins ports to one link. Times are in ms.
 *
 * @see drivers/net/bonding/bond_netlink.c, `bond_policy`;
 *   Documentation/networking/bonding.rst
 */
export interface BondOptions {
  /** Default "balance-rr"; only while the bond is down and without ports. */
  readonly mode?:
    | "balance-rr"
    | "active-backup"
    | "balance-xor"
    | "broadcast"
    | "802.3ad"
    | "balance-tlb"
    | "balance-alb";
  /** The port that carries the packets, one of the bond's; 0: none. */
  readonly activePort?: LinkReference;
  /** ms between two looks at the carrier; 0: never; default 0, 100 in mode "802.3ad". */
  readonly miiInterval?: number;
  /** ms until a carrier counts; a multiple of `miiInterval`; default 0. */
  readonly upDelay?: number;
  /** ms until a lost carrier counts; a multiple of `miiInterval`; default 0. */
  readonly downDelay?: number;
  /** ms between two announcements after a change of port; a multiple of `miiInterval`. */
  readonly peerNotificationDelay?: number;
  /** Default true; since Linux 6.18 nothing else is taken. */
  readonly useCarrier?: boolean;
  /** ms between two ARP probes; 0: none; excludes `miiInterval`; default 0. */
  readonly arpInterval?: number;
  /** IPv4 addresses to probe, at most 16. */
  readonly arpTargets?: readonly string[];
  /** IPv6 addresses to probe, at most 16. */
  readonly neighbourTargets?: readonly string[];
  /** Of which ports answers to probes are checked; default "none". */
  readonly arpValidate?:
    | "none"
    | "active"
    | "backup"
    | "all"
    | "filter"
    | "filter_active"
    | "filter_backup";
  /** How many targets must answer; default "any". */
  readonly arpAllTargets?: "any" | "all";
  /** How many probes may be missed; 1 to 255; default 2. */
  readonly missedMax?: number;
  /** The port that is preferred, one of the bond's; 0: none. */
  readonly primary?: LinkReference;
  /** When the preferred port takes over again; default "always". */
  readonly primaryReselect?: "always" | "better" | "failure";
  /** Whose MAC address the bond has; default "none": its own at every port. */
  readonly failOverMac?: "none" | "active" | "follow";
  /** What decides which port sends a packet; default "layer2". */
  readonly transmitHashPolicy?:
    | "layer2"
    | "layer3+4"
    | "layer2+3"
    | "encap2+3"
    | "encap3+4"
    | "vlan+srcmac";
  /** How many IGMP reports follow a change of port; 0 to 255; default 1. */
  readonly resendIgmp?: number;
  /** How many announcements follow a change of port; 0 to 255; default 1. */
  readonly peerNotifications?: number;
  /** Whether duplicates at backup ports are taken; default false. */
  readonly allPortsActive?: boolean;
  /** How many ports must be up for a carrier; default 0. */
  readonly minLinks?: number;
  /** Seconds between two learning packets to each switch; at least 1; default 1. */
  readonly learningIntervalSeconds?: number;
  /** Packets to one port before the next; 0: at random; 0 to 65535; default 1. */
  readonly packetsPerPort?: number;
  /** How often the partner is asked to send: every 30 s or every 1 s; default "slow". */
  readonly lacpRate?: "slow" | "fast";
  /** Whether LACP is sent unasked; default true. */
  readonly lacpActive?: boolean;
  /** What decides between groups of ports; "actor_port_prio" since Linux 6.18; default "stable". */
  readonly aggregatorSelection?: "stable" | "bandwidth" | "count" | "actor_port_prio";
  /** 1 to 65535; default 65535. */
  readonly actorSystemPriority?: number;
  /** MAC address in LACP packets; default: the bond's. */
  readonly actorSystem?: string;
  /** The upper ten bits of the port key: 0 to 1023; default 0. */
  readonly userPortKey?: number;
  /** Whether collecting and distributing start together; default true; Linux 6.9. */
  readonly coupledControl?: boolean;
  /** Whether "balance-tlb" moves flows by load; default true. */
  readonly dynamicLoadBalancing?: boolean;
  /** Whether ARP and ND go to all ports of "802.3ad"; default false; Linux 6.17. */
  readonly broadcastNeighbour?: boolean;
}

/** The group of ports in use, in mode "802.3ad". */
export interface BondAggregator {
  readonly id?: number;
  readonly ports?: number;
  readonly actorKey?: number;
  readonly partnerKey?: number;
  /** MAC address. */
  readonly partnerAddress?: string;
}

/** What a listing says of a bond. */
export type BondFacts = Reported<BondOptions> & {
  readonly aggregator?: BondAggregator;
};

/**
 * Options of an Ethernet segment inside UDP with room for options of its own.
 *
 * @see drivers/net/geneve.c, `geneve_policy`
 */
export interface GeneveOptions {
  /** Number of the segment: 0 to 16777215; required unless `collectMetadata`. */
  readonly vni?: number;
  /** The one peer; either this or `remote6`, unless `collectMetadata`. */
  readonly remote?: string;
  readonly remote6?: string;
  /** 0 to 255; 0: as the routes say; default 0. */
  readonly ttl?: number;
  /** Whether the TTL of the packet inside is taken, whatever `ttl` says; default false. */
  readonly ttlInherit?: boolean;
  /** 0 to 255; 1: as the packet inside; default 0. */
  readonly tos?: number;
  /** Default "unset". */
  readonly dontFragment?: DontFragment;
  /** IPv6 flow label, 0 to 1048575; IPv6 tunnels only; default 0. */
  readonly flowLabel?: number;
  /** UDP ports to send from; default 1 to 65535; Linux 6.15. */
  readonly sourcePortRange?: PortRange;
  /** UDP port to send to and to listen at; default 6081. */
  readonly destinationPort?: number;
  /** Whether the tunnel is told by routes and filters, packet by packet; excludes the rest. */
  readonly collectMetadata?: boolean;
  /** Whether IPv4 tunnel packets have a UDP checksum; default false. */
  readonly udpChecksum?: boolean;
  /** Whether IPv6 tunnel packets are sent without a UDP checksum; default false. */
  readonly udpZeroChecksum6Transmit?: boolean;
  /** Whether IPv6 tunnel packets are taken without a UDP checksum; default false. */
  readonly udpZeroChecksum6Receive?: boolean;
  /** Whether packets inside are IP without an Ethernet header; default false. */
  readonly innerProtocolInherit?: boolean;
  /** Whether packets tell how to join them again; default false; Linux 7.0. */
  readonly groHint?: boolean;
}
/** What a listing says of a geneve. */
export type GeneveFacts = Reported<GeneveOptions>;

/** What every tunnel over IPv4 takes. */
interface Ipv4TunnelOptions {
  /** The link that carries the tunnel; default: what the routes say. */
  readonly underlay?: LinkReference;
  /** IPv4 address that the tunnel sends from; default: what the routes say. */
  readonly local?: string;
  /** IPv4 address of the one peer. */
  readonly remote?: string;
  /** 0 to 255; 0: as the packet inside; default 0. */
  readonly ttl?: number;
  /** 0 to 255; 1: as the packet inside; default 0. */
  readonly tos?: number;
  /** Whether tunnel packets may not be fragmented; default true. */
  readonly pathMtuDiscovery?: boolean;
  /** The mark that the tunnel packets' route is looked up with; default 0. */
  readonly firewallMark?: number;
  /** What the tunnel is wrapped in once more; default "none". */
  readonly encapsulation?: "none" | "fou" | "gue" | "mpls";
  /** Checksums of that wrapping: over IPv4, over IPv6, offloaded to the peer. Default: none. */
  readonly encapsulationFlags?: readonly ("checksum" | "checksum6" | "remoteChecksum")[];
  /** UDP port to send from; 0: one by flow; default 0. */
  readonly encapsulationSourcePort?: number;
  /** UDP port to send to. */
  readonly encapsulationDestinationPort?: number;
}

/** What a GRE header carries. */
export type GreFlag = "checksum" | "key" | "sequence";

/** Options of Ethernet inside GRE. @see net/ipv4/ip_gre.c, `ipgre_policy` */
export interface GretapOptions extends Ipv4TunnelOptions {
  /** What received headers must have; a key counts only with "key" here; default: none. */
  readonly inputFlags?: readonly GreFlag[];
  /** What sent headers have; a key counts only with "key" here; default: none. */
  readonly outputFlags?: readonly GreFlag[];
  /** 0 to 4294967295. */
  readonly inputKey?: number;
  /** 0 to 4294967295. */
  readonly outputKey?: number;
  /** Whether the packet inside may be fragmented whatever it says; default false. */
  readonly ignoreDontFragment?: boolean;
  /** Whether the tunnel is told by routes and filters, packet by packet; default false. */
  readonly collectMetadata?: boolean;
}
/** What a listing says of a gretap. */
export type GretapFacts = Reported<GretapOptions>;

/** Options of IPv4 or MPLS inside IPv4. @see net/ipv4/ipip.c, `ipip_policy` */
export interface IpipOptions extends Ipv4TunnelOptions {
  /** Default "ipip". */
  readonly innerProtocol?: "any" | "ipip" | "mpls";
  /** Whether the tunnel is told by routes and filters, packet by packet; default false. */
  readonly collectMetadata?: boolean;
}
/** What a listing says of an ipip. */
export type IpipFacts = Reported<IpipOptions>;

/** Options of IPv6, IPv4 or MPLS inside IPv4. @see net/ipv6/sit.c, `ipip6_policy` */
export interface SitOptions extends Ipv4TunnelOptions {
  /** Default "ipv6". */
  readonly innerProtocol?: "any" | "ipip" | "ipv6" | "mpls";
  /** "isatap": IPv6 addresses hold the peers' IPv4 addresses. Default: none. */
  readonly tunnelFlags?: readonly "isatap"[];
  /** 6rd (RFC 5969): the provider's IPv6 prefix; default `2002::`. */
  readonly rapidPrefix?: string;
  /** 0 to 128; default 16. */
  readonly rapidPrefixLength?: number;
  /** 6rd: the IPv4 prefix that all peers have and IPv6 addresses leave out; default 0.0.0.0. */
  readonly rapidRelayPrefix?: string;
  /** 0 to 32; default 0. */
  readonly rapidRelayPrefixLength?: number;
}
/** What a listing says of a sit. */
export type SitFacts = Reported<SitOptions>;

/** A WireGuard link takes its keys and peers elsewhere. @see drivers/net/wireguard/device.c */
export type WireguardOptions = Nothing;
/** What a listing says of a WireGuard link: nothing of its own. */
export type WireguardFacts = Nothing;

/** What becomes of packets without a program: they pass, or are dropped. */
export type NetkitPolicy = "forward" | "blackhole";
/** Whether mark and priority are cleared before a program sees a packet of another namespace. */
export type NetkitScrub = "none" | "default";

/** Options of a pair whose packets pass BPF programs. Linux 6.7. @see drivers/net/netkit.c */
export interface NetkitOptions {
  /** The far end; default: one of a generated name beside the near one. */
  readonly peer?: VethPeer;
  /** "l2" has MAC addresses and ARP; default "l3". */
  readonly mode?: "l2" | "l3";
  /** Of the near end; default "forward". */
  readonly policy?: NetkitPolicy;
  /** Of the far end; default "forward". */
  readonly peerPolicy?: NetkitPolicy;
  /** Of the near end; default "default"; Linux 6.13. */
  readonly scrub?: NetkitScrub;
  /** Of the far end; default "default"; Linux 6.13. */
  readonly peerScrub?: NetkitScrub;
  /** Bytes that are kept free in front of packets; default 0; Linux 6.14. */
  readonly headroom?: number;
  /** Bytes that are kept free behind packets; default 0; Linux 6.14. */
  readonly tailroom?: number;
}
/** What a listing says of one end of a netkit pair. */
export type NetkitFacts = Reported<NetkitOptions, "peer"> &
  PairFacts & {
    /** Whether this is the near end, which alone can be changed. */
    readonly primary?: boolean;
  };

/** Every link kind: what it takes and what it reports back. A new kind is one row here. */
export interface LinkKinds {
  veth: { options: VethOptions; facts: VethFacts };
  bridge: { options: BridgeOptions; facts: BridgeFacts };
  macvlan: { options: MacvlanOptions; facts: MacvlanFacts };
  macvtap: { options: MacvtapOptions; facts: MacvtapFacts };
  ipvlan: { options: IpvlanOptions; facts: IpvlanFacts };
  vlan: { options: VlanOptions; facts: VlanFacts };
  vxlan: { options: VxlanOptions; facts: VxlanFacts };
  dummy: { options: DummyOptions; facts: DummyFacts };
  ifb: { options: IfbOptions; facts: IfbFacts };
  vrf: { options: VrfOptions; facts: VrfFacts };
  bond: { options: BondOptions; facts: BondFacts };
  geneve: { options: GeneveOptions; facts: GeneveFacts };
  gretap: { options: GretapOptions; facts: GretapFacts };
  ipip: { options: IpipOptions; facts: IpipFacts };
  sit: { options: SitOptions; facts: SitFacts };
  wireguard: { options: WireguardOptions; facts: WireguardFacts };
  netkit: { options: NetkitOptions; facts: NetkitFacts };
}

/** The name of a kind. */
export type LinkKind = keyof LinkKinds;

/** Every kind, in the order of the native tables. */
export const linkKinds: readonly LinkKind[] = [
  "veth",
  "bridge",
  "macvlan",
  "macvtap",
  "ipvlan",
  "vlan",
  "vxlan",
  "dummy",
  "ifb",
  "vrf",
  "bond",
  "geneve",
  "gretap",
  "ipip",
  "sit",
  "wireguard",
  "netkit",
];

/** Options of a bridge's port. @see net/bridge/br_netlink.c, `br_port_policy` */
export interface BridgePortOptions {
  /** Spanning tree state; can be set while the port is up and the kernel's STP is off. */
  readonly state?: "disabled" | "listening" | "learning" | "forwarding" | "blocking";
  /** Spanning tree priority: 0 to 63; default 32. */
  readonly priority?: number;
  /** Spanning tree path cost: 1 to 65535; default: by speed, 2 for virtual links. */
  readonly cost?: number;
  /** Whether packets may go back through the port that they came from; default false. */
  readonly hairpin?: boolean;
  /** Whether a spanning tree packet disables the port; default false. */
  readonly bpduGuard?: boolean;
  /** Whether the port may not lead to the root; default false. */
  readonly rootBlock?: boolean;
  /** Whether senders' addresses are learned; default true. */
  readonly learning?: boolean;
  /** Whether packets to unknown addresses go out here; default true. */
  readonly unicastFlood?: boolean;
  /** Whether multicast that nobody asked for goes out here; default true. */
  readonly multicastFlood?: boolean;
  /** Whether broadcasts go out here; default true. */
  readonly broadcastFlood?: boolean;
  /** Whether the port reaches only ports that are not isolated; default false. */
  readonly isolated?: boolean;
  /** Whether only senders that are known here already may send; default false. */
  readonly locked?: boolean;
  /** Whether unknown senders at a locked port are noted down; needs `locked`; Linux 6.2. */
  readonly macAuthenticationBypass?: boolean;
  /** Whether ARP is answered for known neighbours; default false. */
  readonly proxyArp?: boolean;
  /** The same as the standards of wireless networks have it; default false. */
  readonly proxyArpWifi?: boolean;
  /** Whether ARP and ND for known neighbours is answered and not flooded; default false. */
  readonly neighbourSuppression?: boolean;
  /** Whether that is decided per VLAN; default false; Linux 6.4. */
  readonly neighbourVlanSuppression?: boolean;
  /** Whether VLANs are mapped to tunnels; default false. */
  readonly vlanTunnel?: boolean;
  /** As the bridge's option of this name, for one port; default 0. */
  readonly groupForwardMask?: number;
  /** Another port of the bridge that takes over without a carrier here; 0: none. */
  readonly backupPort?: LinkReference;
  /** The next hop that goes with packets to the backup port; 0: none; default 0; Linux 6.6. */
  readonly backupNextHop?: number;
  /** Default "query". */
  readonly multicastRouter?: MulticastRouterMode;
  /** Whether a leave message ends a group at once; default false. */
  readonly multicastFastLeave?: boolean;
  /** Whether multicast is sent to each member as unicast; default false. */
  readonly multicastToUnicast?: boolean;
  /** How many hosts are tracked for fast leave at most; default 512. */
  readonly multicastHostsLimit?: number;
  /** How many groups may be joined here; 0: any number; default 0; Linux 6.3. */
  readonly multicastMaxGroups?: number;
  /** Forgets every address learned here now. */
  readonly flushFdb?: true;
}

/** What a listing says of a bridge's port. */
export type BridgePortFacts = Reported<BridgePortOptions, "flushFdb"> & {
  /** How many hosts are tracked for fast leave. */
  readonly multicastHosts?: number;
  /** How many groups are joined here; Linux 6.3. */
  readonly multicastGroups?: number;
  /** The root of the spanning tree: two bytes of priority and a MAC address. */
  readonly rootId?: string;
  /** The bridge beyond this port: two bytes of priority and a MAC address. */
  readonly bridgeId?: string;
  readonly designatedPort?: number;
  readonly designatedCost?: number;
  /** Priority and number in one. */
  readonly portId?: number;
  readonly portNumber?: number;
  readonly topologyChangeAcknowledged?: boolean;
  readonly configurationPending?: boolean;
  /** 1/100 s that are left, as in all timers; 0: not running. */
  readonly messageAgeTimer?: bigint;
  readonly forwardDelayTimer?: bigint;
  readonly holdTimer?: bigint;
  /** Whether the port of a media redundancy ring misses its test packets. */
  readonly mrpRingOpen?: boolean;
  readonly mrpInterconnectOpen?: boolean;
};

/** Options of a bond's port. @see drivers/net/bonding/bond_netlink.c, `bond_slave_policy` */
export interface BondPortOptions {
  /** The transmit queue of the bond that leads here; 0: none; default 0. */
  readonly queueId?: number;
  /** Which port becomes active, the highest first: 32 bits with sign; default 0. */
  readonly priority?: number;
  /** Priority in LACP, the lowest first: 0 to 65535; default 255; Linux 6.18. */
  readonly actorPortPriority?: number;
}

/** What LACP says of one side of a port. */
export type LacpState =
  | "active"
  | "shortTimeout"
  | "aggregating"
  | "inSync"
  | "collecting"
  | "distributing"
  | "defaulted"
  | "expired";

/** What a listing says of a bond's port. */
export type BondPortFacts = Reported<BondPortOptions> & {
  readonly state?: "active" | "backup";
  /** The carrier, as the bond's monitoring has it. */
  readonly linkState?: "up" | "goingDown" | "down" | "goingUp";
  readonly linkFailures?: number;
  /** The MAC address that the port gets back when it leaves. */
  readonly permanentAddress?: string;
  readonly aggregatorId?: number;
  readonly actorState?: readonly LacpState[];
  readonly partnerState?: readonly LacpState[];
};

/** What a master takes for its ports, and reports of them, by the kind of the master. */
export interface PortKinds {
  bridge: { options: BridgePortOptions; facts: BridgePortFacts };
  bond: { options: BondPortOptions; facts: BondPortFacts };
}

/** The name of a kind of port. */
export type PortKind = keyof PortKinds;

/** Every kind of port, in the order of the native tables. */
export const portKinds: readonly PortKind[] = ["bridge", "bond"];
