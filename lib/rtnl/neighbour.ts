// Neighbours, who resolve IP addresses to MAC addresses, and the forwarding databases of bridges.

import { invalidArgument, objectArgument } from "../errors.ts";
import type { Family } from "./address.ts";
import type { Namespace } from "./namespace.ts";
import { type LinkReference, referenceTo } from "./reference.ts";
import { request } from "./request.ts";
import type { RouteProtocol } from "./route.ts";

/** What the kernel knows of a neighbour (`NUD_*`): `permanent` is never asked after. */
export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noArp"
  | "permanent"
  | number;

/** Flags of neighbours and FDB entries (`NTF_*`). */
export type NeighbourFlag =
  | "use"
  | "self"
  | "master"
  | "proxy"
  | "externallyLearned"
  | "offloaded"
  | "sticky"
  | "router";

/** Further flags (`NTF_EXT_*`): `managed` neighbours the kernel keeps resolved by itself. */
export type NeighbourExtendedFlag = "managed" | "locked";

/** When something last happened, in 1/100 s before now. */
export interface NeighbourCacheInfo {
  readonly confirmed: number;
  readonly used: number;
  readonly updated: number;
  /** How many users the entry has. */
  readonly references: number;
}

/** A neighbour as the kernel reports it. */
export interface Neighbour {
  /** The index of the link. */
  readonly index: number;
  readonly family: Family;
  /** The IP address, `"10.0.0.2"`. */
  readonly address: string;
  /** The MAC address; absent while it is not known, and of proxies. */
  readonly linkAddress?: string;
  readonly state: NeighbourState;
  readonly flags: readonly NeighbourFlag[];
  readonly extendedFlags?: readonly NeighbourExtendedFlag[];
  readonly protocol?: RouteProtocol;
  /** How often it was asked after without an answer. */
  readonly probes?: number;
  readonly cacheInfo?: NeighbourCacheInfo;
}

/** A neighbour to be added. */
export interface NeighbourSpec {
  /** The IP address, of either family. */
  readonly address: string;
  /** The MAC address. Not of proxies. */
  readonly linkAddress?: string;
  /** Default: permanent. */
  readonly state?: NeighbourState;
  /** `["proxy"]`: the link answers for the address. `["router"]`: an IPv6 neighbour forwards. */
  readonly flags?: readonly NeighbourFlag[];
  /** `["managed"]`, with `state: "none"`: the kernel finds the MAC address and keeps it known. */
  readonly extendedFlags?: readonly NeighbourExtendedFlag[];
  /** Who adds it. */
  readonly protocol?: RouteProtocol;
}

/** Which of a link's neighbours is meant; a listed {@link Neighbour} will do. */
export interface NeighbourMatch {
  readonly address: string;
  /** `["proxy"]` for a proxy. */
  readonly flags?: readonly NeighbourFlag[];
}

/** Which neighbours to list; the kernel does the choosing. */
export interface NeighbourFilter {
  readonly link?: LinkReference;
  /** Only on ports of this bridge, bond or VRF. */
  readonly master?: LinkReference;
  /** Default: both. */
  readonly family?: Family;
  /** Proxies alone instead of what is no proxy. Default: false. */
  readonly proxy?: boolean;
}

/**
 * Adds a neighbour: which MAC address an IP address has; one round trip. Needs `CAP_NET_ADMIN`.
 *
 * @throws {NetlinkError} `EEXIST` if there is an entry for the address, a learned one included;
 *   never for proxies.
 * @throws {NetlinkError} `EINVAL` without `linkAddress` where the state says that it is known; the
 *   kernel leaves the neighbour behind in state `none`.
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property that is unknown, of the wrong type or out of
 *   range; nothing was sent.
 * @see net/core/neighbour.c, `neigh_add()`
 */
export async function addNeighbour(
  namespace: Namespace,
  link: LinkReference,
  neighbour: NeighbourSpec,
): Promise<void> {
  await request(namespace, "addNeighbour", { ...neighbour, link: referenceTo(link) });
}

/**
 * Adds a neighbour, or changes the one that has the address.
 *
 * @throws as {@link addNeighbour}, `EEXIST` aside.
 */
export async function replaceNeighbour(
  namespace: Namespace,
  link: LinkReference,
  neighbour: NeighbourSpec,
): Promise<void> {
  await request(namespace, "replaceNeighbour", { ...neighbour, link: referenceTo(link) });
}

/** Without what does not tell one neighbour from another. */
function matchOf(neighbour: NeighbourMatch & Partial<Neighbour>): NeighbourMatch {
  const {
    index,
    family,
    linkAddress,
    state,
    extendedFlags,
    protocol,
    probes,
    cacheInfo,
    ...match
  } = objectArgument("neighbour", neighbour);
  return match;
}

/**
 * Removes a neighbour.
 *
 * @throws {NetlinkError} `ENOENT` if there is none; `ENODEV` if there is no such link.
 * @see net/core/neighbour.c, `neigh_delete()`
 */
export async function removeNeighbour(
  namespace: Namespace,
  link: LinkReference,
  neighbour: NeighbourMatch,
): Promise<void> {
  const match = matchOf(neighbour);
  await request(namespace, "removeNeighbour", { ...match, link: referenceTo(link) });
}

/**
 * Lists neighbours, those in state `noArp` included, which `ip neigh` leaves out: multicast
 * addresses and the like, which are only computed. Never partial, as with `listLinks`. A link index
 * that is no link's has none.
 *
 * @throws {NetlinkError} `ENODEV` if there is no link of the name.
 * @throws {DumpInterruptedError} `EINTR` if the list changed a dozen times in a row.
 * @see net/core/neighbour.c, `neigh_dump_info()`
 */
export async function listNeighbours(
  namespace: Namespace,
  filter: NeighbourFilter = {},
): Promise<Neighbour[]> {
  const { link, master, proxy = false, ...rest } = objectArgument("filter", filter);
  if (typeof proxy !== "boolean") throw invalidArgument("type", "proxy", "must be true or false");
  return await request(namespace, "listNeighbours", {
    ...rest,
    ...(link === undefined ? {} : { device: referenceTo(link) }),
    ...(master === undefined ? {} : { master: referenceTo(master) }),
    ...(proxy ? { flags: ["proxy"] } : {}),
  });
}

/** How long an FDB entry stays: `reachable` ages, `static` does not, `permanent` is the port's own. */
export type FdbState = "permanent" | "static" | "reachable" | "stale" | number;

/** What tells one entry of a forwarding database from another. */
interface FdbKey {
  /** The MAC address. */
  readonly address: string;
  /** 1 to 4094. */
  readonly vlan?: number;
  /** Of a VXLAN link: the IP address that frames are sent to. */
  readonly remote?: string;
  /** Of a VXLAN link: the UDP port. Default: the link's. */
  readonly destinationPort?: number;
  /** Of a VXLAN link: the network, 0 to 16777215, that frames are sent in. Default: the link's. */
  readonly vni?: number;
  /** Of a VXLAN link that takes its networks from metadata: the network frames come from. */
  readonly sourceVni?: number;
  /** The number of a next hop object, instead of `remote`. */
  readonly nexthopId?: number;
}

/** An entry of a forwarding database as the kernel reports it. */
export interface FdbEntry extends FdbKey {
  /** The index of the port, or of the bridge or VXLAN link itself. */
  readonly index: number;
  readonly state: FdbState;
  /** `self`: the entry is the link's own, not its bridge's. */
  readonly flags: readonly NeighbourFlag[];
  readonly extendedFlags?: readonly NeighbourExtendedFlag[];
  /** The index of the bridge whose entry it is. */
  readonly master?: number;
  /** The index of the link that frames are sent by. */
  readonly underlay?: number;
  readonly cacheInfo?: NeighbourCacheInfo;
}

/** Which entry is meant; a listed {@link FdbEntry} will do. */
export interface FdbEntryMatch extends FdbKey {
  /** `["self"]`: the link's own; `["master"]`: its bridge's. Default: `["self"]`. */
  readonly flags?: readonly NeighbourFlag[];
  /** Of a VXLAN link: the link that frames are sent by. */
  readonly underlay?: LinkReference;
}

/** An entry to be added. */
export interface FdbEntrySpec extends FdbEntryMatch {
  /** Default: permanent, for the port's own address. `static` for what is behind the port. */
  readonly state?: FdbState;
  readonly extendedFlags?: readonly NeighbourExtendedFlag[];
}

/** Which entries to list; the kernel does the choosing. */
export interface FdbFilter {
  /** Only of this port, bridge or VXLAN link. */
  readonly link?: LinkReference;
  /** Only of this bridge and its ports. */
  readonly master?: LinkReference;
}

/** With the reference to the underlay alone. */
function onUnderlay<Entry extends FdbEntryMatch>(entry: Entry): Entry {
  const { underlay } = objectArgument("entry", entry);
  return underlay === undefined ? entry : { ...entry, underlay: referenceTo(underlay) };
}

/**
 * Adds an entry to a forwarding database: with `flags: ["master"]` to that of the bridge that the
 * link is a port of, otherwise to the link's own; one round trip. Needs `CAP_NET_ADMIN`.
 *
 * ```ts
 * await addFdbEntry(namespace, { name: "port0" }, {
 *   address: "02:00:00:00:00:09", state: "static", flags: ["master"],
 * });
 * ```
 *
 * @throws {NetlinkError} `EEXIST` if there is such an entry.
 * @throws {NetlinkError} `EOPNOTSUPP` if the link is no bridge's port (`master`).
 * @throws {NetlinkError} `EINVAL` for a VLAN that the port is not in, and for links that are not
 *   Ethernet (`self`).
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property that is unknown, of the wrong type or out of
 *   range; nothing was sent.
 * @see net/core/rtnetlink.c, `rtnl_fdb_add()`; net/bridge/br_fdb.c, `br_fdb_add()`
 */
export async function addFdbEntry(
  namespace: Namespace,
  link: LinkReference,
  entry: FdbEntrySpec,
): Promise<void> {
  await request(namespace, "addFdbEntry", { ...onUnderlay(entry), link: referenceTo(link) });
}

/**
 * Adds an entry, or changes the one of the address, which moves to the link.
 *
 * @throws as {@link addFdbEntry}, `EEXIST` aside.
 */
export async function replaceFdbEntry(
  namespace: Namespace,
  link: LinkReference,
  entry: FdbEntrySpec,
): Promise<void> {
  await request(namespace, "replaceFdbEntry", { ...onUnderlay(entry), link: referenceTo(link) });
}

/** What says which entry is meant. A listing says by `master` whose entry it is, not by a flag. */
function fdbMatchOf(entry: FdbEntryMatch & Partial<Omit<FdbEntry, "underlay">>): FdbEntryMatch {
  const { index, state, extendedFlags, cacheInfo, master, ...match } = objectArgument(
    "entry",
    entry,
  );
  if (master === undefined) return match;
  return { ...match, flags: [master === index ? "self" : "master"] };
}

/**
 * Removes an entry from a forwarding database.
 *
 * @throws {NetlinkError} `ENOENT` if there is none; `ENODEV` if there is no such link.
 * @see net/core/rtnetlink.c, `rtnl_fdb_del()`; net/bridge/br_fdb.c, `br_fdb_delete()`
 */
export async function removeFdbEntry(
  namespace: Namespace,
  link: LinkReference,
  entry: FdbEntryMatch | FdbEntry,
): Promise<void> {
  const match = onUnderlay(fdbMatchOf(entry));
  await request(namespace, "removeFdbEntry", { ...match, link: referenceTo(link) });
}

/**
 * Lists the entries of forwarding databases, learned ones included. Never partial, as with
 * `listLinks`. A link index that is no link's has none.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such master, or no link of the name.
 * @throws {DumpInterruptedError} `EINTR` if the list changed a dozen times in a row.
 * @see net/core/rtnetlink.c, `rtnl_fdb_dump()`; net/bridge/br_fdb.c, `br_fdb_dump()`
 */
export async function listFdbEntries(
  namespace: Namespace,
  filter: FdbFilter = {},
): Promise<FdbEntry[]> {
  const { link, master, ...rest } = objectArgument("filter", filter);
  return await request(namespace, "listFdbEntries", {
    ...rest,
    ...(link === undefined ? {} : { link: referenceTo(link) }),
    ...(master === undefined ? {} : { master: referenceTo(master) }),
  });
}
