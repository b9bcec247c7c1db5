// What keeps a host from having a VXLAN for a network across hosts: the kernel, or others on the host.

import { readdir } from "node:fs/promises";
import { NetlinkError } from "../../errors.ts";
import { createLink, findLink, type Link, listLinks } from "../../rtnl/link.ts";
import {
  createNamespace,
  getNamespaceId,
  type Namespace,
  openNamespace,
} from "../../rtnl/namespace.ts";
import { parts as partsHere } from "../cluster/parts.ts";
import type { Context } from "../context.ts";
import { findSegment, names } from "../drivers/overlay/segment.ts";
import { type PartSettings, partSettings } from "../drivers/overlay/settings.ts";
import type { Network } from "../model.ts";
import { findPortHolder } from "../port-holder.ts";
import { type Diagnosis, quoted } from "./diagnosis.ts";

/** Where namespaces have names: those of `ip netns` and of this library, and those of Docker. */
const directories = ["/run/netns", "/run/docker/netns"];

/** The networks of all hosts that are VXLANs. */
function overlays({ cluster }: Context): Network[] {
  return cluster.view
    .wholes()
    .filter(({ state, network }) => state === "made" && network.driver === "overlay")
    .map(({ network }) => network);
}

/** Whether the kernel knows VXLANs, by making one where nobody sees it. */
async function isKnown(): Promise<boolean> {
  await using room = await createNamespace({ loopback: false });
  try {
    await createLink(room, { kind: "vxlan", name: names.vxlan, vni: 1, destinationPort: 4789 });
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "EOPNOTSUPP") return false;
    throw error;
  }
}

/** Whether the VXLAN of a part is up, so that nobody keeps it from its number and port. */
async function isUp(part: Network): Promise<boolean> {
  await using inside = await findSegment(part);
  return (inside && (await findLink(inside, { name: names.vxlan })))?.up === true;
}

/** A VXLAN, and what the namespace is called that it is in. */
interface Placed {
  readonly link: Link & { readonly kind: "vxlan" };
  readonly place: string;
}

/** The VXLANs in a namespace whose packets are the host's. */
async function ofHost(host: Namespace, place: Namespace): Promise<Placed["link"][]> {
  const links = await listLinks(place, { kind: "vxlan" });
  if (links.length === 0) return [];
  const isHost = place.inode === host.inode;
  const id = isHost ? undefined : await getNamespaceId(place, host);
  if (!isHost && id === undefined) return [];
  return links.flatMap((link) =>
    link.kind === "vxlan" && link.parentNamespaceId === id ? [link] : [],
  );
}

/**
 * The VXLANs of the host that can be found, but for those of its parts: in the host itself, and in
 * namespaces that have a name.
 */
async function findVxlans({ host }: Context, parts: readonly Network[]): Promise<Placed[]> {
  const own = new Set(parts.map((part) => partSettings(part).namespace));
  const found = (await ofHost(host, host)).map((link) => ({ link, place: "the host" }));
  // A namespace can have several names.
  const seen = new Set([host.inode]);
  for (const directory of directories) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (own.has(name)) continue;
      const path = `${directory}/${name}`;
      // One that is gone by now, or no namespace, has none.
      await using place = await openNamespace({ path }).catch(() => undefined);
      if (place === undefined || seen.has(place.inode)) continue;
      seen.add(place.inode);
      found.push(...(await ofHost(host, place)).map((link) => ({ link, place: path })));
    }
  }
  return found;
}

/**
 * Whether a host can not have both.
 *
 * @see drivers/net/vxlan/vxlan_core.c, `vxlan_config_validate()`
 */
function excludes({ vni, destinationPort, ...link }: Placed["link"], settings: PartSettings) {
  const family = (link.local6 ?? link.remote6) === undefined ? "inet" : "inet6";
  const { number, port } = settings;
  return vni === number && destinationPort === port && family === settings.family;
}

function taken(network: Network, { link, place }: Placed): Diagnosis {
  const { number, port } = partSettings(network);
  return {
    code: "VXLAN_TAKEN",
    level: "error",
    subject: quoted("network", network.name),
    problem: `the host has another VXLAN of its number ${number} at UDP port ${port}, ${link.name} in ${place}`,
    fix: "remove that one, or make the network anew with another --opt vxlanid_list or --opt port",
  };
}

/** UDP ports of networks that a program has. */
async function portsTaken({ host }: Context, networks: readonly Network[]): Promise<Diagnosis[]> {
  const ports = new Set(networks.map((network) => partSettings(network).port));
  const all = await Promise.all(
    Array.from(ports, async (port): Promise<Diagnosis[]> => {
      const holder = await findPortHolder(host, "udp", port);
      if (holder === undefined) return [];
      const { pid, program } = holder;
      const problem = `the process ${pid} (${program}) has it, by which hosts send each other packets of overlays`;
      const fix = "end that, or make networks with another --opt port";
      return [{ code: "PORT_TAKEN", level: "error", subject: `UDP port ${port}`, problem, fix }];
    }),
  );
  return all.flat();
}

/** What is in the way of the VXLANs that the host has, or is to have with its first endpoint there. */
export async function vxlans(context: Context): Promise<Diagnosis[]> {
  const networks = overlays(context);
  if (networks.length === 0) return [];
  if (!(await isKnown())) {
    return [
      {
        code: "VXLAN_MISSING",
        level: "error",
        subject: "the kernel",
        problem: "it knows no VXLANs, of which networks of the driver overlay are made",
        fix: "modprobe vxlan, or a kernel with CONFIG_VXLAN; networks of the driver routed need none",
      },
    ];
  }
  const parts = partsHere(context).filter(({ driver }) => driver === "overlay");
  const working = new Set<string>();
  for (const part of parts) if (await isUp(part)) working.add(part.id);
  const waiting = networks.filter(({ id }) => !working.has(id));
  const others = waiting.length === 0 ? [] : await findVxlans(context, parts);
  const isWorking = ({ id }: Network) => working.has(id);
  const held = new Set(parts.filter(isWorking).map((part) => partSettings(part).port));
  return [
    ...waiting.flatMap((network) =>
      others
        .filter(({ link }) => excludes(link, partSettings(network)))
        .map((placed) => taken(network, placed)),
    ),
    ...(await portsTaken(
      context,
      waiting.filter((network) => !held.has(partSettings(network).port)),
    )),
  ];
}
