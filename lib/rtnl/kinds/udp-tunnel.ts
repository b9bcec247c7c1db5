// Ethernet segments inside UDP: vxlan and geneve.

import type { LinkReference } from "../reference.ts";
import type { Reported } from "./reported.ts";

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
