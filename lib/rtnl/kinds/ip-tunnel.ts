// Tunnels over IPv4: gretap, ipip and sit.

import type { LinkReference } from "../reference.ts";
import type { Reported } from "./reported.ts";

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
