// What a network over hosts is planned with: its options, and what is chosen for a host's part.

import { randomBytes } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import type { Family } from "../../../rtnl/address.ts";
import type { Namespace } from "../../../rtnl/namespace.ts";
import { parseCidr } from "../../../values/cidr.ts";
import { randomMac } from "../../../values/mac.ts";
import { NetworkError } from "../../errors.ts";
import type { Network } from "../../model.ts";
import type { NetworkRequest, Settings } from "../driver.ts";
import { linkWith } from "../links.ts";
import { invalidOption, linkName, mtu, readOptions } from "../options.ts";

/** Numbers of VXLANs, both ends included. */
export type NumberRange = {
  readonly first: number;
  readonly last: number;
};

/** What `planNetwork` made of the options, for all hosts. */
export interface WholeSettings {
  /** Of the links in the sandboxes, and of all in between. */
  readonly mtu: number;
  /** The MTU between the hosts, if the user told it. */
  readonly underlayMtu: number | null;
  /** Of the addresses by which the hosts reach each other. */
  readonly family: Family;
  /** The UDP port, on all hosts. */
  readonly port: number;
  readonly numbers: readonly NumberRange[];
  readonly linkPrefix: string;
}

/** The same with what was chosen since: the VXLAN's number, and what is this host's alone. */
export interface PartSettings extends WholeSettings {
  readonly number: number;
  /** The name of the namespace that the part is in. */
  readonly namespace: string;
  /** The MAC address of its bridge. */
  readonly mac: string;
  /** The address by which other hosts reach this one. */
  readonly local: string;
}

/** The settings of a network of this driver. */
export function wholeSettings({ settings }: Pick<Network, "settings">): WholeSettings {
  return settings as unknown as WholeSettings;
}

/** The settings of a host's part of a network. */
export function partSettings({ settings }: Pick<Network, "settings">): PartSettings {
  return settings as unknown as PartSettings;
}

/** An address in the form of RFC 5952, as the kernel's answers are. */
export function canonical(address: string): string {
  return isIPv4(address) ? address : parseCidr(address).address;
}

/** The bytes around a packet: Ethernet, VXLAN, UDP, and the IP header of the family. */
export const overhead: { readonly [F in Family]: number } = {
  inet: 14 + 8 + 8 + 20,
  inet6: 14 + 8 + 8 + 40,
};

const familyOf = (address: string): Family => (isIPv6(address) ? "inet6" : "inet");

const mostNumber = 0xffffff;

/** The numbers that Docker gives without being told, too. */
const usualNumbers: readonly NumberRange[] = [{ first: 4096, last: mostNumber }];

/** `"4097,5000-5010"` */
function readNumbers(text: string): NumberRange[] | undefined {
  const ranges = text.split(",").map((part) => {
    const [, first = "", last = first] = /^(\d{1,8})(?:-(\d{1,8}))?$/.exec(part) ?? [];
    return { first: Number(first), last: Number(last) };
  });
  const isRange = ({ first, last }: NumberRange) => 1 <= first && first <= last;
  return ranges.every((one) => isRange(one) && one.last <= mostNumber) ? ranges : undefined;
}

function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** Docker takes the option's presence, without a value, for true. */
const truths = new Map([
  ...(["", "true", "1"].map((text) => [text, true]) as [string, boolean][]),
  ...(["false", "0"].map((text) => [text, false]) as [string, boolean][]),
]);

const table = {
  // As Docker has it, this is the MTU between the hosts: links of sandboxes have less.
  mtu: mtu("com.docker.network.driver.mtu"),
  vxlanid_list: {
    docker: "com.docker.network.driver.overlay.vxlanid_list",
    otherwise: usualNumbers,
    read: readNumbers,
    rule: `must be numbers and ranges from 1 to ${mostNumber}, such as "4097,5000-5010"`,
  },
  // Docker has one port for all networks, which is no option of theirs.
  port: { docker: "port", otherwise: 4789, read: readPort, rule: "must be from 1 to 65535" },
  encrypted: {
    docker: "encrypted",
    otherwise: false,
    read: (text: string) => truths.get(text),
    rule: "must be true or false",
  },
  linkPrefix: linkName("com.docker.network.container_iface_prefix", "eth", 5),
};

/**
 * The MTU that is left of the underlay's.
 *
 * @throws {NetworkError} `OPTION_INVALID` if the host does not have the address, or it is that of a
 *   loopback, of which no packet ever leaves.
 */
async function fittingMtu(
  host: Namespace,
  network: string,
  { address, told }: { readonly address: string; readonly told: number | null },
): Promise<number> {
  const link = await linkWith(host, address);
  if (link === undefined) {
    throw invalidOption(network, `the host has no link with the address ${address}`);
  }
  if (told !== null) return told - overhead[familyOf(address)];
  if (link.flags.includes("loopback")) {
    const reason = `${address} is on ${link.name}, so option "mtu" has to say what hosts take`;
    throw invalidOption(network, reason);
  }
  return link.mtu - overhead[familyOf(address)];
}

/** The least that IPv4 takes. @see net/ipv4/devinet.c, `inetdev_valid_mtu()` */
const leastMtu = 68;

/** Reads the options, and looks at the link by which this host reaches others. */
export async function planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings> {
  const { name, address } = request;
  const { mtu, vxlanid_list: numbers = null, encrypted, ...rest } = readOptions(table, request);
  if (encrypted === true) {
    throw invalidOption(name, 'option "encrypted": encryption between hosts is not offered');
  }
  if (address === undefined) {
    throw invalidOption(name, "the host has no address that other hosts reach it by");
  }
  const underlayMtu = typeof mtu === "number" ? mtu : null;
  const left = await fittingMtu(host, name, { address, told: underlayMtu });
  if (left < leastMtu) {
    throw invalidOption(name, `an MTU of ${left} is left, less than the ${leastMtu} of IPv4`);
  }
  return { ...rest, numbers, mtu: left, underlayMtu, family: familyOf(address) };
}

/**
 * Chooses what is this host's alone.
 *
 * @throws {NetworkError} `OPTION_INVALID` if the host's address is none that the network can be on,
 *   or its link takes smaller packets than the network's.
 */
export async function planPart(
  host: Namespace,
  network: Network,
  address: string,
): Promise<Settings> {
  const { mtu, underlayMtu, family } = wholeSettings(network);
  const refuse = (reason: string) => {
    const details = { operation: "connect", subject: network.name, reason };
    throw new NetworkError("OPTION_INVALID", details);
  };
  if (familyOf(address) !== family) {
    const version = family === "inet" ? "IPv4" : "IPv6";
    refuse(`its hosts reach each other by ${version}, and this one has ${address}`);
  }
  const left = await fittingMtu(host, network.name, { address, told: underlayMtu });
  if (left < mtu) refuse(`its packets of ${mtu} bytes do not fit, there is room for ${left}`);
  const namespace = `vethwork-${network.id.slice(0, 12)}-${randomBytes(4).toString("hex")}`;
  return { namespace, mac: randomMac(), local: canonical(address) };
}
