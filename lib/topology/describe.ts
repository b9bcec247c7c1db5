// Reads namespaces into one plain value: what there is, and what is joined with what.

import { invalidArgument, objectArgument } from "../errors.ts";
import { listAddresses } from "../rtnl/address.ts";
import { type Link, listLinks } from "../rtnl/link.ts";
import { getNamespaceId, Namespace } from "../rtnl/namespace.ts";
import { listRoutes } from "../rtnl/route.ts";

/** A link of a topology. */
export interface TopologyLink {
  readonly index: number;
  readonly name: string;
  /** Its kind; absent for `lo` and hardware. */
  readonly kind?: string;
  readonly mac?: string;
  readonly mtu: number;
  readonly up: boolean;
  /** The name of the link that it is a port of. */
  readonly master?: string;
  /** The name of the link in the same namespace that it is made upon. */
  readonly parent?: string;
  /** Its addresses with their prefixes. */
  readonly addresses: readonly string[];
}

/** A route of the main table. */
export interface TopologyRoute {
  readonly to: string;
  readonly via?: string;
  /** The name of the link. */
  readonly device?: string;
}

/** A namespace of a topology. */
export interface TopologyNamespace {
  readonly label: string;
  readonly inode: number;
  readonly links: readonly TopologyLink[];
  readonly routes: readonly TopologyRoute[];
}

/** One end of a wire: a namespace by its label, and a link by its name. */
export interface TopologyEnd {
  readonly namespace: string;
  readonly link: string;
}

/** A veth pair, or one end of it and `null` if the other is in a namespace that was not given. */
export interface TopologyWire {
  readonly ends: readonly [TopologyEnd, TopologyEnd | null];
}

/** A bridge and its ports. */
export interface TopologyBridge {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly string[];
}

/** What there is: a plain value, which JSON can carry. */
export interface Topology {
  readonly namespaces: readonly TopologyNamespace[];
  readonly bridges: readonly TopologyBridge[];
  readonly wires: readonly TopologyWire[];
}

/** Namespaces: those whose names are their labels, or by labels of your own. */
export type TopologyInput = readonly Namespace[] | Readonly<Record<string, Namespace>>;

/** A namespace while it is read. */
interface Reading {
  readonly namespace: Namespace;
  readonly links: readonly Link[];
  readonly described: TopologyNamespace;
}

function labelled(input: TopologyInput): [string, Namespace][] {
  objectArgument("namespaces", input);
  const entries: [string, Namespace][] = Array.isArray(input)
    ? input.map((namespace, position) => [labelOf(namespace, position), namespace])
    : Object.entries(input as Readonly<Record<string, Namespace>>);
  const labels = new Set<string>();
  for (const [label, namespace] of entries) {
    if (!(namespace instanceof Namespace)) {
      throw invalidArgument("type", `namespaces.${label}`, "must be a Namespace");
    }
    if (labels.has(label)) {
      throw invalidArgument("range", `namespaces.${label}`, "is there twice; give labels");
    }
    labels.add(label);
  }
  return entries;
}

function labelOf(namespace: unknown, position: number): string {
  if (!(namespace instanceof Namespace)) return `[${position}]`;
  return namespace.name ?? `net:[${namespace.inode}]`;
}

function linkOf(link: Link, names: ReadonlyMap<number, string>, addresses: readonly string[]) {
  const master = link.master === undefined ? undefined : names.get(link.master);
  const local = link.parentNamespaceId === undefined ? link.parent : undefined;
  const parent = local === undefined ? undefined : names.get(local);
  return {
    index: link.index,
    name: link.name,
    ...(link.kind !== undefined && { kind: link.kind }),
    ...(link.address !== undefined && { mac: link.address }),
    mtu: link.mtu,
    up: link.up,
    ...(master !== undefined && { master }),
    ...(parent !== undefined && { parent }),
    addresses,
  };
}

/** Link-local IPv6 addresses, which every link has, tell nothing. */
async function addressesByLink(namespace: Namespace): Promise<Map<number, string[]>> {
  const byLink = new Map<number, string[]>();
  for (const { index, address, scope } of await listAddresses(namespace)) {
    if (scope === "global") byLink.set(index, [...(byLink.get(index) ?? []), address]);
  }
  return byLink;
}

async function read(label: string, namespace: Namespace): Promise<Reading> {
  const [links, addresses, routes] = await Promise.all([
    listLinks(namespace),
    addressesByLink(namespace),
    listRoutes(namespace),
  ]);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return {
    namespace,
    links,
    described: {
      label,
      inode: namespace.inode,
      links: links.map((link) => linkOf(link, names, addresses.get(link.index) ?? [])),
      routes: routes
        .filter(({ type }) => type === "unicast")
        .map(({ to, via, device }) => {
          const name = device === undefined ? undefined : names.get(device);
          return {
            to,
            ...(via !== undefined && { via }),
            ...(name !== undefined && { device: name }),
          };
        }),
    },
  };
}

/** A veth end, by what both ends know of each other. */
interface Veth {
  readonly reading: Reading;
  readonly link: Link & { readonly peerIndex: number };
}

const pairKey = (index: number, peer: number) => `${index} ${peer}`;

function isVeth(link: Link): link is Link & { kind: "veth"; peerIndex: number } {
  return link.kind === "veth" && "peerIndex" in link && typeof link.peerIndex === "number";
}

/** Whether `other` is in the namespace that `end` says its peer is in. */
async function joins(end: Veth, other: Veth): Promise<boolean> {
  const id = "peerNamespaceId" in end.link ? end.link.peerNamespaceId : undefined;
  if (id === undefined) return end.reading === other.reading;
  return (await getNamespaceId(end.reading.namespace, other.reading.namespace)) === id;
}

async function wiresOf(readings: readonly Reading[]): Promise<TopologyWire[]> {
  const veths = readings.flatMap((reading) =>
    reading.links.filter(isVeth).map((link): Veth => ({ reading, link })),
  );
  const byPair = new Map<string, Veth[]>();
  for (const veth of veths) {
    const key = pairKey(veth.link.index, veth.link.peerIndex);
    byPair.set(key, [...(byPair.get(key) ?? []), veth]);
  }
  const endOf = ({ reading, link }: Veth) => ({
    namespace: reading.described.label,
    link: link.name,
  });
  const done = new Set<Veth>();
  const wires: TopologyWire[] = [];
  for (const veth of veths) {
    if (done.has(veth)) continue;
    done.add(veth);
    const candidates = byPair.get(pairKey(veth.link.peerIndex, veth.link.index)) ?? [];
    let peer: Veth | undefined;
    for (const other of candidates) {
      if (!done.has(other) && (await joins(veth, other))) peer = other;
    }
    if (peer !== undefined) done.add(peer);
    wires.push({ ends: [endOf(veth), peer === undefined ? null : endOf(peer)] });
  }
  return wires;
}

function bridgesOf({ label, links }: TopologyNamespace): TopologyBridge[] {
  return links
    .filter(({ kind }) => kind === "bridge")
    .map(({ name }) => ({
      namespace: label,
      name,
      ports: links.filter(({ master }) => master === name).map((port) => port.name),
    }));
}

/**
 * Reads what there is in namespaces, and how veth pairs join them: links with their addresses,
 * bridges and their ports, routes of the main table. Everything is in the kernel's own order.
 *
 * ```ts
 * const topology = await describeTopology({ host, left, right });
 * ```
 *
 * Each namespace is read by three lists, at once; what changes meanwhile may be told half.
 *
 * @throws {RangeError} if two have the same label.
 * @throws {TypeError} if something is no namespace.
 */
export async function describeTopology(namespaces: TopologyInput): Promise<Topology> {
  const readings = await Promise.all(
    labelled(namespaces).map(([label, namespace]) => read(label, namespace)),
  );
  const described = readings.map((reading) => reading.described);
  return {
    namespaces: described,
    bridges: described.flatMap(bridgesOf),
    wires: await wiresOf(readings),
  };
}
