// The routes of a host to the blocks that other hosts have of a routed network.

import { NetlinkError } from "../../../errors.ts";
import type { Namespace } from "../../../rtnl/namespace.ts";
import { listRoutes, type Route } from "../../../rtnl/route.ts";
import { allEnded } from "../../../values/all-ended.ts";
import { cidrContains, cidrsOverlap, parseCidr } from "../../../values/cidr.ts";
import { NetworkError } from "../../errors.ts";
import type { Network } from "../../model.ts";
import type { AcrossHosts, Finding, Remote } from "../driver.ts";
import { subjectOf, unmendable } from "../links.ts";
import { routedSettings } from "./settings.ts";
import {
  announcedProtocol,
  dropRoute,
  isWithin,
  putRoute,
  routeProtocol,
  routesInto,
} from "./standing.ts";

/** Routes that others have made without a word about this come first. */
const metric = 118;

/** A block, the address of the host that has it, and as whom this host itself sends there. */
interface Way {
  readonly to: string;
  readonly via: string;
  readonly source?: string;
}

/**
 * This host's own address in the network. Other hosts let in what comes from the network, and the
 * kernel would send from the link that leads to them.
 *
 * @see net/ipv4/fib_semantics.c, `fib_result_prefsrc()`
 * @see net/ipv6/route.c, `ip6_route_get_saddr()`
 */
function sourceFor({ subnets }: Network, to: string): Pick<Way, "source"> {
  const { family } = parseCidr(to);
  const own = subnets.find(({ subnet }) => parseCidr(subnet).family === family)?.gateway;
  return own === undefined ? {} : { source: parseCidr(own).address };
}

/**
 * The ways to other hosts' blocks, one to each. What is not the network's, or is this host's, is no
 * such block.
 */
function waysTo(part: Network, remotes: readonly Remote[]): Way[] {
  const { whole } = routedSettings(part);
  const isOwn = (to: string) => part.subnets.some(({ subnet }) => cidrsOverlap(subnet, to));
  const ways = remotes.flatMap(({ addresses, host }) =>
    addresses
      .filter((block) => isWithin(whole, block) && !isOwn(block))
      .map((block) => ({
        ...{ to: prefixOf(block), via: parseCidr(host).address },
        ...sourceFor(part, block),
      })),
  );
  return [...byPrefix(ways).values()];
}

function byPrefix<T extends { readonly to: string }>(all: readonly T[]): Map<string, T> {
  return new Map(all.map((one) => [one.to, one]));
}

/** A block as listings of routes say it. */
function prefixOf(block: string): string {
  const { network, prefixLength } = parseCidr(block);
  return `${network}/${prefixLength}`;
}

/** Those that routes of ours are made for: none where a routing daemon brings them. */
function ownWaysTo(part: Network, remotes: readonly Remote[]): Way[] {
  return routedSettings(part).announce === "direct" ? waysTo(part, remotes) : [];
}

/** The routes to other hosts' blocks that we have made. */
async function present(host: Namespace, part: Network): Promise<Route[]> {
  const ours = await routesInto(host, part, routeProtocol);
  return ours.filter(({ type }) => type === "unicast");
}

/** The ways that have no route of ours, or one that leads elsewhere, or as another sender. */
function missingOf(ours: readonly Route[], wanted: readonly Way[]): Way[] {
  const known = byPrefix(ours);
  return wanted.filter(({ to, via, source }) => {
    const route = known.get(to);
    return route?.via !== via || route.source !== source;
  });
}

/** The routes of ours that lead where no way does. */
function staleOf(ours: readonly Route[], wanted: readonly Way[]): Route[] {
  const known = byPrefix(wanted);
  return ours.filter(({ to }) => !known.has(to));
}

/** The kernel takes a gateway only if a link leads to it, not another gateway. */
async function put(
  host: Namespace,
  part: Network,
  ours: readonly Route[],
  way: Way,
): Promise<void> {
  const { to, via } = way;
  try {
    await putRoute(host, ours, { ...way, protocol: routeProtocol, metric });
  } catch (cause) {
    const isFar =
      cause instanceof NetlinkError && ["ENETUNREACH", "EHOSTUNREACH"].includes(cause.code);
    if (!isFar) throw cause;
    const reason = `no link of this host leads to ${via}, the host that has ${to}`;
    const details = { operation: "setRemotes", subject: part.name, reason, conflict: via, cause };
    throw new NetworkError("DRIVER_FAILED", details);
  }
}

/** Makes routes to these blocks, and removes those of ours to others of the network. */
export async function setRemotes(
  host: Namespace,
  part: Network,
  remotes: readonly Remote[],
): Promise<void> {
  const wanted = ownWaysTo(part, remotes);
  const ours = await present(host, part);
  await allEnded([
    ...missingOf(ours, wanted).map((way) => put(host, part, ours, way)),
    ...staleOf(ours, wanted).map((route) => dropRoute(host, route)),
  ]);
}

/** A block that goes may already be another host's: its route then stays. */
export const changeRemotes: AcrossHosts["changeRemotes"] = async (host, part, { come, gone }) => {
  const wanted = ownWaysTo(part, come);
  const left = byPrefix(ownWaysTo(part, gone));
  const ours = await present(host, part);
  const stale = staleOf(ours, wanted).filter(({ to, via }) => {
    const way = left.get(to);
    return way !== undefined && way.via === via;
  });
  await allEnded([
    ...missingOf(ours, wanted).map((way) => put(host, part, ours, way)),
    ...stale.map((route) => dropRoute(host, route)),
  ]);
};

/** Which blocks have no route, or a wrong one, and which routes are in the way or of no block. */
export async function inspectRemotes(
  host: Namespace,
  part: Network,
  remotes: readonly Remote[],
): Promise<Finding[]> {
  const wanted = ownWaysTo(part, remotes);
  const { whole } = routedSettings(part);
  const [ours, all] = await Promise.all([present(host, part), listRoutes(host)]);
  const isForeign = ({ protocol, to }: Route) =>
    protocol !== routeProtocol && protocol !== announcedProtocol && isWithin(whole, to);
  const foreign = all.filter(isForeign);
  const subject = subjectOf(part);
  return [
    ...missingOf(ours, wanted).map((way) => ({
      subject,
      problem: `no route of ours leads to ${way.to} by ${way.via}${as(way)}`,
      remedy: "it is made",
      repair: async () => put(host, part, await present(host, part), way),
    })),
    ...staleOf(ours, wanted).map((route) => ({
      subject,
      problem: `a route of ours leads to ${route.to}, which no other host has`,
      remedy: "it is removed",
      repair: () => dropRoute(host, route),
    })),
    ...foreign.flatMap((route) => obstacle(subject, route, wanted)),
    ...unannounced(part, foreign, remotes),
  ];
}

function as({ source }: Way): string {
  return source === undefined ? "" : `, as ${source}`;
}

/** A route of somebody else that is taken before ours, or has its place, if it is one. */
function obstacle(subject: string, route: Route, wanted: readonly Way[]): Finding[] {
  const { to, protocol, metric: its = 0 } = route;
  const isInTheWay = (way: Way) => (way.to === to ? its <= metric : cidrContains(way.to, to));
  const way = wanted.find(isInTheWay);
  if (way === undefined) return [];
  const problem = `the route to ${to} of protocol ${protocol} is in the way of ours by ${way.via}`;
  return [unmendable(subject, problem, "remove that route, which is not ours")];
}

/** Blocks to which a routing daemon is to bring routes, and has not. */
function unannounced(
  part: Network,
  foreign: readonly Route[],
  remotes: readonly Remote[],
): Finding[] {
  if (routedSettings(part).announce !== "bgp") return [];
  const brought = byPrefix(foreign.filter(({ type }) => type === "unicast"));
  // Routers may tell of several blocks at once.
  const isBrought = (block: string) =>
    brought.has(block) || [...brought.keys()].some((to) => cidrContains(to, block));
  return waysTo(part, remotes)
    .filter(({ to }) => !isBrought(to))
    .map(({ to, via }) => {
      const problem = `no routing daemon has brought a route to ${to}, which ${via} has`;
      return unmendable(subjectOf(part), problem, "look after the daemons of both hosts");
    });
}
