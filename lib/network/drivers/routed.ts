// Networks across hosts without encapsulation: each has a bridge with a block of the addresses, and
// routes to the blocks of the others.

import type { Namespace } from "../../rtnl/namespace.ts";
import { allEnded } from "../../values/all-ended.ts";
import { parseCidr } from "../../values/cidr.ts";
import { randomMac } from "../../values/mac.ts";
import type { Network } from "../model.ts";
import type { Driver, NetworkRequest, Settings } from "./driver.ts";
import { checkLink, createHub, inspectHub, removeHub } from "./hub.ts";
import { linkWith } from "./links.ts";
import { invalidOption, readOptions } from "./options.ts";
import { createPort, inspectPort, mostPorts, portName, removePort } from "./port.ts";
import { changeRemotes, inspectRemotes, setRemotes } from "./routed/remotes.ts";
import { routedOptions, routedSettings } from "./routed/settings.ts";
import { createStanding, inspectStanding, removeRoutes } from "./routed/standing.ts";

/** Without a word about it, packets are as large as those between the hosts. */
async function planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings> {
  const settings = readOptions(routedOptions, request);
  const { address } = request;
  if (settings.mtu !== null || address === undefined) return settings;
  const link = await linkWith(host, address);
  return link === undefined ? settings : { ...settings, mtu: link.mtu };
}

/**
 * A bridge of the host, and what it has a part of.
 *
 * @throws {NetworkError} `OPTION_INVALID` if other hosts cannot have routes to this one by its
 *   address; `LINK_TAKEN`.
 */
async function planPart(host: Namespace, network: Network, address: string): Promise<Settings> {
  const { id, name, subnets } = network;
  const whole = subnets.map(({ subnet }) => subnet);
  if (routedSettings(network).announce === "direct") await checkDirect(host, name, whole, address);
  const link = `br-${id.slice(0, 12)}`;
  await checkLink(host, name, link);
  return { link, mac: randomMac(), whole };
}

/** No route of IPv6 goes by a gateway of IPv4. @see net/ipv6/route.c, `rtm_to_fib6_config()` */
async function checkDirect(
  host: Namespace,
  name: string,
  whole: readonly string[],
  address: string,
): Promise<void> {
  if ((await linkWith(host, address)) === undefined) {
    throw invalidOption(name, `no link of the host has its address ${address}: announce "bgp"`);
  }
  const six = whole.find((prefix) => parseCidr(prefix).family === "inet6");
  if (six === undefined || parseCidr(address).family === "inet6") return;
  throw invalidOption(name, `no route to ${six} goes by the host's address ${address}`);
}

/** One bridge on each host, routes between the hosts, and a veth pair for each endpoint. */
export const routed: Driver = {
  name: "routed",
  traits: { addresses: true, routed: true, names: true },
  across: { remotes: "blocks", planPart, setRemotes, changeRemotes, inspectRemotes },
  planNetwork,
  mostEndpoints: () => mostPorts,
  linkPrefix: (network) => routedSettings(network).linkPrefix,
  hostLink: portName,
  createNetwork: (host, part) => allEnded([createHub(host, part), createStanding(host, part)]),
  // The bridge first: what is for its block then is unreachable, and does not leave the host.
  deleteNetwork: async (host, part) => {
    await removeHub(host, part);
    await removeRoutes(host, part);
  },
  connect: (place) => createPort(place, [routedSettings(place.network).link]),
  disconnect: removePort,
  inspectNetwork: async (host, part) =>
    (await Promise.all([inspectHub(host, part), inspectStanding(host, part)])).flat(),
  inspectEndpoint: (place) => inspectPort(place, [routedSettings(place.network).link]),
};
