// Waits until something is as it is wanted: a link, an address, a route.

import { constants } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { errorOfRefusal, invalidArgument, refuseUnknown, WaitTimeoutError } from "../errors.ts";
import type { Address, Family } from "../rtnl/address.ts";
import type { LinkKind } from "../rtnl/kinds.ts";
import type { Link, LinkFacts } from "../rtnl/link.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { LinkReference } from "../rtnl/reference.ts";
import type { Route, RouteTable } from "../rtnl/route.ts";
import { formatCidr, parseCidr } from "../values/cidr.ts";
import type { WatchEvent } from "./events.ts";
import { markOfRoute } from "./identities.ts";
import { SoughtLink } from "./sought.ts";
import { checkSignal, type Watcher, watch } from "./watch.ts";

/** When waiting is given up. */
export interface WaitOptions {
  /** Aborts it; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds, 1 to 2147483647. Default: none. */
  readonly timeoutMs?: number;
}

/** What a link is to be like: all these properties with these values. */
export type LinkCondition = Partial<LinkFacts> & { readonly kind?: LinkKind };

const conditionProperties = Object.keys({
  kind: true,
  index: true,
  name: true,
  alternativeNames: true,
  up: true,
  flags: true,
  type: true,
  operationalState: true,
  linkMode: true,
  carrier: true,
  carrierChanges: true,
  mtu: true,
  minMtu: true,
  maxMtu: true,
  address: true,
  broadcast: true,
  permanentAddress: true,
  group: true,
  alias: true,
  master: true,
  parent: true,
  parentNamespaceId: true,
  transmitQueueLength: true,
  transmitQueues: true,
  receiveQueues: true,
  gsoMaxSize: true,
  gsoMaxSegments: true,
  groMaxSize: true,
  promiscuity: true,
  protocolDown: true,
  queueDiscipline: true,
  ipv6AddressGeneration: true,
} satisfies Record<keyof LinkCondition, true>);

interface Limits {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

function limitsOf(options: WaitOptions): Limits {
  refuseUnknown("options", options, ["signal", "timeoutMs"]);
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && typeof timeoutMs !== "number") {
    throw invalidArgument("type", "timeoutMs", "must be a number");
  }
  if (timeoutMs !== undefined && !(timeoutMs >= 1 && timeoutMs <= 0x7fffffff)) {
    throw invalidArgument("range", "timeoutMs", "must be from 1 to 2147483647");
  }
  return { signal: checkSignal(options.signal), timeoutMs };
}

/** What is waited for. */
interface Search<Found> {
  readonly operation: string;
  /** Takes in an event. */
  take(event: WatchEvent): void;
  /** What was found, if it is there by now. */
  found(): { readonly it: Found } | undefined;
  /** What there is instead, for the error. */
  instead(): object | undefined;
}

/** Follows a watcher that begins with a snapshot, until something is found. */
async function seek<Found>(watcher: Watcher, search: Search<Found>): Promise<Found | undefined> {
  let synced = false;
  for await (const event of watcher) {
    search.take(event);
    synced ||= event.type === "synced";
    const found = synced ? search.found() : undefined;
    if (found !== undefined) return found.it;
  }
  return undefined;
}

async function waitWith<Found>(
  watcher: Watcher,
  { signal, timeoutMs }: Limits,
  search: Search<Found>,
): Promise<Found> {
  let tidy = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    const abort = () => reject(signal?.reason);
    const expire = () =>
      reject(new WaitTimeoutError(search.operation, timeoutMs ?? 0, search.instead()));
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    signal?.addEventListener("abort", abort);
    tidy = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    // The watcher ends by being closed, which is below, so that something was found here.
    return (await Promise.race([seek(watcher, search), givenUp])) as Found;
  } finally {
    tidy();
    await watcher.close();
  }
}

/**
 * Waits until a link is as it is wanted, or there at all if nothing is wanted of it, and returns it.
 * It need not exist yet; of a name, whichever link has it is meant. Without polling and without a
 * gap: what the calls made before have done is seen, and so is all that happens afterwards.
 *
 *     await waitForLink(namespace, { name: "eth0" }, { operationalState: "up" }, { timeoutMs: 5000 });
 *     await waitForLink(namespace, veth, (link) => link === undefined); // until it is gone
 *
 * @param condition The values that properties are to have, or a function that is called with the
 *   link, or undefined if there is none, when it has changed.
 * @throws {WaitTimeoutError} `ERR_WAIT_TIMEOUT` if it is not in time; `last` is the link as it was.
 * @throws the signal's reason if it is aborted; what the function throws.
 * @throws {NetlinkError} as `watch`.
 * @throws {RangeError | TypeError} for a property that is unknown or of the wrong type.
 */
export async function waitForLink(
  namespace: Namespace,
  link: LinkReference,
  condition?: LinkCondition,
  options?: WaitOptions,
): Promise<Link>;
export async function waitForLink(
  namespace: Namespace,
  link: LinkReference,
  condition: (link: Link | undefined) => boolean,
  options?: WaitOptions,
): Promise<Link | undefined>;
export async function waitForLink(
  namespace: Namespace,
  link: LinkReference,
  condition: LinkCondition | ((link: Link | undefined) => boolean) = {},
  options: WaitOptions = {},
): Promise<Link | undefined> {
  const limits = limitsOf(options);
  const sought = new SoughtLink("link", link);
  const holds = typeof condition === "function" ? condition : comparison(condition);
  limits.signal?.throwIfAborted();
  return await waitWith(watch(namespace, { links: true, snapshot: true }), limits, {
    operation: "waitForLink",
    take: (event) => sought.take(event),
    found: () => (holds(sought.link) ? { it: sought.link } : undefined),
    instead: () => sought.link,
  });
}

function comparison(condition: LinkCondition): (link: Link | undefined) => boolean {
  refuseUnknown("condition", condition, conditionProperties, "condition.");
  const wanted = Object.entries(condition).filter(([, value]) => value !== undefined);
  return (link) => {
    if (link === undefined) return false;
    const facts = new Map<string, unknown>(Object.entries(link));
    return wanted.every(([name, value]) => isDeepStrictEqual(facts.get(name), value));
  };
}

/** A text of an address in the kernel's form; with its prefix length, if that is given. */
function canonicalAddress(property: string, text: unknown): string {
  try {
    if (typeof text !== "string") throw invalidArgument("type", property, "must be a string");
    return text.includes("/") ? formatCidr(parseCidr(text)) : parseCidr(text).address;
  } catch (error) {
    throw renamed(property, error);
  }
}

/** An error of parseCidr under the name that the argument has here. */
function renamed(property: string, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return invalidArgument("range", property, error.message.replace(/^cidr: /, ""));
}

/**
 * Waits until a link has an address that can be used, and returns it: of IPv6, one of which is known
 * that nobody else has it (duplicate address detection is done).
 *
 *     await waitForAddress(namespace, { name: "eth0" }, "fd00::2");
 *
 * @param address With its prefix length, `"10.0.0.2/24"`, or without, of any.
 * @throws {NetlinkError} `EADDRINUSE` if another host has the IPv6 address (`dadFailed`).
 * @throws {WaitTimeoutError} `ERR_WAIT_TIMEOUT` if it is not in time; `last` is the address as it
 *   was, if it was there.
 * @throws the signal's reason if it is aborted.
 * @throws {NetlinkError} as `watch`.
 * @throws {RangeError | TypeError} for what is no link, and what is no address.
 * @see net/ipv6/addrconf.c, `addrconf_dad_completed()`, `addrconf_dad_failure()`
 */
export async function waitForAddress(
  namespace: Namespace,
  link: LinkReference,
  address: string,
  options: WaitOptions = {},
): Promise<Address> {
  const limits = limitsOf(options);
  const sought = new SoughtLink("link", link);
  const wanted = canonicalAddress("address", address);
  limits.signal?.throwIfAborted();
  const candidates = new Map<number, Address>();
  const candidate = () => (sought.index === undefined ? undefined : candidates.get(sought.index));
  const watcher = watch(namespace, { addresses: true, links: sought.isNamed, snapshot: true });
  return await waitWith(watcher, limits, {
    operation: "waitForAddress",
    take: (event) => {
      sought.take(event);
      if (event.noun !== "address") return;
      const { address: text, index } = event.address;
      if (text !== wanted && text.split("/")[0] !== wanted) return;
      if (event.type === "removed") candidates.delete(index);
      else candidates.set(index, event.address);
    },
    found: () => {
      const it = candidate();
      if (it?.flags.includes("dadFailed") === true) throw duplicate(wanted);
      return it === undefined || it.flags.includes("tentative") ? undefined : { it };
    },
    instead: candidate,
  });
}

function duplicate(address: string): Error {
  return errorOfRefusal("waitForAddress", address, {
    errno: constants.errno.EADDRINUSE,
    detail: "another host has the address, so that it cannot be used (dadFailed)",
  });
}

/** Which route is waited for: one with all the properties given. */
export interface RouteCondition {
  /** `"10.1.0.0/16"`, an address, or `"default"`. Bits behind the prefix do not count. */
  readonly to: string;
  /** Needed only for `"default"` of IPv6. Default then: inet. */
  readonly family?: Family;
  /** The gateway, or that of one of several next hops. */
  readonly via?: string;
  /** The link, or that of one of several next hops. */
  readonly device?: LinkReference;
  /** Default: main. */
  readonly table?: RouteTable;
  readonly metric?: number;
}

const routeProperties = ["to", "family", "via", "device", "table", "metric"];

/** Where a route leads to, as listings have it. */
function destinationOf(to: unknown, family: unknown): { to: string; family: unknown } {
  if (to === "default") return { to, family: family ?? "inet" };
  if (typeof to !== "string") throw invalidArgument("type", "to", "must be a string");
  try {
    const { network, prefixLength, family: own } = parseCidr(to);
    if (family !== undefined && family !== own) {
      throw invalidArgument("range", "family", `is ${own} by "to"`);
    }
    const text = prefixLength === 0 ? "default" : `${network}/${prefixLength}`;
    return { to: text, family: own };
  } catch (error) {
    throw error instanceof RangeError && "property" in error && error.property === "cidr"
      ? renamed("to", error)
      : error;
  }
}

/** Checks a condition, and makes a function of it that says whether a route meets it. */
function routeMatch(condition: RouteCondition, device: SoughtLink | undefined) {
  const { family, via, metric } = condition;
  if (family !== undefined && family !== "inet" && family !== "inet6") {
    throw invalidArgument("range", "family", 'must be "inet" or "inet6"');
  }
  if (metric !== undefined && !Number.isInteger(metric)) {
    throw invalidArgument("type", "metric", "must be an integer");
  }
  const destination = destinationOf(condition.to, family);
  const gateway = via === undefined ? undefined : canonicalAddress("via", via);
  return (route: Route): boolean => {
    if (route.to !== destination.to || route.family !== destination.family) return false;
    if (metric !== undefined && (route.metric ?? 0) !== metric) return false;
    return [route, ...(route.nexthops ?? [])].some(
      (hop) =>
        (gateway === undefined || hop.via === gateway) &&
        (device === undefined || (hop.device !== undefined && hop.device === device.index)),
    );
  };
}

/**
 * Waits until there is a route, and returns it.
 *
 *     await waitForRoute(namespace, { to: "default", via: "10.0.0.1" }, { signal });
 *
 * @throws {WaitTimeoutError} `ERR_WAIT_TIMEOUT` if it is not in time.
 * @throws the signal's reason if it is aborted.
 * @throws {NetlinkError} as `watch`.
 * @throws {RangeError | TypeError} for a property that is unknown, missing or of the wrong type.
 */
export async function waitForRoute(
  namespace: Namespace,
  route: RouteCondition,
  options: WaitOptions = {},
): Promise<Route> {
  const limits = limitsOf(options);
  refuseUnknown("route", route, routeProperties);
  const device = route.device === undefined ? undefined : new SoughtLink("device", route.device);
  const matches = routeMatch(route, device);
  const { table = "main" } = route;
  limits.signal?.throwIfAborted();
  const watcher = watch(namespace, {
    routes: { table },
    links: device?.isNamed === true,
    snapshot: true,
  });
  const routes = new Map<string, Route>();
  return await waitWith(watcher, limits, {
    operation: "waitForRoute",
    take: (event) => {
      device?.take(event);
      if (event.noun !== "route") return;
      if (event.type === "changed") routes.delete(markOfRoute(event.previous));
      if (event.type === "removed") routes.delete(markOfRoute(event.route));
      else routes.set(markOfRoute(event.route), event.route);
    },
    found: () => {
      const it = [...routes.values()].find(matches);
      return it === undefined ? undefined : { it };
    },
    instead: () => undefined,
  });
}
