// The bridge of a network on its host, which has the gateways' addresses.

import { isIPv6 } from "node:net";
import { addAddress, listAddresses } from "../../rtnl/address.ts";
import { setSysctl } from "../../rtnl/forwarding.ts";
import { createLink, findLink, type Link, setLink } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { allEnded } from "../../values/all-ended.ts";
import { NetworkError } from "../errors.ts";
import type { Network, NetworkSubnet } from "../model.ts";
import type { Finding } from "./driver.ts";
import { markOf, ours, prefixLengthOf, removeOurs, subjectOf, unmendable } from "./links.ts";

/** What of a network's settings is its bridge's. */
export interface HubSettings {
  /** The bridge's name on the host. */
  readonly link: string;
  /** Its MAC address, by which it is known to be ours. */
  readonly mac: string;
  readonly mtu: number | null;
}

function settingsOf(network: Network): HubSettings {
  return network.settings as unknown as HubSettings;
}

/**
 * Refuses a name for a network's bridge that a link of the host has.
 *
 * @throws {NetworkError} `LINK_TAKEN`
 */
export async function checkLink(host: Namespace, network: string, link: string): Promise<void> {
  if ((await findLink(host, { name: link })) === undefined) return;
  const reason = `the host has a link ${JSON.stringify(link)}`;
  const details = { operation: "createNetwork", subject: network, reason, conflict: link };
  throw new NetworkError("LINK_TAKEN", details);
}

/** The bridge's own address in a subnet, if it has one. */
function ownAddress({ subnet, gateway }: NetworkSubnet): string | undefined {
  return gateway === undefined ? undefined : `${gateway}/${prefixLengthOf(subnet)}`;
}

/** The bridge that has the addresses. */
export async function createHub(host: Namespace, network: Network): Promise<void> {
  const { link: name, mac, mtu } = settingsOf(network);
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

/** Takes the bridge away, if it is there. */
export async function removeHub(host: Namespace, network: Network): Promise<void> {
  const { link: name, mac } = settingsOf(network);
  await removeOurs(host, name, "bridge", mac);
}

/** Mends a bridge that is not there, by making it anew; its ports become ports again by themselves. */
export async function inspectHub(host: Namespace, network: Network): Promise<Finding[]> {
  const { link: name, mac, mtu } = settingsOf(network);
  const subject = subjectOf(network);
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
      subject: subjectOf(network),
      problem: `${bridge.name} lacks the address ${address}`,
      remedy: "it is added",
      repair: () => addOwnAddress(host, bridge, subnet),
    };
  });
}
