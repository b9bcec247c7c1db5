// Networks on a bridge of the host: a veth pair for each endpoint, the host as the gateway.

import type { Namespace } from "../../rtnl/namespace.ts";
import { randomMac } from "../../values/mac.ts";
import type { Endpoint, Network } from "../model.ts";
import type { Driver, Finding, NetworkRequest, Settings } from "./driver.ts";
import {
  createPart,
  deletePart,
  inspectParts,
  type Part,
  placesOn,
  planParts,
} from "./further-bridges.ts";
import { checkLink, createHub, type HubSettings, inspectHub, removeHub } from "./hub.ts";
import { subjectOf } from "./links.ts";
import { bridgedOptions, count, linkName, readOptions } from "./options.ts";
import {
  createPort,
  inspectPort,
  mostPorts,
  type PortSettings,
  portName,
  removePort,
} from "./port.ts";

const table = {
  name: linkName("com.docker.network.bridge.name", null),
  ...bridgedOptions,
  // Docker has no such option.
  bridges: count("bridges", 1, 16),
};

/** What `planNetwork` made of the options. */
interface BridgeSettings extends HubSettings, PortSettings {
  readonly masquerade: boolean;
  readonly hostBinding: string;
  readonly linkPrefix: string;
  /** The further bridges that endpoints are on. */
  readonly parts: readonly Part[];
}

/** The settings of a network of this driver. */
export function bridgeSettings(network: Network): BridgeSettings {
  return network.settings as unknown as BridgeSettings;
}

/** The predefined network has a name that is the same on every host. */
function nameOf({ id, predefined }: NetworkRequest): string {
  return predefined ? "vethwork0" : `br-${id.slice(0, 12)}`;
}

async function planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings> {
  const { name, bridges, ...rest } = readOptions(table, request);
  const parts = await planParts(host, request, Number(bridges), rest.icc === true);
  const link = typeof name === "string" ? name : nameOf(request);
  await checkLink(host, request.name, link);
  return { ...rest, link, mac: randomMac(), parts };
}

async function createNetwork(host: Namespace, network: Network): Promise<void> {
  const { link, mtu, parts } = bridgeSettings(network);
  await createHub(host, network);
  for (const part of parts) await createPart(host, { link, mtu }, part);
}

/** The network's bridges in the order in which an endpoint tries them, each from another one on. */
function bridgesFor(network: Network, { id }: Endpoint): string[] {
  const { link, parts } = bridgeSettings(network);
  const all = [link, ...parts.map(({ bridge }) => bridge.name)];
  const first = Number.parseInt(id.slice(0, 8), 16) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

async function inspectNetwork(host: Namespace, network: Network): Promise<Finding[]> {
  const { link, mtu, parts } = bridgeSettings(network);
  const further = inspectParts(host, subjectOf(network), { link, mtu }, parts);
  return (await Promise.all([inspectHub(host, network), further])).flat();
}

/** A Linux bridge on the host, or several; one veth pair for each endpoint. */
export const bridge: Driver = {
  name: "bridge",
  traits: { addresses: true, routed: true, names: true },
  planNetwork,
  mostEndpoints: (network) => placesOn(mostPorts, bridgeSettings(network).parts),
  linkPrefix: (network) => bridgeSettings(network).linkPrefix,
  hostLink: portName,
  createNetwork,
  deleteNetwork: async (host, network) => {
    for (const part of bridgeSettings(network).parts) await deletePart(host, part);
    await removeHub(host, network);
  },
  connect: (place) => createPort(place, bridgesFor(place.network, place.endpoint)),
  disconnect: removePort,
  inspectNetwork,
  inspectEndpoint: (place) => inspectPort(place, bridgesFor(place.network, place.endpoint)),
};
