// A bridge, and its ports.

import type { LinkReference } from "../reference.ts";
import type { Reported } from "./reported.ts";
import type { VlanProtocol } from "./vlan.ts";

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
