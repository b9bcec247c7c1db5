// What a network over hosts is planned with: its options, and what is chosen for a host's part.

import { randomBytes } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import type { Family } from "../../../rtnl/address.ts";
import type { Namespace } from "../../../rtnl/namespace.ts";
import { parseCidr } from "../../../values/cidr.ts";
import { randomMac } from "../../../values/mac.ts";
import { lacksEsp } from "../../../xfrm/support.ts";
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
  /** Whether what the hosts send each other is encrypted. */
  readonly encrypted?: boolean;
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

/** The bytes of the header of each family. */
const ipHeader: { readonly [F in Family]: number } = { inet: 20, inet6: 40 };

/** The bytes around a packet: Ethernet, VXLAN, UDP. */
const frame = 14 + 8 + 8;

/**
 * What ESP puts around that: its numbers, the counter of AES-GCM and the proof of authenticity; and
 * inside, behind the packet, two bytes that end a multiple of four (RFC 4303, 2.4; RFC 4106, 3 and 6).
 */
const esp = { around: 8 + 8 + 16, end: 2, multiple: 4 } as const;

/** How the packets of a network travel between hosts. */
type Way = Pick<WholeSettings, "family"> & { readonly encrypted?: boolean };

/** The MTU that is left of one between the hosts. */
export function roomIn(underlay: number, { family, encrypted }: Way): number {
  const rest = underlay - ipHeader[family];
  if (encrypted !== true) return rest - frame;
  const whole = rest - esp.around;
  return whole - (whole % esp.multiple) - esp.end - frame;
}

/** The least MTU between the hosts that leaves so much. */
export function roomFor(mtu: number, { family, encrypted }: Way): number {
  const inner = ipHeader[family] + frame + mtu;
  if (encrypted !== true) return inner;
  const ended = frame + mtu + esp.end;
  const padding = (esp.multiple - (ended % esp.multiple)) % esp.multiple;
  return inner + esp.around + esp.end + padding;
}

/** The family of an address. */
export const familyOf = (address: string): Family => (isIPv6(address) ? "inet6" : "inet");

/**
 * Those of VXLAN, and of VXLAN-GPE for networks that are encrypted: they need a port to themselves, and
 * nobody else's VXLANs are to be behind it unawares.
 */
const usualPorts = { plain: 4789, encrypted: 4790 } as const;

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
  port: { docker: "port", otherwise: null, read: readPort, rule: "must be from 1 to 65535" },
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
  {
    address,
    told,
    encrypted,
  }: { readonly address: string; readonly told: number | null; readonly encrypted: boolean },
): Promise<number> {
  const way = { family: familyOf(address), encrypted };
  const link = await linkWith(host, address);
  if (link === undefined) {
    throw invalidOption(network, `the host has no link with the address ${address}`);
  }
  if (told !== null) return roomIn(told, way);
  if (link.flags.includes("loopback")) {
    const reason = `${address} is on ${link.name}, so option "mtu" has to say what hosts take`;
    throw invalidOption(network, reason);
  }
  return roomIn(link.mtu, way);
}

/** The least that IPv4 takes. @see net/ipv4/devinet.c, `inetdev_valid_mtu()` */
const leastMtu = 68;

/** Why this host cannot have a network encrypted; `undefined` if it can, or need not. */
async function obstacle({ family, encrypted }: Way): Promise<string | undefined> {
  const lacking = encrypted === true ? await lacksEsp(family) : undefined;
  return lacking && `option "encrypted": ${lacking}`;
}

/** @throws {NetworkError} `OPTION_INVALID` if networks of the port are encrypted, and this is not, or so. */
function checkPort({ name, others }: NetworkRequest, port: number, encrypted: boolean): void {
  const other = others
    .map((network) => ({ name: network.name, settings: wholeSettings(network) }))
    .find(({ settings }) => settings.port === port && settings.encrypted === !encrypted);
  if (other === undefined) return;
  const is = encrypted ? "is not" : "is";
  const reason = `network ${JSON.stringify(other.name)} of the same port ${is} encrypted`;
  throw invalidOption(name, `option "port": UDP port ${port}: ${reason}`);
}

/** Reads the options, and looks at the link by which this host reaches others. */
export async function planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings> {
  const { name, address } = request;
  const { mtu, vxlanid_list: numbers = null, ...rest } = readOptions(table, request);
  const encrypted = rest.encrypted === true;
  const port = Number(rest.port ?? usualPorts[encrypted ? "encrypted" : "plain"]);
  if (address === undefined) {
    throw invalidOption(name, "the host has no address that other hosts reach it by");
  }
  const family = familyOf(address);
  checkPort(request, port, encrypted);
  const lacking = await obstacle({ family, encrypted });
  if (lacking !== undefined) throw invalidOption(name, lacking);
  const underlayMtu = typeof mtu === "number" ? mtu : null;
  const left = await fittingMtu(host, name, { address, told: underlayMtu, encrypted });
  if (left < leastMtu) {
    throw invalidOption(name, `an MTU of ${left} is left, less than the ${leastMtu} of IPv4`);
  }
  return { ...rest, port, encrypted, numbers, mtu: left, underlayMtu, family };
}

/**
 * Chooses what is this host's alone.
 *
 * @throws {NetworkError} `OPTION_INVALID` if the host's address is none that the network can be on,
 *   its link takes smaller packets than the network's, or its kernel cannot encrypt them.
 */
export async function planPart(
  host: Namespace,
  network: Network,
  address: string,
): Promise<Settings> {
  const { mtu, underlayMtu, family, encrypted = false } = wholeSettings(network);
  const refuse = (reason: string) => {
    const details = { operation: "connect", subject: network.name, reason };
    throw new NetworkError("OPTION_INVALID", details);
  };
  if (familyOf(address) !== family) {
    const version = family === "inet" ? "IPv4" : "IPv6";
    refuse(`its hosts reach each other by ${version}, and this one has ${address}`);
  }
  const lacking = await obstacle({ family, encrypted });
  if (lacking !== undefined) refuse(lacking);
  const left = await fittingMtu(host, network.name, { address, told: underlayMtu, encrypted });
  if (left < mtu) refuse(`its packets of ${mtu} bytes do not fit, there is room for ${left}`);
  const namespace = `vethwork-${network.id.slice(0, 12)}-${randomBytes(4).toString("hex")}`;
  return { namespace, mac: randomMac(), local: canonical(address) };
}
