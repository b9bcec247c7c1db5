// Addresses of links: added, replaced, removed, listed.

import { invalidArgument, NetlinkError, objectArgument } from "../errors.ts";
import type { Namespace } from "./namespace.ts";
import { type LinkReference, referenceTo } from "./reference.ts";
import { request } from "./request.ts";

/** IPv4 or IPv6. */
export type Family = "inet" | "inet6";

/** How far an address or a route reaches: the farther, the smaller the number (0 to 255). */
export type Scope = "global" | "site" | "link" | "host" | "nowhere" | number;

/** Seconds from now, 0 to 4294967294, or without an end. */
export type Lifetime = number | "forever";

/**
 * An address's flags (`IFA_F_*`). To be given: `noDad`, `optimistic`, `homeAddress`,
 * `manageTemporaryAddresses` and `stablePrivacy` of IPv6 addresses, `noPrefixRoute` and
 * `multicastAutoJoin` of any. The others the kernel sets.
 */
export type AddressFlag =
  | "secondary"
  | "noDad"
  | "optimistic"
  | "dadFailed"
  | "homeAddress"
  | "deprecated"
  | "tentative"
  | "permanent"
  | "manageTemporaryAddresses"
  | "noPrefixRoute"
  | "multicastAutoJoin"
  | "stablePrivacy";

/** An address as the kernel reports it. */
export interface Address {
  /** The index of the link that has it. */
  readonly index: number;
  readonly family: Family;
  /** The address and the length of its prefix, `"10.0.0.2/24"`. */
  readonly address: string;
  /** The far end's address on a point-to-point link; the prefix length is then this one's. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** The label of an IPv4 address: the link's name, unless something else was given. */
  readonly label?: string;
  readonly scope: Scope;
  readonly flags: readonly AddressFlag[];
  /** How long the address still is there. */
  readonly validLifetime: Lifetime;
  /** How long it is still used for new connections. */
  readonly preferredLifetime: Lifetime;
  /** The metric of the route to the address's network; absent for the kernel's default. */
  readonly metric?: number;
  /** Who made the address (`IFAPROT_*`), 1 to 3 being the kernel; absent if nobody said. */
  readonly protocol?: number;
}

/** An address to be added. */
export interface AddressSpec {
  /** Of either family, `"10.0.0.2/24"`; without a prefix length, the address alone. */
  readonly address: string;
  /** The far end's address on a point-to-point link; the prefix length is then this one's. */
  readonly peer?: string;
  /**
   * IPv4 only. Default: every host bit set, and none if the prefix is longer than 30, if there is
   * a `peer`, and for 127.0.0.0/8. `"0.0.0.0"` for none.
   */
  readonly broadcast?: string;
  /** 1 to 15 bytes, IPv4 only; by custom it begins with the link's name. Default: the name. */
  readonly label?: string;
  /** IPv4 only; the kernel tells it from an IPv6 address. Default: host for 127.0.0.0/8, else global. */
  readonly scope?: Scope;
  /** `["noDad"]` makes an IPv6 address usable at once, without asking whether it is another's. */
  readonly flags?: readonly AddressFlag[];
  /** Not 0. Default: forever. */
  readonly validLifetime?: Lifetime;
  /** At most `validLifetime`. Default: that. 0 makes the address deprecated. */
  readonly preferredLifetime?: Lifetime;
  /** The metric of the route to the address's network. Default: the kernel's choice. */
  readonly metric?: number;
  /** Who makes the address, 0 to 255; the kernel knows nothing of it before Linux 5.18. */
  readonly protocol?: number;
}

/** Which of a link's addresses is meant; a listed {@link Address} will do. */
export interface AddressMatch {
  /** With its prefix length, which has to be the right one. */
  readonly address: string;
  readonly peer?: string;
  readonly label?: string;
}

/** Which addresses to list; the kernel does the choosing. */
export interface AddressFilter {
  readonly link?: LinkReference;
  /** Default: both. */
  readonly family?: Family;
}

function specOf<Spec extends AddressMatch>(address: string | Spec): Spec | AddressMatch {
  return typeof address === "string" ? { address } : address;
}

/** What of an address says which one it is; what a listing says beyond that is left out. */
function matchOf(address: AddressMatch & Partial<Address>): AddressMatch {
  const {
    index,
    family,
    broadcast,
    scope,
    flags,
    validLifetime,
    preferredLifetime,
    metric,
    protocol,
    ...match
  } = objectArgument("address", address);
  return match;
}

/**
 * Gives a link an address; one round trip. The kernel adds a route to its network as soon as the
 * link is up.
 *
 * An IPv6 address is usable when nobody has claimed it for a second (`tentative`), at once with
 * `flags: ["noDad"]`. Needs `CAP_NET_ADMIN`.
 *
 * ```ts
 * await addAddress(namespace, { name: "eth0" }, "10.0.0.2/24");
 * ```
 *
 * @throws {NetlinkError} `EEXIST` if the link has the address.
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {NetlinkError} `EACCES` for an IPv6 address where IPv6 is disabled, as in a namespace
 *   created with `ipv6: false`.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property that is unknown, of the wrong type or out of
 *   range; nothing was sent.
 * @see net/ipv4/devinet.c, `inet_rtm_newaddr()`; net/ipv6/addrconf.c, `inet6_rtm_newaddr()`
 */
export async function addAddress(
  namespace: Namespace,
  link: LinkReference,
  address: string | AddressSpec,
): Promise<void> {
  await request(namespace, "addAddress", { ...specOf(address), link: referenceTo(link) });
}

/**
 * Gives a link an address, or changes the flags, lifetimes, metric and protocol of the one it has;
 * what is not given is set to its default.
 *
 * @throws as {@link addAddress}, `EEXIST` aside.
 */
export async function replaceAddress(
  namespace: Namespace,
  link: LinkReference,
  address: string | AddressSpec,
): Promise<void> {
  await request(namespace, "replaceAddress", { ...specOf(address), link: referenceTo(link) });
}

/**
 * Takes an address away from a link, and the routes that need it; one round trip. With the first
 * IPv4 address of a network go the `secondary` ones, unless `net.ipv4.conf.*.promote_secondaries`
 * is set.
 *
 * @throws {NetlinkError} `EADDRNOTAVAIL` if the link does not have the address with this prefix
 *   length, peer and label.
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @see net/ipv4/devinet.c, `inet_rtm_deladdr()`; net/ipv6/addrconf.c, `inet6_addr_del()`
 */
export async function removeAddress(
  namespace: Namespace,
  link: LinkReference,
  address: string | AddressMatch,
): Promise<void> {
  const match = matchOf(specOf(address));
  await request(namespace, "removeAddress", { ...match, link: referenceTo(link) });
}

/**
 * Lists addresses, those that the kernel made included. Never partial, as with `listLinks`.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {DumpInterruptedError} `EINTR` if the list changed a dozen times in a row.
 * @see net/ipv4/devinet.c, `inet_dump_ifaddr()`; net/ipv6/addrconf.c, `inet6_dump_addr()`
 */
export async function listAddresses(
  namespace: Namespace,
  filter: AddressFilter = {},
): Promise<Address[]> {
  const { link, ...rest } = objectArgument("filter", filter);
  return await request(namespace, "listAddresses", {
    ...rest,
    ...(link === undefined ? {} : { link: referenceTo(link) }),
  });
}

/**
 * Takes all addresses away from a link, IPv6's link-local one included, and tells how many there
 * were. Two round trips: all are removed in one. An address that is gone meanwhile counts.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {AggregateError} of a {@link NetlinkError} for each address that is left.
 */
export async function flushAddresses(
  namespace: Namespace,
  link: LinkReference,
  filter: { readonly family?: Family } = {},
): Promise<number> {
  // Without a link the list would be of all links' addresses.
  if (link === undefined) throw invalidArgument("type", "link", "is missing");
  const addresses = await listAddresses(namespace, { ...filter, link });
  const removals = await Promise.allSettled(
    addresses.map((address) => removeAddress(namespace, address, address)),
  );
  const errors = removals
    .filter((removal) => removal.status === "rejected")
    .map((removal): unknown => removal.reason)
    .filter((error) => !isGone(error));
  if (errors.length > 0) throw new AggregateError(errors, "some addresses could not be removed");
  return addresses.length;
}

/** True if there was nothing to be removed: the link can go with its addresses. */
function isGone(error: unknown): boolean {
  return (
    error instanceof NetlinkError && (error.code === "EADDRNOTAVAIL" || error.code === "ENODEV")
  );
}
