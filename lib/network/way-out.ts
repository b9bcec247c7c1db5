// The way out for sandboxes that are only on networks across hosts, which have none: one more bridge
// of the host, on which all of them are, apart from each other.

import type { Network } from "./model.ts";
import type { ConnectRequest } from "./sandbox-options.ts";

/** What Docker calls `docker_gwbridge`. */
export const wayOut = "vethwork_gwbridge";

/** How it is made. */
export const wayOutOptions = { name: "vethwork_gw", icc: "false" };

/** How sandboxes are on it: any other network that leads out comes first. */
export const wayOutRequest: ConnectRequest = {
  addresses: [],
  mac: undefined,
  aliases: [],
  links: {},
  gatewayPriority: Number.MIN_SAFE_INTEGER,
};

function leadsOut({ internal, subnets }: Network): boolean {
  return !internal && subnets.some(({ gateway }) => gateway !== undefined);
}

/** Whether a network is the bridge. */
export function isWayOut({ name, predefined }: Network): boolean {
  return predefined && name === wayOut;
}

/** Whether a sandbox on these networks is to be on the bridge, too. */
export function needsWayOut(networks: readonly Network[]): boolean {
  const others = networks.filter((network) => !isWayOut(network));
  const isShut = ({ scope, internal }: Network) => scope === "cluster" && !internal;
  return others.some(isShut) && !others.some(leadsOut);
}
