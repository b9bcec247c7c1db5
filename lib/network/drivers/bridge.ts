// Networks on a bridge of the host: a veth pair for each endpoint, the host as the gateway.

import { isIPv4, isIPv6 } from "node:net";
import { NetlinkError } from "../../errors.ts";
import { addAddress, listAddresses } from "../../rtnl/address.ts";
import { setSysctl } from "../../rtnl/forwarding.ts";
import { createLink, findLink, type Link, setLink } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { allEnded } from "../../values/all-ended.ts";
import { randomMac } from "../../values/mac.ts";
import { NetworkError } from "../errors.ts";
import type { Endpoint, Network, NetworkSubnet } from "../model.ts";
import type { Driver, EndpointPlace, Finding, NetworkRequest, Settings } from "./driver.ts";
import {
  createPart,
  deletePart,
  inspectParts,
  type Part,
  placesOn,
  planParts,
} from "./further-bridges.ts";
import { bridgedPackets, markOf, ours, prefixLengthOf, removeOurs, unmendable } from "./links.ts";
import { count, flag, invalidOption, linkName, mtu, readOptions } from "./options.ts";

/** A bridge has so many ports at most. @see net/bridge/br_private.h, `BR_MAX_PORTS` */
const mostPorts = 1023;

const table = {
  name: linkName("com.docker.network.bridge.name", null),
  icc: flag("com.docker.network.bridge.enable_icc", true),
  masquerade: flag("com.docker.network.bridge.enable_ip_masquerade", true),
  hostBinding: {
    docker: "com.docker.network.bridge.host_binding_ipv4",
    otherwise: "0.0.0.0",
    read: (text: string) => (isIPv4(text) ? text : undefined),
    rule: "must be an IPv4 address",
  },
  mtu: mtu("com.docker.network.driver.mtu"),
  linkPrefix: linkName("com.docker.network.container_iface_prefix", "eth", 5),
  // Docker has no such option.
  bridges: count("bridges", 1, 16),
};

/** What `planNetwork` made of the options. */
interface BridgeSettings {
  /** The bridge's name on the host. */
  readonly link: string;
  /** Its MAC address, by which it is known to be ours. */
  readonly mac: string;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly hostBinding: string;
  readonly mtu: number | null;
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
  if (await findLink(host, { name: link })) {
    const reason = `the host has a link ${JSON.stringify(link)}`;
    const details = { operation: "createNetwork", subject: request.name, reason, conflict: link };
    throw new NetworkError("LINK_TAKEN", details);
  }
  return { ...rest, link, mac: randomMac(), parts };
}

/** The bridge's own address in a subnet, if it has one. */
function ownAddress({ subnet, gateway }: NetworkSubnet): string | undefined {
  return gateway === undefined ? undefined : `${gateway}/${prefixLengthOf(subnet)}`;
}

async function createNetwork(host: Namespace, network: Network): Promise<void> {
  const { link, mtu, parts } = bridgeSettings(network);
  await createHub(host, network);
  for (const part of parts) await createPart(host, { link, mtu }, part);
}

/** The bridge that has the addresses. */
async function createHub(host: Namespace, network: Network): Promise<void> {
  const { link: name, mac, mtu } = bridgeSettings(network);
  const size = mtu === null ? {} : { mtu };
  const alias = markOf(network);
  const bridge = await createLink(host, { kind: "bridge", name, address: mac, alias, ...size });
  if (network.ipv6) await prepareIpv6(host, name);
  await allEnded([
    ...network.subnets.map((subnet) => addOwnAddress(host, bridge, subnet)),
    setLink(host, bridge, { up: true }),
  ]);
}

/**
 * Nobody else is the router there, and nobody else has the bridge's link-local address: without it,
 * which detection would keep back for seconds, the kernel asks for no neighbour.
 *
 * @see net/ipv6/ndisc.c, `ndisc_send_ns()`
 */
async function prepareIpv6(host: Namespace, name: string): Promise<void> {
  await Promise.all(
    ["accept_ra", "accept_dad"].map((key) => setSysctl(host, `net/ipv6/conf/${name}/${key}`, 0)),
  );
}

async function addOwnAddress(host: Namespace, bridge: Link, subnet: NetworkSubnet): Promise<void> {
  const address = ownAddress(subnet);
  if (address === undefined) return;
  const flags = isIPv6(subnet.subnet.split("/")[0] ?? "") ? { flags: ["noDad"] as const } : {};
  await addAddress(host, bridge, { address, ...flags });
}

/** The network's bridges in the order in which an endpoint tries them, each from another one on. */
function bridgesFor(network: Network, { id }: Endpoint): string[] {
  const { link, parts } = bridgeSettings(network);
  const all = [link, ...parts.map(({ bridge }) => bridge.name)];
  const first = Number.parseInt(id.slice(0, 8), 16) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

async function connect(place: EndpointPlace): Promise<void> {
  const { network, endpoint } = place;
  let cause: unknown;
  for (const master of bridgesFor(network, endpoint)) {
    try {
      return await createPort(place, master);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== "EXFULL") throw error;
      cause = error;
    }
  }
  const reason = "its bridge takes no more ports";
  const details = { operation: "connect", subject: network.name, reason, cause };
  throw new NetworkError("NETWORK_FULL", details);
}

async function createPort(
  { host, sandbox, network, endpoint }: EndpointPlace,
  master: string,
): Promise<void> {
  const { mtu, icc } = bridgeSettings(network);
  const { hostLink, link, mac } = endpoint;
  if (hostLink === undefined) throw invalidOption(network.name, "the endpoint has no host link");
  const size = mtu === null ? {} : { mtu };
  const port = createLink(host, {
    kind: "veth",
    name: hostLink.name,
    address: hostLink.mac,
    master: { name: master },
    up: true,
    ...size,
    peer: { name: link, namespace: sandbox, address: mac, ...size },
  });
  if (icc || !(await needsIsolation(host))) await port;
  else await setLink(host, await port, { portKind: "bridge", port: { isolated: true } });
}

/**
 * Whether it takes isolated ports to keep endpoints from each other. Where the firewall sees bridged
 * packets it does so itself; isolation would then also drop what comes by a published port.
 */
async function needsIsolation(host: Namespace): Promise<boolean> {
  return (await bridgedPackets(host)).some(({ shown }) => !shown);
}

async function inspectNetwork(host: Namespace, network: Network): Promise<Finding[]> {
  const { link, mtu, parts } = bridgeSettings(network);
  const subject = `network ${JSON.stringify(network.name)}`;
  const further = inspectParts(host, subject, { link, mtu }, parts);
  return (await Promise.all([inspectHub(host, network), further])).flat();
}

/** Mends a bridge that is not there, by making it anew; its ports become ports again by themselves. */
async function inspectHub(host: Namespace, network: Network): Promise<Finding[]> {
  const { link: name, mac, mtu } = bridgeSettings(network);
  const subject = `network ${JSON.stringify(network.name)}`;
  const found = await findLink(host, { name });
  if (found === undefined) {
    const problem = `its bridge ${name} is gone`;
    const repair = () => createHub(host, network);
    return [{ subject, problem, remedy: "the bridge is made anew", repair }];
  }
  if (!ours(found, "bridge", mac)) {
    const problem = `${name} is a link of somebody else`;
    return [unmendable(subject, problem, "rename or delete that link")];
  }
  const findings: Finding[] = [];
  if (!found.up) {
    const repair = () => setLink(host, found, { up: true });
    findings.push({ subject, problem: `${name} is down`, remedy: "it is raised", repair });
  }
  if (mtu !== null && found.mtu !== mtu) {
    const problem = `the MTU of ${name} is ${found.mtu}, not ${mtu}`;
    const repair = () => setLink(host, found, { mtu });
    findings.push({ subject, problem, remedy: "it is set", repair });
  }
  return [...findings, ...(await missingAddresses(host, network, found))];
}

async function missingAddresses(
  host: Namespace,
  network: Network,
  bridge: Link,
): Promise<Finding[]> {
  const present = (await listAddresses(host, { link: bridge })).map(({ address }) => address);
  return network.subnets.flatMap((subnet) => {
    const address = ownAddress(subnet);
    if (address === undefined || present.includes(address)) return [];
    return {
      subject: `network ${JSON.stringify(network.name)}`,
      problem: `${bridge.name} lacks the address ${address}`,
      remedy: "it is added",
      repair: () => addOwnAddress(host, bridge, subnet),
    };
  });
}

async function inspectEndpoint({ host, network, endpoint }: EndpointPlace): Promise<Finding[]> {
  const { icc, mtu } = bridgeSettings(network);
  const { hostLink } = endpoint;
  if (hostLink === undefined) return [];
  const [port, ...bridges] = await Promise.all(
    [hostLink.name, ...bridgesFor(network, endpoint)].map((name) => findLink(host, { name })),
  );
  const [bridge] = bridges;
  if (port === undefined || bridge === undefined) return [];
  const isPort = bridges.some((one) => one !== undefined && one.index === port.master);
  const subject = `network ${JSON.stringify(network.name)}`;
  const findings: Finding[] = [];
  if (!isPort) {
    const repair = () => setLink(host, port, { master: bridge });
    const problem = `${port.name} is no port of ${bridge.name}`;
    findings.push({ subject, problem, remedy: "it becomes one", repair });
  }
  if (!port.up) {
    const repair = () => setLink(host, port, { up: true });
    findings.push({ subject, problem: `${port.name} is down`, remedy: "it is raised", repair });
  }
  if (mtu !== null && port.mtu !== mtu) {
    const repair = () => setLink(host, port, { mtu });
    const problem = `the MTU of ${port.name} is ${port.mtu}, not ${mtu}`;
    findings.push({ subject, problem, remedy: "it is set", repair });
  }
  const isolated = port.portKind === "bridge" ? port.port.isolated : false;
  const wanted = !icc && (await needsIsolation(host));
  if (isolated !== wanted && isPort) {
    const repair = () => setLink(host, port, { portKind: "bridge", port: { isolated: wanted } });
    const problem = `${port.name} is ${isolated ? "" : "not "}isolated`;
    findings.push({ subject, problem, remedy: "that is turned round", repair });
  }
  return findings;
}

/** A Linux bridge on the host, or several; one veth pair for each endpoint. */
export const bridge: Driver = {
  name: "bridge",
  traits: { addresses: true, routed: true, names: true },
  planNetwork,
  mostEndpoints: (network) => placesOn(mostPorts, bridgeSettings(network).parts),
  linkPrefix: (network) => bridgeSettings(network).linkPrefix,
  hostLink: ({ id }: Pick<Endpoint, "id">) => `veth${id.slice(0, 7)}`,
  createNetwork,
  deleteNetwork: async (host, network) => {
    const { link: name, mac, parts } = bridgeSettings(network);
    for (const part of parts) await deletePart(host, part);
    await removeOurs(host, name, "bridge", mac);
  },
  connect,
  disconnect: async ({ host, endpoint: { hostLink } }) => {
    if (hostLink !== undefined) await removeOurs(host, hostLink.name, "veth", hostLink.mac);
  },
  inspectNetwork,
  inspectEndpoint,
};
