// A bond, and its ports.

import type { LinkReference } from "../reference.ts";
import type { Reported } from "./reported.ts";

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
