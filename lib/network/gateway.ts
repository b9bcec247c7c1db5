// Which of a sandbox's networks has its default route.

import { isIPv6 } from "node:net";
import type { Endpoint, Network } from "./model.ts";

export type Family = "inet" | "inet6";

/** An endpoint and its network. */
export interface Connection {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/** Of which family an address or prefix is. */
export function familyOf(address: string): Family {
  return isIPv6(address.split("/")[0] ?? "") ? "inet6" : "inet";
}

/** What a sandbox on a network sends to others by, if the network has one of this family. */
export function gatewayOf({ network, endpoint }: Connection, family: Family): string | undefined {
  if (network.internal) return undefined;
  if (!endpoint.addresses.some((address) => familyOf(address) === family)) return undefined;
  const subnet = network.subnets.find((one) => familyOf(one.subnet) === family);
  return subnet?.auxiliary.DefaultGatewayIPv4 ?? subnet?.gateway;
}

/**
 * The connection whose network has the default route: among those that lead out, the one of the
 * highest priority, and of these the one whose network's name comes first, as with Docker.
 */
export function gatewayConnection(
  connections: readonly Connection[],
  family: Family,
): Connection | undefined {
  const leading = connections.filter((one) => gatewayOf(one, family) !== undefined);
  return leading.toSorted(compare)[0];
}

function compare(one: Connection, other: Connection): number {
  const byPriority = other.endpoint.gatewayPriority - one.endpoint.gatewayPriority;
  if (byPriority !== 0) return byPriority;
  return one.network.name < other.network.name ? -1 : 1;
}
