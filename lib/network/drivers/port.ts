// The ports of a network's bridges: the ends on the host of its endpoints' veth pairs.

import { NetlinkError } from "../../errors.ts";
import { createLink, findLink, setLink } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { NetworkError } from "../errors.ts";
import type { Endpoint, Network } from "../model.ts";
import type { EndpointPlace, Finding } from "./driver.ts";
import { bridgedPackets, removeOurs, subjectOf } from "./links.ts";
import { invalidOption } from "./options.ts";

/** A bridge has so many ports at most. @see net/bridge/br_private.h, `BR_MAX_PORTS` */
export const mostPorts = 1023;

/** What of a network's settings is its ports'. */
export interface PortSettings {
  /** Whether endpoints may reach each other. */
  readonly icc: boolean;
  readonly mtu: number | null;
}

function settingsOf(network: Network): PortSettings {
  return network.settings as unknown as PortSettings;
}

/** What an endpoint's port is called. */
export function portName({ id }: Pick<Endpoint, "id">): string {
  return `veth${id.slice(0, 7)}`;
}

/**
 * Makes an endpoint's veth pair, whose end on the host becomes a port of the first of some bridges
 * that takes one more.
 *
 * @throws {NetworkError} `NETWORK_FULL` if none does.
 */
export async function createPort(place: EndpointPlace, masters: readonly string[]): Promise<void> {
  let cause: unknown;
  for (const master of masters) {
    try {
      return await createOn(place, master);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== "EXFULL") throw error;
      cause = error;
    }
  }
  const reason = "its bridge takes no more ports";
  const details = { operation: "connect", subject: place.network.name, reason, cause };
  throw new NetworkError("NETWORK_FULL", details);
}

async function createOn(
  { host, sandbox, network, endpoint }: EndpointPlace,
  master: string,
): Promise<void> {
  const { mtu, icc } = settingsOf(network);
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

/** Takes an endpoint's veth pair away, if it is there. */
export async function removePort({
  host,
  endpoint: { hostLink },
}: Pick<EndpointPlace, "host" | "endpoint">): Promise<void> {
  if (hostLink !== undefined) await removeOurs(host, hostLink.name, "veth", hostLink.mac);
}

/** What of an endpoint's port is not as the plan says: it may be one of any of some bridges. */
export async function inspectPort(
  { host, network, endpoint: { hostLink } }: EndpointPlace,
  masters: readonly string[],
): Promise<Finding[]> {
  const { icc, mtu } = settingsOf(network);
  if (hostLink === undefined) return [];
  const [port, ...bridges] = await Promise.all(
    [hostLink.name, ...masters].map((name) => findLink(host, { name })),
  );
  const [bridge] = bridges;
  if (port === undefined || bridge === undefined) return [];
  const isPort = bridges.some((one) => one !== undefined && one.index === port.master);
  const subject = subjectOf(network);
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
