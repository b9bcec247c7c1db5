// What makes two records the same object, and what of an object is no change.

import { isDeepStrictEqual } from "node:util";
import type { Address } from "../rtnl/address.ts";
import type { Link } from "../rtnl/link.ts";
import type { Neighbour } from "../rtnl/neighbour.ts";
import type { Route } from "../rtnl/route.ts";
import type { Rule } from "../rtnl/rule.ts";
import type { NamedNamespace, Watched, WatchedNoun } from "./events.ts";

/** How the objects of a noun are told apart. */
export interface Identity<T> {
  /** What no two objects have in common, or no two kinds of objects if there can be several. */
  key(record: T): string;
  /** Of several objects with one key: what one of them is known by. Absent if there is but one. */
  readonly mark?: (record: T) => string;
  /** Whether news of such a record leave open what has become of others. */
  readonly isUncertain?: (record: T, replaces: boolean, known: readonly T[]) => boolean;
  /** True if what has the key of a removed object is another object. */
  readonly mortal?: boolean;
  /** Whether two records of one key are two objects all the same. */
  readonly differ?: (one: T, other: T) => boolean;
}

/**
 * Counters, timers and the like, in whatever record they are: they change without an event and say
 * nothing about a change of the object.
 */
const momentary = new Set([
  "carrierChanges",
  "promiscuity",
  "helloTimer",
  "topologyChangeNotificationTimer",
  "topologyChangeTimer",
  "topologyChange",
  "topologyChangeDetected",
  "topologyChangeAcknowledged",
  "configurationPending",
  "fdbCollectionTimer",
  "fdbLearned",
  "otherTimer",
  "otherTimer6",
  "messageAgeTimer",
  "forwardDelayTimer",
  "holdTimer",
  "multicastHosts",
  "multicastGroups",
  "linkFailures",
  "broadcastQueueLengthUsed",
  "probes",
  "cacheInfo",
]);

/** Times that run down: only whether there is one counts. */
const countdowns = new Set(["validLifetime", "preferredLifetime", "expires"]);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isChange(name: string, one: unknown, other: unknown): boolean {
  if (one === other || momentary.has(name)) return false;
  if (countdowns.has(name)) return typeof one !== typeof other;
  if (isRecord(one) && isRecord(other)) return changesBetween(one, other).length > 0;
  return !isDeepStrictEqual(one, other);
}

/** The properties in which two records of an object differ. */
export function changesBetween(one: object, other: object): string[] {
  const before = one as Readonly<Record<string, unknown>>;
  const after = other as Readonly<Record<string, unknown>>;
  const names = Object.keys(before).filter((name) => isChange(name, before[name], after[name]));
  for (const name of Object.keys(after)) {
    if (!(name in before) && isChange(name, undefined, after[name])) names.push(name);
  }
  return names;
}

/** Text that is the same for records with the same values, apart from some properties. */
function textOf(record: object, except: ReadonlySet<string>): string {
  return JSON.stringify(
    Object.entries(record)
      .filter(([name, value]) => !except.has(name) && value !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** What of a route changes while it stays the same route. */
const routeStates = new Set(["flags", "expires"]);
/** What of a rule changes by what else there is. */
const ruleStates = new Set(["flags"]);

/** net/ipv6/addrconf.c, ipv6_get_ifaddr(): a link has an IPv6 address once, with one prefix. */
function keyOfAddress({ index, family, address, peer = "" }: Address): string {
  return family === "inet6" ? `${index} ${address.split("/")[0]}` : `${index} ${address} ${peer}`;
}

/** Whether packets go straight to where they shall, so that the link tells the way. */
function isDirect({ via, nexthops, nexthopId }: Route): boolean {
  return via === undefined && nexthops === undefined && nexthopId === undefined;
}

/**
 * net/ipv4/fib_trie.c, fib_find_alias(); net/ipv6/ip6_fib.c, fib6_add_rt2node(). There can be
 * several of these, by `ip route append`; of IPv6, one for each link.
 */
function keyOfRoute(route: Route): string {
  const { family, table, to, from = "", tos = 0, metric = 0, device } = route;
  const link = family === "inet6" && isDirect(route) ? device : "";
  return `${table} ${family} ${to} ${from} ${tos} ${metric} ${link}`;
}

/**
 * What is replaced is not told: of IPv4 routes the first with the key, of IPv6 routes even one by
 * another link. IPv6 routes by gateways become one route of several ways, and lose one of them,
 * likewise.
 */
function isUncertainRoute(route: Route, replaces: boolean, known: readonly Route[]): boolean {
  if (route.family === "inet") return replaces && known.length > 1;
  return replaces || route.nexthops !== undefined || (known.length > 0 && !isDirect(route));
}

/** Text that no two routes have in common, and that lasts as long as the route. */
export function markOfRoute(route: Route): string {
  return textOf(route, routeStates);
}

const identities: { readonly [Noun in WatchedNoun]: Identity<Watched[Noun]> } = {
  link: {
    key: ({ index }: Link) => String(index),
    mortal: true,
    differ: (one: Link, other: Link) => one.kind !== other.kind,
  },
  address: { key: keyOfAddress },
  route: {
    key: keyOfRoute,
    mark: markOfRoute,
    isUncertain: isUncertainRoute,
  },
  neighbour: { key: ({ index, address }: Neighbour) => `${index} ${address}` },
  rule: {
    key: (rule: Rule) => textOf(rule, ruleStates),
    mark: (rule: Rule) => textOf(rule, ruleStates),
  },
  namespace: {
    key: ({ name }: NamedNamespace) => name,
    mortal: true,
    differ: (one: NamedNamespace, other: NamedNamespace) => one.inode !== other.inode,
  },
};

/** How the objects of a noun are told apart; records are those of the noun. */
export function identityOf(noun: WatchedNoun): Identity<object> {
  return identities[noun] as Identity<object>;
}
