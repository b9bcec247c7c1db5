// The table of the host, chain by chain: what the firewall makes of networks and published ports.
//
//   prerouting, output   for this host → published: sent on by what the maps say
//   guard                from a bridge to 127.0.0.0/8: dropped
//   forward              in by a bridge → out of its network; out by a bridge → into its network
//   postrouting          from loopback, back to where it came from, or out by a bridge: masqueraded
//
// A network is one element in each of four maps, which jump to four chains of its own; a published
// port is one element of one map. So the way of a packet is as long with a thousand networks as with
// one, and whatever is added or removed is a batch of a few messages.

import { isIPv6 } from "node:net";
import { protocols } from "../../netfilter/data.ts";
import {
  decide,
  decideBy,
  destinationPort,
  differs,
  type Expression,
  equals,
  inputLink,
  inSet,
  ip6Destination,
  ip6Source,
  ipDestination,
  ipSource,
  isAnswer,
  isForThisHost,
  isTranslated,
  masquerade,
  outputLink,
  protocol,
  rule,
  translateBy,
  version,
  versions,
  within,
} from "../../netfilter/rule.ts";
import type { ChainHook, SetElement, SetShape } from "../../netfilter/ruleset.ts";

/** What the firewall needs of a network on a bridge of the host. */
export interface FirewalledNetwork {
  /** Hex digits; the first twelve name its chains. */
  readonly id: string;
  /** The bridge's name. */
  readonly link: string;
  readonly subnets: readonly string[];
  /** All of a network of which this host has but the subnets: what other hosts have is of it, too. */
  readonly whole?: readonly string[];
  /** Whether what leaves it looks as if it came from the host. */
  readonly masquerade: boolean;
  /** Whether nothing gets in or out. */
  readonly internal: boolean;
  /** Whether its endpoints may reach each other. */
  readonly icc: boolean;
}

/** A published port. */
export interface PublishedPort {
  readonly protocol: "tcp" | "udp";
  /** `"0.0.0.0"`, `"::"`, or one address. */
  readonly hostAddress: string;
  readonly hostPort: number;
  /** The endpoint's address and port. */
  readonly address: string;
  readonly port: number;
  /** {@link FirewalledNetwork.id} */
  readonly network: string;
}

/** A chain with its rules. */
export interface ChainShape {
  readonly chain: string;
  readonly hook?: ChainHook;
  readonly rules: readonly Expression[][];
}

/** An element, and of which set or map. */
export interface PlacedElement {
  readonly shape: SetShape;
  readonly element: SetElement;
}

const bridges: SetShape = { set: "bridges", key: ["ifname"] };
const into: SetShape = { set: "into", key: ["ifname"], data: ["verdict"] };
const outOf: SetShape = { set: "out-of", key: ["ifname"], data: ["verdict"] };
const arriving: SetShape = { set: "arriving", key: ["ifname"], data: ["verdict"] };
const leaving: SetShape = { set: "leaving", key: ["ifname"], data: ["verdict"] };

/** Ports on all addresses of the host, and on one, for each family. */
const ports4: SetShape = {
  set: "ports4",
  key: ["inet_proto", "inet_service"],
  data: ["ipv4_addr", "inet_service"],
};
const portsAt4: SetShape = {
  set: "ports4-at",
  key: ["ipv4_addr", "inet_proto", "inet_service"],
  data: ["ipv4_addr", "inet_service"],
};
const ports6: SetShape = {
  set: "ports6",
  key: ["inet_proto", "inet_service"],
  data: ["ipv6_addr", "inet_service"],
};
const portsAt6: SetShape = {
  set: "ports6-at",
  key: ["ipv6_addr", "inet_proto", "inet_service"],
  data: ["ipv6_addr", "inet_service"],
};

/** All sets and maps of the table. */
export const sets: readonly SetShape[] = [
  ...[bridges, into, outOf, arriving, leaving],
  ...[ports4, portsAt4, ports6, portsAt6],
];

/** Those of the published ports. */
export const portMaps: readonly SetShape[] = [ports4, portsAt4, ports6, portsAt6];

/** IPv4 packets only, or IPv6. */
const isIpv4 = equals(version, versions.ip);
const isIpv6 = equals(version, versions.ip6);

/** The chains that are there once, with the table; those that are jumped to come first. */
export const commonChains: readonly ChainShape[] = [
  {
    chain: "published",
    rules: [
      rule(isIpv4, translateBy("ip", [ipDestination, protocol, destinationPort], portsAt4.set)),
      rule(isIpv4, translateBy("ip", [protocol, destinationPort], ports4.set)),
      rule(isIpv6, translateBy("ip6", [ip6Destination, protocol, destinationPort], portsAt6.set)),
      rule(isIpv6, translateBy("ip6", [protocol, destinationPort], ports6.set)),
    ],
  },
  {
    chain: "prerouting",
    hook: { type: "nat", hook: "prerouting", priority: -100, policy: "accept" },
    rules: [rule(isForThisHost(), decide({ verdict: "jump", chain: "published" }))],
  },
  {
    chain: "output",
    hook: { type: "nat", hook: "output", priority: -100, policy: "accept" },
    rules: [
      // From there nothing gets out of the host: who asks is to hear that at once.
      rule(isIpv6, equals(ip6Destination, "::1"), decide({ verdict: "accept" })),
      rule(isForThisHost(), decide({ verdict: "jump", chain: "published" })),
    ],
  },
  {
    // Before connections are looked up, so that answers to the host's own are still what they were.
    chain: "guard",
    hook: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
    rules: [
      rule(
        inSet([inputLink], bridges.set),
        isIpv4,
        within(ipDestination, "127.0.0.0/8"),
        decide({ verdict: "drop" }),
      ),
    ],
  },
  {
    chain: "forward",
    hook: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
    // What may not get out is not to get into another network either, as published ports do.
    rules: [rule(decideBy([inputLink], outOf.set)), rule(decideBy([outputLink], into.set))],
  },
  {
    chain: "postrouting",
    hook: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
    rules: [
      rule(isIpv4, within(ipSource, "127.0.0.0/8"), isTranslated(), masquerade()),
      rule(decideBy([outputLink], arriving.set)),
      rule(decideBy([inputLink], leaving.set)),
    ],
  },
];

function nameOf(verb: string, { id }: Pick<FirewalledNetwork, "id">): string {
  return `${verb}-${id.slice(0, 12)}`;
}

const accept = decide({ verdict: "accept" });
const drop = decide({ verdict: "drop" });

/** Goes on if a packet is from a prefix. */
function isFrom(prefix: string): Expression[] {
  return isIPv6(prefix.split("/")[0] ?? "")
    ? [...isIpv6, ...within(ip6Source, prefix)]
    : [...isIpv4, ...within(ipSource, prefix)];
}

/** Goes on if a packet is to a prefix. */
function isTo(prefix: string): Expression[] {
  return isIPv6(prefix.split("/")[0] ?? "")
    ? [...isIpv6, ...within(ip6Destination, prefix)]
    : [...isIpv4, ...within(ipDestination, prefix)];
}

/** Lets in what the other hosts have of a network; no other network of this host can feign to be that. */
function fromOtherHosts({ whole = [], icc }: FirewalledNetwork): Expression[][] {
  if (whole.length === 0 || !icc) return [];
  const fromBridge = rule(inSet([inputLink], bridges.set), drop);
  return [fromBridge, ...whole.map((prefix) => rule(isFrom(prefix), accept))];
}

/** The chains of one network. */
export function chainsOf(network: FirewalledNetwork): ChainShape[] {
  const { link, subnets, whole = [], internal, icc } = network;
  const fromItself = equals(inputLink, link);
  const elsewhere = differs(outputLink, link);
  const fromSubnets = subnets.map(isFrom);
  // What goes to another host's part stays in the network.
  const toOtherHosts = whole.map((prefix) => rule(isTo(prefix), decide({ verdict: "return" })));
  return [
    {
      chain: nameOf("into", network),
      rules: [
        rule(isAnswer(), accept),
        ...(icc ? [rule(fromItself, accept)] : []),
        ...(internal ? [] : [rule(isTranslated(), accept)]),
        ...fromOtherHosts(network),
        drop,
      ],
    },
    {
      chain: nameOf("out-of", network),
      rules: internal ? [...toOtherHosts, rule(elsewhere, drop)] : [],
    },
    {
      // From one endpoint to another, or itself, by way of the host's address: the answer has to
      // come back by the host, too. Where the kernel shows bridged packets to this table, it does
      // not say here by which bridge they came.
      chain: nameOf("arriving", network),
      rules: internal ? [] : fromSubnets.map((from) => rule(from, isTranslated(), masquerade())),
    },
    {
      chain: nameOf("leaving", network),
      rules:
        internal || !network.masquerade
          ? []
          : [...toOtherHosts, ...fromSubnets.map((from) => rule(from, elsewhere, masquerade()))],
    },
  ];
}

/** Where one network's bridge is in the maps. */
export function elementsOf(network: FirewalledNetwork): PlacedElement[] {
  const key = [network.link];
  const jump = (verb: string) => ({ verdict: "jump", chain: nameOf(verb, network) }) as const;
  return [
    { shape: bridges, element: { key } },
    { shape: into, element: { key, data: jump("into") } },
    { shape: outOf, element: { key, data: jump("out-of") } },
    { shape: arriving, element: { key, data: jump("arriving") } },
    { shape: leaving, element: { key, data: jump("leaving") } },
  ];
}

/** Whether an address stands for all that the host has of its family. */
export function isEveryAddress(hostAddress: string): boolean {
  return hostAddress === "0.0.0.0" || hostAddress === "::";
}

/** The element of a published port. */
export function elementOf(port: PublishedPort): PlacedElement {
  const six = isIPv6(port.hostAddress);
  const any = isEveryAddress(port.hostAddress);
  const place = [protocols[port.protocol], port.hostPort];
  const key = any ? place : [port.hostAddress, ...place];
  const ofFamily = six ? { any: ports6, at: portsAt6 } : { any: ports4, at: portsAt4 };
  const shape = any ? ofFamily.any : ofFamily.at;
  return { shape, element: { key, data: [port.address, port.port] } };
}
