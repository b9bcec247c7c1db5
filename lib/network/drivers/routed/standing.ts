// The routes of a host that a routed network needs whatever other hosts there are.

import { NetlinkError } from "../../../errors.ts";
import type { Namespace } from "../../../rtnl/namespace.ts";
import {
  addRoute,
  listRoutes,
  type Route,
  type RouteSpec,
  removeRoute,
  replaceRoute,
} from "../../../rtnl/route.ts";
import { allEnded } from "../../../values/all-ended.ts";
import { cidrContains } from "../../../values/cidr.ts";
import type { Network } from "../../model.ts";
import type { Finding } from "../driver.ts";
import { subjectOf } from "../links.ts";
import { routedSettings } from "./settings.ts";

/**
 * Whose the routes are: the kernel keeps this number with each, and it is how they are known again.
 * It is the letter v. Neither the kernel's list nor iproute2's `rt_protos` has it, and no routing
 * daemon is known to take it for its own.
 *
 * @see include/uapi/linux/rtnetlink.h, `RTPROT_*`
 */
export const routeProtocol = 118;

/**
 * Of routes that say which blocks are this host's, for a routing daemon to carry to other hosts: a
 * number of their own, so that the daemon's filter needs nothing else. It is the letter w, and as
 * free as {@link routeProtocol}.
 */
export const announcedProtocol = 119;

/** Routes of any other metric are taken before. */
const lastMetric = 2 ** 32 - 1;

/**
 * What of the network no route leads to is not to leave by the default route: who asks is told. The
 * kernel's own route to the block, over the bridge, is taken before the announced one, which is
 * there even when no port of the bridge is up.
 */
function standingRoutes(part: Network): RouteSpec[] {
  const { whole, announce } = routedSettings(part);
  const unreachable = { type: "unreachable", metric: lastMetric } as const;
  const announced = announce === "bgp" ? part.subnets : [];
  return [
    ...whole.map((to) => ({ ...unreachable, to, protocol: routeProtocol })),
    ...announced.map(({ subnet: to }) => ({ ...unreachable, to, protocol: announcedProtocol })),
  ];
}

/** The routes of a protocol that lead into a network. */
export async function routesInto(
  host: Namespace,
  part: Network,
  protocol: number,
): Promise<Route[]> {
  const { whole } = routedSettings(part);
  return (await listRoutes(host, { protocol })).filter(({ to }) => isWithin(whole, to));
}

/** Whether a prefix is in one of some others. */
export function isWithin(whole: readonly string[], to: string): boolean {
  return to !== "default" && whole.some((prefix) => cidrContains(prefix, to));
}

/** Adds a route, or puts it in the place of ours to the same prefix; somebody else's is not touched. */
export async function putRoute(
  host: Namespace,
  ours: readonly Route[],
  route: RouteSpec,
): Promise<void> {
  const isThere = ours.some(({ to, metric }) => to === route.to && metric === route.metric);
  await (isThere ? replaceRoute : addRoute)(host, route);
}

/** Removes a route, if it is there. */
export async function dropRoute(host: Namespace, route: Route): Promise<void> {
  await removeRoute(host, route).catch((error: unknown) => {
    if (!(error instanceof NetlinkError) || error.code !== "ESRCH") throw error;
  });
}

/** Adds those routes that are not there. */
export async function createStanding(host: Namespace, part: Network): Promise<void> {
  await allEnded((await missingStanding(host, part)).map((route) => addRoute(host, route)));
}

/** Removes all routes of ours that lead into the network. */
export async function removeRoutes(host: Namespace, part: Network): Promise<void> {
  const ours = [routeProtocol, announcedProtocol].map((one) => routesInto(host, part, one));
  await allEnded((await Promise.all(ours)).flat().map((route) => dropRoute(host, route)));
}

async function missingStanding(host: Namespace, part: Network): Promise<RouteSpec[]> {
  const present = await listRoutes(host, { type: "unreachable" });
  return standingRoutes(part).filter(
    (route) =>
      !present.some((one) => one.to === route.to && one.protocol === Number(route.protocol)),
  );
}

/** Those routes that are not there, and that they are added. */
export async function inspectStanding(host: Namespace, part: Network): Promise<Finding[]> {
  const missing = await missingStanding(host, part);
  return missing.map((route) => ({
    subject: subjectOf(part),
    problem: `the host lacks the route "unreachable ${route.to}" of protocol ${route.protocol}`,
    remedy: "it is added",
    repair: () => addRoute(host, route),
  }));
}
