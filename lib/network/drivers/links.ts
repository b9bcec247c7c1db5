// Links of the host that may be ours: known by name, kind and MAC address together.

import { NetlinkError } from "../../errors.ts";
import { listAddresses } from "../../rtnl/address.ts";
import { getSysctl } from "../../rtnl/forwarding.ts";
import { deleteLink, findLink, getLink, type Link } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { parseCidr } from "../../values/cidr.ts";
import type { Finding } from "./driver.ts";

/** The link that has an address, however it is written. */
export async function linkWith(host: Namespace, address: string): Promise<Link | undefined> {
  const wanted = parseCidr(address).address;
  const all = await listAddresses(host);
  const found = all.find((one) => parseCidr(one.address).address === wanted);
  return found && (await getLink(host, found.index));
}

/** The number behind the slash. */
export function prefixLengthOf(subnet: string): number {
  return Number(subnet.slice(subnet.indexOf("/") + 1));
}

/**
 * Whether a link is the one that the plan means. The plan has chosen its MAC address by chance, and
 * was written before the link was made: what bears it is ours.
 */
export function ours(link: Link, kind: string, mac: string): boolean {
  return link.kind === kind && link.address === mac;
}

/** What has the kernel show bridged packets to the firewall. @see net/bridge/br_netfilter_hooks.c */
const bridgedSettings = [
  "net.bridge.bridge-nf-call-iptables",
  "net.bridge.bridge-nf-call-ip6tables",
];

/** Whether the firewall sees the bridged packets of each family, and by which setting. */
export async function bridgedPackets(
  host: Namespace,
): Promise<{ readonly setting: string; readonly shown: boolean }[]> {
  return await Promise.all(
    bridgedSettings.map(async (setting) => {
      const value = await getSysctl(host, setting).catch(ignoreMissing);
      return { setting, shown: value === "1" };
    }),
  );
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof NetlinkError) || error.code !== "ENOENT") throw error;
}

/** What a finding of a network is about. */
export function subjectOf({ name }: { readonly name: string }): string {
  return `network ${JSON.stringify(name)}`;
}

/** What nobody but the user can mend; to try fails with the problem. */
export function unmendable(subject: string, problem: string, remedy: string): Finding {
  const repair = () => Promise.reject(new Error(problem));
  return { subject, problem, remedy: `none: ${remedy}`, repair };
}

/** The alias of a network's link, by which it is known for ours even if the plan is lost. */
export function markOf({ id }: { readonly id: string }): string {
  return `vethwork network ${id}`;
}

/** The id of the network whose link it is, by its alias. */
export function markedNetwork({ alias }: Link): string | undefined {
  return /^vethwork network ([0-9a-f]{64})$/.exec(alias ?? "")?.[1];
}

/** Deletes a link if it is there and ours; a veth's far end goes with it. */
export async function removeOurs(
  host: Namespace,
  name: string,
  kind: string,
  mac: string,
): Promise<void> {
  const link = await findLink(host, { name });
  if (link === undefined || !ours(link, kind, mac)) return;
  await deleteLink(host, link).catch((error: unknown) => {
    // Gone meanwhile, with the sandbox's namespace for example.
    if (!(error instanceof NetlinkError) || error.code !== "ENODEV") throw error;
  });
}

/** Deletes a VLAN of a link, if it is there. */
export async function removeVlan(
  host: Namespace,
  name: string,
  { id, of }: { readonly id: number; readonly of: string },
): Promise<void> {
  const [vlan, lower] = await Promise.all([findLink(host, { name }), findLink(host, { name: of })]);
  const isOurs = vlan?.kind === "vlan" && vlan.vlanId === id && vlan.parent === lower?.index;
  if (isOurs) await deleteLink(host, vlan);
}
