// Routes: added, replaced, removed, listed, and looked up as a packet would.

import { NetlinkError, objectArgument } from "../errors.ts";
import type { Family, Scope } from "./address.ts";
import type { Namespace } from "./namespace.ts";
import { type LinkReference, referenceTo } from "./reference.ts";
import { request } from "./request.ts";

/** A routing table: 1 to 4294967295, of which three have names. */
export type RouteTable = "default" | "main" | "local" | number;

/** Who installed a route or rule (`RTPROT_*`, 0 to 255); names that a daemon goes by. */
export type RouteProtocol =
  | "unspec"
  | "redirect"
  | "kernel"
  | "boot"
  | "static"
  | "ra"
  | "zebra"
  | "bird"
  | "dhcp"
  | "babel"
  | "bgp"
  | "isis"
  | "ospf"
  | "rip"
  | "eigrp"
  | number;

/** What becomes of a packet that takes the route. */
export type RouteType =
  | "unspec"
  | "unicast"
  | "local"
  | "broadcast"
  | "anycast"
  | "multicast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "throw"
  | "nat"
  | number;

/** What the kernel says of a route (`RTNH_F_*`, `RTM_F_CLONED`). */
export type RouteFlag =
  | "dead"
  | "pervasive"
  | "onlink"
  | "offload"
  | "linkdown"
  | "unresolved"
  | "trap"
  | "cloned";

/** RFC 4191: which of several IPv6 routers is preferred. */
export type RouterPreference = "low" | "medium" | "high" | number;

/** What connections over a route begin with (`RTAX_*`); absent is the kernel's default. */
export interface RouteMetrics {
  /** A bit for each metric, `1 << RTAX_*`, that the kernel shall not change by itself. */
  readonly lock?: number;
  /** Bytes. */
  readonly mtu?: number;
  /** Bytes: the largest TCP window that is offered. */
  readonly window?: number;
  /** Milliseconds times 8: the first estimate of the round trip time. */
  readonly rtt?: number;
  /** Milliseconds times 4: its variance. */
  readonly rttvar?: number;
  /** Segments: where slow start ends. */
  readonly ssthresh?: number;
  /** Segments: the largest congestion window; it counts only if locked. */
  readonly cwnd?: number;
  /** Bytes: the segment size that is offered. */
  readonly advmss?: number;
  /** Segments: how far out of order they may come at first. */
  readonly reordering?: number;
  /** 1 to 255; more counts as 255. */
  readonly hoplimit?: number;
  /** Segments: the congestion window that connections begin with. */
  readonly initcwnd?: number;
  /** Bits; 1 is ECN. */
  readonly features?: number;
  /** Milliseconds: the shortest retransmission timeout. */
  readonly rtoMin?: number;
  /** Segments: the window that is offered at first. */
  readonly initrwnd?: number;
  /** 1: every segment is acknowledged at once. */
  readonly quickack?: number;
  /** A congestion control algorithm's name, `"cubic"`. */
  readonly congestionControl?: string;
  /** 1: TCP Fast Open works without a cookie. */
  readonly fastopenNoCookie?: number;
}

/** One of several ways that packets of a route can take. */
export interface NextHop {
  /** The gateway; of the other family, too, for IPv4 routes. */
  readonly via?: string;
  readonly device?: LinkReference;
  /** How many packets it gets in proportion, 1 to 256. Default: 1. */
  readonly weight?: number;
  /** Whether the gateway is said to be on the link, whatever its address. */
  readonly onlink?: boolean;
}

/** A next hop as a listing says it. */
export interface NextHopFacts extends NextHop {
  /** The link's index. */
  readonly device: number;
  readonly weight: number;
  readonly onlink: boolean;
}

/** What both a route to be added and a listed one say. */
interface RouteProperties {
  /** Only packets from this prefix; IPv6 only, and not in every kernel. */
  readonly from?: string;
  /** Only packets with this type of service, 0 to 255; IPv4 only. */
  readonly tos?: number;
  /** The gateway; of the other family, too, for IPv4 routes. */
  readonly via?: string;
  /** The address that packets get unless their sender chose one. */
  readonly source?: string;
  /** The smaller is taken. Default: 0 of IPv4, 1024 of IPv6. */
  readonly metric?: number;
  readonly metrics?: RouteMetrics;
  /** The number of a next hop object, as `ip nexthop` makes it. */
  readonly nexthopId?: number;
  /** The realms, source's in the upper 16 bits; IPv4 only. */
  readonly realm?: number;
  /** IPv6 only. Default: medium. */
  readonly preference?: RouterPreference;
  /** Seconds until the route goes; IPv6 only. */
  readonly expires?: number;
}

/** A route to be added, or that there is: `to` and at least one of via, device, nexthops, type. */
export interface RouteSpec extends RouteProperties {
  /** `"10.1.0.0/16"`, an address, or `"default"`. Bits behind the prefix are set to zero. */
  readonly to: string;
  /** Needed only if no address tells it; default then: inet. */
  readonly family?: Family;
  /** Default: main. */
  readonly table?: RouteTable;
  /** Default: boot, as `ip route add`; when removing: any. */
  readonly protocol?: RouteProtocol;
  /** IPv4 only. Default: link without a gateway, else global; when removing: any. */
  readonly scope?: Scope;
  /** Default: unicast; when removing: any. */
  readonly type?: RouteType;
  readonly device?: LinkReference;
  /** Whether the gateway is said to be on the link, whatever its address. */
  readonly onlink?: boolean;
  /** Several ways instead of `via` and `device`. */
  readonly nexthops?: readonly NextHop[];
}

/** A route as the kernel reports it. */
export interface Route extends RouteProperties {
  readonly to: string;
  readonly family: Family;
  readonly table: RouteTable;
  readonly protocol: RouteProtocol;
  readonly scope: Scope;
  readonly type: RouteType;
  /** The index of the link. */
  readonly device?: number;
  readonly onlink: boolean;
  readonly flags: readonly RouteFlag[];
  readonly nexthops?: readonly NextHopFacts[];
  /** Of a looked-up route: the link that the packet came in by. */
  readonly inputDevice?: number;
  /** Of a looked-up route: the packet's mark. */
  readonly mark?: number;
  /** Of a looked-up route: the user whose packet it is. */
  readonly uid?: number;
}

/** Which routes to list; the kernel does the choosing. */
export interface RouteFilter {
  /** Default: both. */
  readonly family?: Family;
  /** Default: main. */
  readonly table?: RouteTable | "all";
  readonly device?: LinkReference;
  readonly protocol?: RouteProtocol;
  readonly type?: RouteType;
}

/** What a packet is like whose way is looked up, besides where it goes. */
export interface RouteLookup {
  /** The packet's source address. Default: the one it would get. */
  readonly from?: string;
  /** The link that it has to leave by. */
  readonly device?: LinkReference;
  /** The link that it came in by, if it is to be forwarded. */
  readonly inputDevice?: LinkReference;
  readonly mark?: number;
  /** The user whose packet it is. Default: root. */
  readonly uid?: number;
  /** 0 to 255; 6 is TCP, 17 UDP. The kernel takes only these and ICMP (1, 58). */
  readonly ipProtocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly tos?: number;
}

/** With the references to links alone, without the rest of link objects. */
function referring<Taken extends { device?: LinkReference; nexthops?: readonly NextHop[] }>(
  taken: Taken,
): Taken {
  const { device, nexthops } = objectArgument("route", taken);
  return {
    ...taken,
    ...(device === undefined ? {} : { device: referenceTo(device) }),
    ...(Array.isArray(nexthops) ? { nexthops: nexthops.map((hop) => referring(hop)) } : {}),
  };
}

/**
 * Adds a route; one round trip. Needs `CAP_NET_ADMIN`.
 *
 * ```ts
 * await addRoute(namespace, { to: "default", via: "10.0.0.1" });
 * ```
 *
 * @throws {NetlinkError} `EEXIST` if there is a route to the same prefix with the same metric; of
 *   IPv4, also the same type of service.
 * @throws {NetlinkError} `ENETUNREACH` (IPv6: `EHOSTUNREACH`) if no link leads to the gateway.
 * @throws {NetlinkError} `ENETDOWN` if the link is down, `ENODEV` if there is none.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property that is unknown, of the wrong type or out of
 *   range; nothing was sent.
 * @see net/ipv4/fib_frontend.c, `inet_rtm_newroute()`; net/ipv6/route.c, `inet6_rtm_newroute()`
 */
export async function addRoute(namespace: Namespace, route: RouteSpec): Promise<void> {
  await request(namespace, "addRoute", referring(route));
}

/**
 * Adds a route in the place of the one to the same prefix with the same metric, if there is one.
 * No packet finds neither.
 *
 * @throws as {@link addRoute}, `EEXIST` aside.
 */
export async function replaceRoute(namespace: Namespace, route: RouteSpec): Promise<void> {
  await request(namespace, "replaceRoute", referring(route));
}

/** Without what only a listing says: how a next hop object leads on included. */
function matchOf(
  route: RouteSpec & Partial<Pick<Route, "flags" | "inputDevice" | "mark" | "uid">>,
): RouteSpec {
  const { flags, expires, inputDevice, mark, uid, ...match } = objectArgument("route", route);
  if (match.nexthopId === undefined) return match;
  const { via, device, nexthops, ...rest } = match;
  return rest;
}

/**
 * Removes the first route that has all the properties given; a listed {@link Route} will do.
 *
 * @throws {NetlinkError} `ESRCH` if there is none.
 * @see net/ipv4/fib_trie.c, `fib_table_delete()`; net/ipv6/route.c, `ip6_route_del()`
 */
export async function removeRoute(namespace: Namespace, route: RouteSpec | Route): Promise<void> {
  await request(namespace, "removeRoute", referring(matchOf(route)));
}

/**
 * Lists routes. Never partial, as with `listLinks`. A table that does not exist has none.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {DumpInterruptedError} `EINTR` if the list changed a dozen times in a row.
 * @see net/ipv4/fib_frontend.c, `inet_dump_fib()`; net/ipv6/ip6_fib.c, `inet6_dump_fib()`
 */
export async function listRoutes(namespace: Namespace, filter: RouteFilter = {}): Promise<Route[]> {
  try {
    const routes = await request(namespace, "listRoutes", referring(filter));
    // Asked for no family, the kernel also lists MPLS and multicast forwarding, by number.
    return routes.filter((route) => route.family === "inet" || route.family === "inet6");
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "ENOENT") return [];
    throw error;
  }
}

/**
 * The way that a packet to `to`, one address, would take; one round trip. `to` of the answer is
 * that address, as a prefix; `via` and `device` say where the packet is sent, `source` where from.
 *
 * ```ts
 * const { device, via } = await getRoute(namespace, "192.0.2.1");
 * ```
 *
 * @throws {NetlinkError} `ENETUNREACH` if no route leads there, and what a route says that refuses:
 *   `EHOSTUNREACH` (unreachable), `EACCES` (prohibit), `EINVAL` (blackhole).
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @see net/ipv4/route.c, `inet_rtm_getroute()`; net/ipv6/route.c, `inet6_rtm_getroute()`
 */
export async function getRoute(
  namespace: Namespace,
  to: string,
  lookup: RouteLookup = {},
): Promise<Route> {
  const { inputDevice, ...rest } = referring(lookup);
  return await request(namespace, "getRoute", {
    ...rest,
    ...(inputDevice === undefined ? {} : { inputDevice: referenceTo(inputDevice) }),
    to,
  });
}
