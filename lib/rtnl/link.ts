// Links: network interfaces of every kind, made, found, changed, moved, deleted.

import { release } from "node:os";
import { errorOfRefusal, invalidArgument, NetlinkError, objectArgument } from "../errors.ts";
import type { LinkKind, LinkKinds, PortKind, PortKinds } from "./kinds/kinds.ts";
import type { Namespace } from "./namespace.ts";
import { type LinkReference, referenceTo } from "./reference.ts";
import { request } from "./request.ts";

/** A link's flags (`IFF_*`), as `ip link` shows them between angle brackets. */
export type LinkFlag =
  | "up"
  | "broadcast"
  | "debug"
  | "loopback"
  | "pointToPoint"
  | "noTrailers"
  | "running"
  | "noArp"
  | "promiscuous"
  | "allMulticast"
  | "master"
  | "slave"
  | "multicast"
  | "lowerUp"
  | "dormant";

/** RFC 2863: whether packets can pass. `unknown` is what `lo` and many virtual links say. */
export type OperationalState =
  | "unknown"
  | "notPresent"
  | "down"
  | "lowerLayerDown"
  | "testing"
  | "dormant"
  | "up";

/** How the kernel makes a link's IPv6 link-local address. */
export type Ipv6AddressGeneration = "eui64" | "none" | "stablePrivacy" | "random";

/** What the kernel reports of every link, whatever its kind. */
export interface LinkFacts {
  /** The interface index, unique in the namespace. */
  readonly index: number;
  /** The name, unique in the namespace; at most 15 bytes. */
  readonly name: string;
  /** Further names, at most 127 bytes each; absent if there are none. */
  readonly alternativeNames?: readonly string[];
  /** Whether the link is administratively up. See {@link operationalState} for the rest. */
  readonly up: boolean;
  readonly flags: readonly LinkFlag[];
  /** The link layer (`ARPHRD_*`): a name where there is a usual one, otherwise the number. */
  readonly type: string | number;
  readonly operationalState: OperationalState;
  readonly linkMode: "default" | "dormant";
  /** Whether the lower layer has a signal; for a veth, whether both ends are up. */
  readonly carrier: boolean;
  /** How often the carrier came or went. */
  readonly carrierChanges: number;
  /** Bytes, without the link-layer header. */
  readonly mtu: number;
  /** The smallest MTU that can be set; absent for links without a bound. */
  readonly minMtu?: number;
  readonly maxMtu?: number;
  /** The MAC address, `"02:00:00:00:00:01"`; absent for links without one. */
  readonly address?: string;
  /** The link-layer broadcast address; of a point-to-point link, the far end's. */
  readonly broadcast?: string;
  /** The address that the device was born with, if it has one. */
  readonly permanentAddress?: string;
  /** The group number, 0 unless set. */
  readonly group: number;
  /** Free text, as `ip link set alias` writes it. */
  readonly alias?: string;
  /** The index of the bridge, bond or VRF that the link is a port of. */
  readonly master?: number;
  /** The index of the lower link of a macvlan, vlan and the like. */
  readonly parent?: number;
  /** The number of the namespace that {@link parent} is in, if it is another one. */
  readonly parentNamespaceId?: number;
  readonly transmitQueueLength: number;
  readonly transmitQueues: number;
  readonly receiveQueues: number;
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  readonly groMaxSize?: number;
  /** How many users keep the link in promiscuous mode. */
  readonly promiscuity: number;
  /** Whether something other than the administrator keeps the link down. */
  readonly protocolDown?: boolean;
  /** The queueing discipline's name. */
  readonly queueDiscipline?: string;
  readonly ipv6AddressGeneration?: Ipv6AddressGeneration;
}

/** What the kernel reports of a link that is the port of a bridge or bond. */
export type PortFacts =
  | {
      readonly [K in PortKind]: { readonly portKind: K; readonly port: PortKinds[K]["facts"] };
    }[PortKind]
  | { readonly portKind?: never; readonly port?: never };

/** A link of one kind, with the facts of that kind beside those of every link. */
export type LinkOf<K extends LinkKind> = LinkFacts &
  PortFacts & { readonly kind: K } & LinkKinds[K]["facts"];

/** A link without a kind (`lo`, hardware), or of a kind that this library has no table for. */
export type OtherLink = LinkFacts & PortFacts & { readonly kind?: never };

/** A link as the kernel reports it. `kind` tells which further facts there are. */
export type Link = { [K in LinkKind]: LinkOf<K> }[LinkKind] | OtherLink;

/** What can be given of any link when it is created, and changed later. */
export interface LinkSettings {
  /** 1 to 15 bytes; no `/`, `:` or white space. Default: the kind and a number, `veth0`. */
  readonly name?: string;
  /** Whether the link is raised. */
  readonly up?: boolean;
  /**
   * The MAC address. Default: a random one. One that is given here is left alone by udev, which
   * may otherwise replace it.
   */
  readonly address?: string;
  /** The link-layer broadcast address. */
  readonly broadcast?: string;
  /** Bytes; the range depends on the kind, and the error tells it. Default: 1500 for most. */
  readonly mtu?: number;
  /** 0 to 2147483647. Default: 0. */
  readonly group?: number;
  /** Free text of up to 255 bytes; empty removes it. */
  readonly alias?: string;
  /** The bridge, bond or VRF that the link becomes a port of; 0 takes it out of its master. */
  readonly master?: LinkReference;
  /** Packets. Default: 1000 for most. */
  readonly transmitQueueLength?: number;
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  readonly groMaxSize?: number;
  /** Whether packets for anybody are taken. */
  readonly promiscuous?: boolean;
  /** Whether packets for every multicast group are taken. */
  readonly allMulticast?: boolean;
  /** Whether the link can multicast. */
  readonly multicast?: boolean;
  /** Whether addresses are resolved by ARP. */
  readonly arp?: boolean;
  readonly protocolDown?: boolean;
}

/** What can be given of any link only when it is created. */
export interface LinkCreation extends LinkSettings {
  /** The index to have, 1 to 2147483647. Default: the next free one. */
  readonly index?: number;
  /** The lower link of a macvlan, vlan and the like, in the namespace of the call. */
  readonly parent?: LinkReference;
  /** The namespace to create the link in. Default: that of the call. */
  readonly namespace?: Namespace;
  /** 1 to 4096. */
  readonly transmitQueues?: number;
  /** 1 to 4096. */
  readonly receiveQueues?: number;
}

/** A link to be created: its kind, what every link has, and the options of that kind. */
export type LinkSpec<K extends LinkKind = LinkKind> = {
  [Kind in K]: LinkCreation & { readonly kind: Kind } & LinkKinds[Kind]["options"];
}[K];

/** What can be changed of a link that exists. */
export type LinkChanges = LinkSettings & {
  /** Whether the lower layer is said to have a signal, for kinds that let it be set. */
  readonly carrier?: boolean;
  readonly linkMode?: "default" | "dormant";
  readonly ipv6AddressGeneration?: Ipv6AddressGeneration;
} & PortChanges &
  KindChanges;

/** Options of the link's role as a port; `portKind` says of what. */
export type PortChanges =
  | {
      readonly [K in PortKind]: { readonly portKind: K; readonly port: PortKinds[K]["options"] };
    }[PortKind]
  | { readonly portKind?: never; readonly port?: never };

/** Options of the link's own kind, which has to be named with them. */
export type KindChanges =
  | { readonly [K in LinkKind]: { readonly kind: K } & Partial<LinkKinds[K]["options"]> }[LinkKind]
  | { readonly kind?: never };

/** Which links to list; the kernel does the choosing. */
export interface LinkFilter {
  /** Only the ports of this bridge, bond or VRF. */
  readonly master?: LinkReference;
  /** Only links of this kind. */
  readonly kind?: LinkKind;
}

/**
 * Creates a link and returns it as the kernel made it.
 *
 * One round trip: the kernel echoes the finished link (`NLM_F_ECHO`; what being a port adds to a
 * link, {@link getLink} tells). One more for `alias`, which the kernel takes from existing links
 * only, and one for a link that is created in another `namespace`, from where no echo comes. When
 * setting the alias fails the link is deleted again.
 *
 * A veth's peer is created with it, directly in the peer's namespace, under its final name, and is
 * always born down, because the kernel refuses to raise one end before the pair is joined: raise it
 * with {@link setLink}. Needs `CAP_NET_ADMIN` in every namespace involved.
 *
 * ```ts
 * const veth = await createLink(host, {
 *   kind: "veth", name: "host0", up: true,
 *   peer: { name: "eth0", namespace: guest },
 * });
 * await setLink(guest, { index: veth.peerIndex }, { up: true });
 * ```
 *
 * @throws {NetlinkError} `EEXIST` if the name, the index or the peer's name is taken.
 * @throws {NetlinkError} `EOPNOTSUPP` if the running kernel lacks the kind.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property that is unknown, of the wrong type or out of
 *   range; nothing was sent.
 * @see net/core/rtnetlink.c, `rtnl_newlink()`
 */
export async function createLink<K extends LinkKind>(
  namespace: Namespace,
  spec: LinkSpec<K>,
): Promise<LinkOf<K>> {
  const { alias, ...record } = objectArgument("spec", spec);
  const home = spec.namespace ?? namespace;
  const name = spec.name ?? "";
  if (spec.name === undefined && (home !== namespace || !kernelEchoes())) {
    throw invalidArgument("type", "name", "is needed, for this kernel does not tell what it chose");
  }
  const echoed = await explainTaken(home, spec, request(namespace, "createLink", record));
  const link = echoed ?? (await getLink(home, { name }));
  if (alias !== undefined) await setAliasOrDelete(home, link, alias);
  // The kernel made what was asked for, so the link is of the kind that the caller named.
  return (alias === undefined ? link : { ...link, alias }) as LinkOf<K>;
}

/** Since Linux 6.2 a creation is echoed; before, only the name leads to what was made. */
function kernelEchoes(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}

/** The kernel does not say which of a pair's names is taken, so on refusal it is asked. */
async function explainTaken<T>(
  home: Namespace,
  spec: { readonly name?: string; readonly peer?: { readonly name?: string } },
  creation: Promise<T>,
): Promise<T> {
  try {
    return await creation;
  } catch (error) {
    const peer = spec.peer?.name;
    if (!(error instanceof NetlinkError) || error.code !== "EEXIST" || peer === undefined) {
      throw error;
    }
    const own = spec.name === undefined ? undefined : await findLink(home, { name: spec.name });
    const field = own ? "name" : "peer.name";
    const detail = `a link named "${own?.name ?? peer}" exists there`;
    throw errorOfRefusal("createLink", spec.name, { errno: error.errno, detail, field });
  }
}

async function setAliasOrDelete(namespace: Namespace, link: Link, alias: string): Promise<void> {
  try {
    await setLink(namespace, link, { alias });
  } catch (error) {
    await deleteLink(namespace, link).catch(() => undefined);
    throw error;
  }
}

/**
 * Reads one link.
 *
 * @throws {NetlinkError} `ENODEV` if there is none.
 * @see net/core/rtnetlink.c, `rtnl_getlink()`
 */
export async function getLink(namespace: Namespace, link: LinkReference): Promise<Link> {
  return await request(namespace, "getLink", { link: referenceTo(link) });
}

/** Reads one link; undefined if there is none. */
export async function findLink(
  namespace: Namespace,
  link: LinkReference,
): Promise<Link | undefined> {
  try {
    return await getLink(namespace, link);
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "ENODEV") return undefined;
    throw error;
  }
}

/**
 * Lists links; about 10 µs a link, without holding up the event loop. Never partial: a list that
 * changed while it was read is read again.
 *
 * @throws {DumpInterruptedError} `EINTR` if it changed a dozen times in a row.
 * @see net/core/rtnetlink.c, `rtnl_dump_ifinfo()`
 */
export async function listLinks(namespace: Namespace, filter: LinkFilter = {}): Promise<Link[]> {
  return await request(namespace, "listLinks", filter);
}

/**
 * Changes a link, in one round trip. All is changed or, for most refusals, nothing; a value that
 * the driver refuses late can leave earlier ones set, as with `ip link set`.
 *
 * To change options of the link's own kind, name the kind with them (`{ kind: "bridge", stp: true }`);
 * to change what it does as a port, name the master's (`{ portKind: "bridge", port: { hairpin: true } }`).
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link, or no such master.
 * @throws {NetlinkError} `EBUSY` if the link is up and what is changed wants it down.
 * @see net/core/rtnetlink.c, `do_setlink()`
 */
export async function setLink(
  namespace: Namespace,
  link: LinkReference,
  changes: LinkChanges,
): Promise<void> {
  await request(namespace, "setLink", { ...changes, link: referenceTo(link) });
}

/**
 * Gives a link another name: {@link setLink} with nothing but `name`.
 *
 * @throws {NetlinkError} `EEXIST` if the name is taken.
 */
export async function renameLink(
  namespace: Namespace,
  link: LinkReference,
  name: string,
): Promise<void> {
  await setLink(namespace, link, { name });
}

/**
 * Moves a link to another namespace, where it is down and has none of its addresses.
 *
 * The kernel takes 16 ms for it with its one network lock held, so create links where they belong
 * instead (`namespace` of {@link createLink}, `peer.namespace` of a veth). Moves and deletions
 * queue apart from other calls.
 *
 * @throws {NetlinkError} `EINVAL` for links that cannot be moved, such as `lo` or a bridge in use.
 * @throws {NetlinkError} `EEXIST` if the name is taken there.
 * @see net/core/dev.c, `__dev_change_net_namespace()`
 */
export async function moveLink(
  namespace: Namespace,
  link: LinkReference,
  to: Namespace,
  options: { readonly name?: string; readonly index?: number } = {},
): Promise<void> {
  await request(namespace, "moveLink", { ...options, link: referenceTo(link), namespace: to });
}

/**
 * Deletes a link; a veth's peer goes with it. The kernel takes 16 ms for one link, and not much
 * longer for many: see {@link deleteLinks}.
 *
 * @throws {NetlinkError} `ENODEV` if there is none.
 * @throws {NetlinkError} `EOPNOTSUPP` for links that cannot be deleted, such as `lo`.
 * @see net/core/rtnetlink.c, `rtnl_dellink()`
 */
export async function deleteLink(namespace: Namespace, link: LinkReference): Promise<void> {
  await request(namespace, "deleteLink", { link: referenceTo(link) });
}

/**
 * Deletes links together, in the time of one or two. Links that are gone already count as deleted.
 *
 * @throws {AggregateError} of a {@link NetlinkError} for each link that is left.
 */
export async function deleteLinks(
  namespace: Namespace,
  links: Iterable<LinkReference>,
): Promise<void> {
  if (typeof links?.[Symbol.iterator] !== "function") {
    throw invalidArgument("type", "links", "must be iterable");
  }
  const deletions = await Promise.allSettled(
    Array.from(links, (link) => deleteLink(namespace, link)),
  );
  const errors = deletions
    .filter((deletion) => deletion.status === "rejected")
    .map((deletion): unknown => deletion.reason)
    .filter((error) => !(error instanceof NetlinkError && error.code === "ENODEV"));
  if (errors.length > 0) throw new AggregateError(errors, "some links could not be deleted");
}

/**
 * Gives a link further names, of 1 to 127 bytes.
 *
 * @throws {NetlinkError} `EEXIST` if one of them is taken; those before it are added.
 * @see net/core/rtnetlink.c, `rtnl_linkprop()`
 */
export async function addAlternativeNames(
  namespace: Namespace,
  link: LinkReference,
  names: readonly string[],
): Promise<void> {
  const record = { link: referenceTo(link), alternativeNames: names };
  await request(namespace, "addAlternativeNames", record);
}

/**
 * Takes further names of a link away.
 *
 * @throws {NetlinkError} `ENOENT` if it does not have one of them.
 */
export async function removeAlternativeNames(
  namespace: Namespace,
  link: LinkReference,
  names: readonly string[],
): Promise<void> {
  const record = { link: referenceTo(link), alternativeNames: names };
  await request(namespace, "removeAlternativeNames", record);
}
