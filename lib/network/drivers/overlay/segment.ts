// A host's part of a network over hosts: a namespace with a bridge, and the VXLAN to other hosts.
//
// The namespace is the network's alone, so whatever is in it is ours. The VXLAN is born in it out of
// the host's, in which its UDP packets stay. It answers ARP and neighbour solicitations itself, from
// its neighbour table, sends to no MAC address that it was not told of, and so floods nothing: of
// broadcasts and of packets to unknown addresses none leaves the host.
//
// Nothing is learned, from no port: where each MAC address is, the plan says. A packet to an address
// of no port here goes to the VXLAN alone.

import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import {
  createLink,
  deleteLink,
  deleteLinks,
  findLink,
  type Link,
  listLinks,
  setLink,
} from "../../../rtnl/link.ts";
import {
  createNamespace,
  deleteNamespace,
  type Namespace,
  openNamespace,
} from "../../../rtnl/namespace.ts";
import { allEnded } from "../../../values/all-ended.ts";
import { NetworkError } from "../../errors.ts";
import type { Network } from "../../model.ts";
import type { Finding } from "../driver.ts";
import { linkWith, unmendable } from "../links.ts";
import { closePort, inspectPort, openPort } from "./encryption.ts";
import { isCode } from "./refusals.ts";
import { type PartSettings, partSettings } from "./settings.ts";

/** The names of Docker. */
export const names = { bridge: "br0", vxlan: "vxlan0" } as const;

/** How the VXLAN is a port of the bridge: all that no other port takes goes there. */
const vxlanPort = {
  learning: false,
  unicastFlood: true,
  multicastFlood: true,
  broadcastFlood: true,
} as const;

/** The namespace of a part; undefined if it is gone. */
export async function findSegment(part: Network): Promise<Namespace | undefined> {
  const { namespace: name } = partSettings(part);
  return await openNamespace({ name }).catch((error: unknown) => {
    // EINVAL: the name is there, but no namespace, as after a crash between the two.
    if (!isCode(error, "ENOENT", "EINVAL")) throw error;
    return undefined;
  });
}

/**
 * The VXLAN has to have IPv6 to be told neighbours (net/core/neighbour.c, `neigh_add()`), but no link
 * there has an address, so none of them says anything by itself.
 */
const roomSettings = {
  "net.ipv6.conf.default.disable_ipv6": 0,
  "net.ipv6.conf.default.addr_gen_mode": 1,
} as const;

async function createEmpty(name: string): Promise<Namespace> {
  const options = { name, loopback: false };
  const creation = createNamespace({ ...options, settings: roomSettings });
  return await creation.catch((error: unknown) => {
    // A kernel without IPv6 need not be told.
    if (!isCode(error, "ENOENT")) throw error;
    return createNamespace(options);
  });
}

/** Makes what is not there of a part, and what is there as it is planned. */
export async function createSegment(host: Namespace, part: Network): Promise<void> {
  // Before there is anything that sends.
  await closePort(host, part);
  await using inside = (await findSegment(part)) ?? (await makeRoom(part));
  await makeBridge(inside, part);
  await makeVxlan(host, inside, part);
}

async function makeRoom(part: Network): Promise<Namespace> {
  const { namespace: name } = partSettings(part);
  return await createEmpty(name).catch(async (error: unknown) => {
    if (!isCode(error, "EEXIST")) throw error;
    // A name alone, unless somebody was faster.
    const found = await findSegment(part);
    if (found !== undefined) return found;
    await deleteNamespace(name);
    return await createEmpty(name);
  });
}

async function makeBridge(inside: Namespace, part: Network): Promise<void> {
  const { mac: address, mtu } = partSettings(part);
  const name = names.bridge;
  const found = await findLink(inside, { name });
  // Where somebody asks for groups, a bridge that listens sends neighbour solicitations to those who
  // have joined, and not to the VXLAN (net/bridge/br_multicast.c, `br_multicast_ipv6_rcv()`).
  const planned = { kind: "bridge", address, mtu, multicastSnooping: false, up: true } as const;
  if (found?.kind === "bridge") return await setLink(inside, found, planned);
  if (found !== undefined) await deleteLink(inside, found);
  await createLink(inside, { ...planned, name });
}

/** The property that an address is given as. */
function localOf({
  local,
}: PartSettings): { readonly local: string } | { readonly local6: string } {
  return isIPv6(local) ? { local6: local } : { local };
}

/** Whether what cannot be changed of a VXLAN that is there is as planned. */
function isLike(link: Link, { number, port, local }: PartSettings): boolean {
  if (link.kind !== "vxlan" || link.vni !== number || link.destinationPort !== port) return false;
  const { learning, proxy, remote, remote6 } = link;
  const ownFamily = isIPv6(local) ? link.local === undefined : link.local6 === undefined;
  return learning === false && proxy === true && !(remote ?? remote6) && ownFamily;
}

async function makeVxlan(host: Namespace, inside: Namespace, part: Network): Promise<void> {
  const settings = partSettings(part);
  const { mtu } = settings;
  const link = { name: names.vxlan };
  const found = await findLink(inside, link);
  const stays = found !== undefined && isLike(found, settings);
  if (found !== undefined && !stays) await deleteLink(inside, found);
  if (!stays) await createVxlan(host, inside, part);
  await allEnded([
    // Apart: the kernel takes no MTU together with options of the kind.
    setLink(inside, link, { kind: "vxlan", ...localOf(settings) }),
    setLink(inside, link, { mtu, master: { name: names.bridge } }),
    setLink(inside, link, { portKind: "bridge", port: vxlanPort }),
    setLink(inside, link, { up: true }).catch((cause: unknown) => {
      if (!isCode(cause, "EADDRINUSE")) throw cause;
      throw refused(part, `UDP port ${settings.port} of the host is in use`, cause);
    }),
  ]);
}

/** @throws {NetworkError} `DRIVER_FAILED` if the host has another one of the same number and port. */
async function createVxlan(host: Namespace, inside: Namespace, part: Network): Promise<void> {
  const settings = partSettings(part);
  const { number: vni, port: destinationPort, mtu } = settings;
  await createLink(host, {
    ...{ kind: "vxlan", name: names.vxlan, namespace: inside, vni, destinationPort, mtu },
    ...{ ...localOf(settings), learning: false, proxy: true },
  }).catch((cause: unknown) => {
    if (!isCode(cause, "EEXIST")) throw cause;
    const reason = `the host has another VXLAN of the number ${vni} at UDP port ${destinationPort}`;
    throw refused(part, reason, cause);
  });
}

function refused({ name: subject }: Network, reason: string, cause: unknown): NetworkError {
  return new NetworkError("DRIVER_FAILED", { operation: "createNetwork", subject, reason, cause });
}

/**
 * Takes a part away with all its links. These go first: a namespace that somebody still looks into
 * stays, and would keep the number and the UDP port.
 */
export async function deleteSegment(
  host: Namespace,
  part: Network,
  others: readonly Network[],
): Promise<void> {
  const { namespace } = partSettings(part);
  {
    await using inside = await findSegment(part);
    const links = inside === undefined ? [] : await listLinks(inside);
    const made = links.filter(({ kind }) => kind !== undefined);
    if (inside !== undefined) await deleteLinks(inside, made);
  }
  await deleteNamespace(namespace).catch((error: unknown) => {
    // Who may not unmount is told so even of what is not there.
    if (!isCode(error, "ENOENT") && existsSync(`/run/netns/${namespace}`)) throw error;
  });
  await openPort(host, part, others);
}

/** What of a part is not as planned; the links of endpoints and what is known of others aside. */
export async function inspectSegment(host: Namespace, part: Network): Promise<Finding[]> {
  const { namespace, local } = partSettings(part);
  const subject = `network ${JSON.stringify(part.name)}`;
  const repair = () => createSegment(host, part);
  const findings = await inspectPort(host, part);
  if ((await linkWith(host, local)) === undefined) {
    const problem = `the host does not have its address ${local}`;
    findings.push(unmendable(subject, problem, "give the host the address again"));
  }
  await using inside = await findSegment(part);
  if (inside === undefined) {
    const problem = `its namespace ${namespace} is gone`;
    return [...findings, { subject, problem, remedy: "it is made anew", repair }];
  }
  const [bridge, vxlan] = await Promise.all(
    [names.bridge, names.vxlan].map((name) => findLink(inside, { name })),
  );
  const problems = [...bridgeProblems(bridge, part), ...vxlanProblems(vxlan, bridge, part)];
  const remedy = "it is made as planned";
  return [...findings, ...problems.map((problem) => ({ subject, problem, remedy, repair }))];
}

/** What any of the two links can lack. */
function linkProblems({ name, up, mtu }: Link, part: Network): string[] {
  const { mtu: planned } = partSettings(part);
  return [
    ...(up ? [] : [`${name} is down`]),
    ...(mtu === planned ? [] : [`the MTU of ${name} is ${mtu}, not ${planned}`]),
  ];
}

function bridgeProblems(bridge: Link | undefined, part: Network): string[] {
  const { mac } = partSettings(part);
  if (bridge === undefined) return [`its bridge ${names.bridge} is gone`];
  if (bridge.kind !== "bridge") return [`${bridge.name} is no bridge`];
  return [
    ...linkProblems(bridge, part),
    ...(bridge.address === mac ? [] : [`${bridge.name} has the MAC address ${bridge.address}`]),
    ...(bridge.multicastSnooping ? [`${bridge.name} listens for multicast groups`] : []),
  ];
}

function vxlanProblems(vxlan: Link | undefined, bridge: Link | undefined, part: Network): string[] {
  const settings = partSettings(part);
  const { number, port, local } = settings;
  if (vxlan === undefined) return [`its VXLAN ${names.vxlan} is gone`];
  const { name } = vxlan;
  if (vxlan.kind !== "vxlan" || !isLike(vxlan, settings)) {
    return [`${name} is not the VXLAN ${number} at UDP port ${port} as it was made`];
  }
  const address = vxlan.local6 ?? vxlan.local;
  const problems = linkProblems(vxlan, part);
  if (address !== local) problems.push(`${name} sends from ${address ?? "any address"}`);
  if (vxlan.master === undefined || vxlan.master !== bridge?.index) {
    return [...problems, `${name} is no port of ${names.bridge}`];
  }
  const options = vxlan.portKind === "bridge" ? Object.entries(vxlanPort) : [];
  const given: Readonly<Record<string, unknown>> = { ...vxlan.port };
  const differs = options.some(([option, value]) => given[option] !== value);
  return differs ? [...problems, `${name} is another kind of port`] : problems;
}
