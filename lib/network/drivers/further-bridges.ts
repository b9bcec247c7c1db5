// Further bridges of a network that one is too few for: each joined to the first by a veth pair.
//
// The first has the addresses; the others are a star around it, so that no packet goes in circles.
// Where the firewall sees bridged packets this cannot be: a connection that passes it on a further
// bridge would be known to it, and not be translated any more where it leaves the host.

import { NetlinkError } from "../../errors.ts";
import { setSysctl } from "../../rtnl/forwarding.ts";
import { createLink, findLink, type Link, setLink } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { allEnded } from "../../values/all-ended.ts";
import { randomMac } from "../../values/mac.ts";
import type { Finding, NetworkRequest } from "./driver.ts";
import { bridgedPackets, ours, removeOurs, unmendable } from "./links.ts";
import { invalidOption } from "./options.ts";

/** A link of the host that is ours: its name, and the MAC address by which it is known. */
export type OwnLink = {
  readonly name: string;
  readonly mac: string;
};

/** A further bridge, and the ends of what joins it: the near one is a port of the first bridge. */
export type Part = {
  readonly bridge: OwnLink;
  readonly near: OwnLink;
  readonly far: OwnLink;
};

/** What parts are joined to, and the size of packets. */
interface Hub {
  readonly link: string;
  readonly mtu: number | null;
}

/**
 * The further bridges of a network on so many.
 *
 * @throws {NetworkError} `OPTION_INVALID` if it cannot be on several.
 */
export async function planParts(
  host: Namespace,
  { id, name: network }: NetworkRequest,
  bridges: number,
  icc: boolean,
): Promise<Part[]> {
  if (bridges === 1) return [];
  // Ports are isolated from those of the same bridge alone.
  if (!icc) throw invalidOption(network, "without talk among sandboxes it is on one bridge");
  const seen = (await bridgedPackets(host)).find(({ shown }) => shown);
  if (seen !== undefined)
    throw invalidOption(network, `on several bridges it needs ${seen.setting} 0`);
  const own = (prefix: string, n: number) => ({
    name: `${prefix}-${id.slice(0, 8)}-${n}`,
    mac: randomMac(),
  });
  return Array.from({ length: bridges - 1 }, (_, n) => ({
    bridge: own("br", n + 1),
    near: own("bn", n + 1),
    far: own("bf", n + 1),
  }));
}

/** How many links fit on a network's bridges beside those that join them. */
export function placesOn(ports: number, parts: readonly Part[]): number {
  return ports * (parts.length + 1) - 2 * parts.length;
}

/** Makes a further bridge that is not there, and joins it. */
export async function createPart(host: Namespace, hub: Hub, part: Part): Promise<void> {
  const { bridge, near, far } = part;
  const size = hub.mtu === null ? {} : { mtu: hub.mtu };
  if (!(await findLink(host, { name: bridge.name }))) {
    await createLink(host, { kind: "bridge", name: bridge.name, address: bridge.mac, ...size });
  }
  await createLink(host, {
    ...{ kind: "veth", name: near.name, address: near.mac, ...size },
    peer: { name: far.name, address: far.mac, ...size },
  });
  await allEnded([bridge, near, far].map(({ name }) => withoutHost(host, name)));
  await allEnded([
    setLink(host, { name: near.name }, { master: { name: hub.link }, up: true }),
    setLink(host, { name: far.name }, { master: { name: bridge.name }, up: true }),
    setLink(host, { name: bridge.name }, { up: true }),
  ]);
}

/**
 * The host is on the first bridge alone: otherwise it would answer for the gateway's address on any
 * of them, and what comes in there is not of the network as far as the firewall knows.
 */
async function withoutHost(host: Namespace, name: string): Promise<void> {
  await setSysctl(host, `net/ipv4/conf/${name}/arp_ignore`, 8);
  await setSysctl(host, `net/ipv6/conf/${name}/disable_ipv6`, 1).catch((error: unknown) => {
    if (!(error instanceof NetlinkError) || error.code !== "ENOENT") throw error;
  });
}

/** Takes a further bridge away, with what joins it. */
export async function deletePart(host: Namespace, { bridge, near, far }: Part): Promise<void> {
  for (const { name, mac } of [near, far]) await removeOurs(host, name, "veth", mac);
  await removeOurs(host, bridge.name, "bridge", bridge.mac);
}

/** Whether the further bridges are there and joined, and if not what mends it. */
export async function inspectParts(
  host: Namespace,
  subject: string,
  hub: Hub,
  parts: readonly Part[],
): Promise<Finding[]> {
  if (parts.length === 0) return [];
  const seen = (await bridgedPackets(host)).flatMap(({ setting, shown }) =>
    shown ? [unmendable(subject, `${setting} is 1`, "on several bridges it needs 0")] : [],
  );
  const found = parts.map((part) => inspectPart(host, subject, hub, part));
  return [...seen, ...(await Promise.all(found)).flat()];
}

async function inspectPart(
  host: Namespace,
  subject: string,
  hub: Hub,
  part: Part,
): Promise<Finding[]> {
  const links = await Promise.all(
    [hub.link, part.bridge.name, part.near.name, part.far.name].map((name) =>
      findLink(host, { name }),
    ),
  );
  const [first, bridge, near, far] = links;
  const { name } = part.bridge;
  if (bridge !== undefined && !ours(bridge, "bridge", part.bridge.mac)) {
    return [
      unmendable(subject, `${name} is a link of somebody else`, "rename or delete that link"),
    ];
  }
  const isJoined =
    isPort(near, part.near, first) && isPort(far, part.far, bridge) && bridge?.up === true;
  const sizes = [bridge, near, far].every((link) => hub.mtu === null || link?.mtu === hub.mtu);
  if (isJoined && sizes) return [];
  const repair = async () => {
    for (const { name, mac } of [part.near, part.far]) await removeOurs(host, name, "veth", mac);
    if (bridge !== undefined && hub.mtu !== null) await setLink(host, bridge, { mtu: hub.mtu });
    await createPart(host, hub, part);
  };
  const problem = `${name} is not joined to ${hub.link} as planned`;
  return [{ subject, problem, remedy: "it is made, and joined anew", repair }];
}

function isPort(link: Link | undefined, { mac }: OwnLink, master: Link | undefined): boolean {
  if (link === undefined || master === undefined) return false;
  return ours(link, "veth", mac) && link.up && link.master === master.index;
}
