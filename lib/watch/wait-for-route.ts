// Waits until there is a route.

import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { Family } from "../rtnl/address.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { LinkReference } from "../rtnl/reference.ts";
import type { Route, RouteTable } from "../rtnl/route.ts";
import { parseCidr } from "../values/cidr.ts";
import { markOfRoute } from "./identities.ts";
import { checkRouteTable } from "./options.ts";
import { SoughtLink } from "./sought.ts";
import { canonicalAddress, limitsOf, renamed, type WaitOptions, waitWith } from "./waiting.ts";
import { watch } from "./watch.ts";

/** A gateway's address in the kernel's form. */
function gatewayOf(via: unknown): string {
  const text = canonicalAddress("via", via);
  if (text.includes("/"))
    throw invalidArgument("range", "via", "must be one address, not a prefix");
  return text;
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
  const gateway = via === undefined ? undefined : gatewayOf(via);
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
 * ```ts
 * await waitForRoute(namespace, { to: "default", via: "10.0.0.1" }, { signal });
 * ```
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
  checkRouteTable("table", table);
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
