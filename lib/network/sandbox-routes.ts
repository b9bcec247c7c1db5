// The routes of a sandbox: by which network it reaches everybody else, and the rest of networks of
// which its host has a part.

import { NetlinkError } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { listRoutes, removeRoute, replaceRoute } from "../rtnl/route.ts";
import { type Connection, type Family, familyOf, gatewayConnection, gatewayOf } from "./gateway.ts";

const families: readonly Family[] = ["inet", "inet6"];

/** A route of a sandbox. */
export interface SandboxRoute {
  readonly family: Family;
  /** `"default"`, or a subnet. */
  readonly to: string;
  readonly via: string;
  readonly link: string;
}

/** The routes that a sandbox with these connections is to have. */
export function sandboxRoutes(connections: readonly Connection[]): SandboxRoute[] {
  const defaults = families.flatMap((family) => {
    const leading = gatewayConnection(connections, family);
    const via = leading && gatewayOf(leading, family);
    if (leading === undefined || via === undefined) return [];
    return [{ family, to: "default", via, link: leading.endpoint.link }];
  });
  return [...defaults, ...connections.flatMap(routesToWhole)];
}

/** Other hosts' blocks are reached by the own block's gateway, wherever the default route leads. */
function routesToWhole({ network, endpoint }: Connection): SandboxRoute[] {
  const { whole } = network.settings;
  if (!Array.isArray(whole)) return [];
  return whole.map(String).flatMap((to) => {
    const family = familyOf(to);
    const via = network.subnets.find(({ subnet }) => familyOf(subnet) === family)?.gateway;
    return via === undefined ? [] : [{ family, to, via, link: endpoint.link }];
  });
}

/** Routes of one destination take each other's place. */
function keyOf({ family, to, link }: SandboxRoute): string {
  return to === "default" ? `${family} default` : `${family} ${to} ${link}`;
}

/** Makes the routes what they are to be; those that others made by other links stay. */
export async function setSandboxRoutes(
  namespace: Namespace,
  before: readonly SandboxRoute[],
  after: readonly SandboxRoute[],
): Promise<void> {
  const left = new Map(before.map((route) => [keyOf(route), route]));
  for (const route of after) {
    const old = left.get(keyOf(route));
    left.delete(keyOf(route));
    const same = old?.via === route.via && old.link === route.link;
    if (!same) await replace(namespace, route, old);
  }
  for (const old of left.values()) await remove(namespace, old);
}

async function replace(
  namespace: Namespace,
  { family, to, via, link }: SandboxRoute,
  old: SandboxRoute | undefined,
): Promise<void> {
  await replaceRoute(namespace, { to, via, device: { name: link } });
  // An IPv6 route by another gateway is another route, and stays beside the new one.
  if (family === "inet6" && old !== undefined) await remove(namespace, old);
}

async function remove(namespace: Namespace, { to, via, link }: SandboxRoute): Promise<void> {
  const gone = (error: unknown) =>
    error instanceof NetlinkError && ["ESRCH", "ENODEV"].includes(error.code);
  await removeRoute(namespace, { to, via, device: { name: link } }).catch((error: unknown) => {
    if (!gone(error)) throw error;
  });
}

/** The routes of ours that a sandbox lacks. */
export async function missingRoutes(
  namespace: Namespace,
  wanted: readonly SandboxRoute[],
): Promise<SandboxRoute[]> {
  const present = await listRoutes(namespace);
  return wanted.filter(({ to, via }) => !present.some((one) => one.to === to && one.via === via));
}
