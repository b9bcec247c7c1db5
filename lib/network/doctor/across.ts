// What keeps a host's networks across hosts from working: its place among the hosts, and its address.

import type { Link } from "../../rtnl/link.ts";
import { parts as partsHere } from "../cluster/parts.ts";
import type { Context } from "../context.ts";
import { linkWith } from "../drivers/links.ts";
import { familyOf, roomFor, roomIn, wholeSettings } from "../drivers/overlay/settings.ts";
import type { Network } from "../model.ts";
import { type Diagnosis, quoted } from "./diagnosis.ts";

/** The address by which others reach the host: that of its place, or that of its parts. */
function addressOf(context: Context, parts: readonly Network[]): string | undefined {
  const { view, name } = context.cluster;
  const settings = parts[0]?.settings as { readonly address?: string } | undefined;
  return view.host(name)?.address ?? settings?.address;
}

/** That nobody keeps the place of a host that has something on networks across hosts. */
function absent({ cluster }: Context, parts: readonly Network[], address: string): Diagnosis[] {
  const [first] = parts;
  const place = cluster.view.host(cluster.name);
  if (first === undefined || (place !== undefined && place.left !== true)) return [];
  const more = parts.length > 1 ? ` and ${parts.length - 1} more` : "";
  return [
    {
      code: "HOST_ABSENT",
      level: "error",
      subject: quoted("host", cluster.name),
      problem: `no process keeps its place among the hosts of the store, so that others take what it has on ${quoted("network", first.name)}${more} for gone`,
      fix: `vethwork serve --address ${address} keeps it, as long as it runs`,
    },
  ];
}

function missing(address: string): Diagnosis {
  return {
    code: "ADDRESS_MISSING",
    level: "error",
    subject: "the host",
    problem: `no link has ${address}, by which other hosts are to reach it`,
    fix: `give a link the address, as by ip address add, or keep the host's place with another one: vethwork serve --address`,
  };
}

/** The MTU of a part's links, that for which a link to other hosts has room, and what they would need. */
function sizesOf({ driver, settings }: Network, address: string, mtu: number) {
  // A driver of somebody else's may have no MTU, or none of this meaning.
  const own = ["overlay", "routed"].includes(driver) ? Number(settings.mtu ?? 0) : 0;
  if (driver !== "overlay") return { own, room: mtu, needed: own };
  const way = { ...wholeSettings({ settings }), family: familyOf(address) };
  return { own, room: roomIn(mtu, way), needed: roomFor(own, way) };
}

/** Parts whose packets do not fit on the link by which hosts reach each other. */
function oversized(parts: readonly Network[], address: string, { name, mtu }: Link): Diagnosis[] {
  return parts.flatMap((part): Diagnosis[] => {
    const { own, room, needed } = sizesOf(part, address, mtu);
    if (own <= room) return [];
    const becomes =
      part.driver === "overlay"
        ? "larger packets that may not be cut do not reach other hosts"
        : "larger packets are cut on their way to other hosts, or refused to who sends them";
    return [
      {
        code: "MTU_EXCEEDED",
        level: "warning",
        subject: quoted("network", part.name),
        problem: `its links have an MTU of ${own}, but ${name}, by which hosts reach each other, has room for ${room}: ${becomes}`,
        fix: `ip link set ${name} mtu ${needed}, if the way between the hosts takes that, or make the network anew with --opt mtu=${mtu}`,
      },
    ];
  });
}

/** What is wrong with the place of the host among others. */
export async function placeAmongHosts(context: Context): Promise<Diagnosis[]> {
  const parts = partsHere(context);
  const address = addressOf(context, parts);
  if (address === undefined) return [];
  const link = await linkWith(context.host, address);
  return [
    ...absent(context, parts, address),
    ...(link === undefined ? [missing(address)] : oversized(parts, address, link)),
  ];
}
