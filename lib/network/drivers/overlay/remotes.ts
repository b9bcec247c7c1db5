// What a host's part of a network knows of endpoints on other hosts: which host has which MAC
// address, and which MAC address an IP address has. It knows what it is told, and nothing else.
//
// The VXLAN is the network's alone: every entry of it that nobody told is a left-over, whoever made
// it, so entries need no mark of ours. Permanent neighbours do not count towards the limit of the
// neighbour table (net/core/neighbour.c, `neigh_alloc()`).

import type { Namespace } from "../../../rtnl/namespace.ts";
import {
  type FdbEntry,
  listFdbEntries,
  listNeighbours,
  type Neighbour,
  removeFdbEntry,
  removeNeighbour,
  replaceFdbEntry,
  replaceNeighbour,
} from "../../../rtnl/neighbour.ts";
import { allEnded } from "../../../values/all-ended.ts";
import { groupBy } from "../../../values/group.ts";
import { NetworkError } from "../../errors.ts";
import type { Network } from "../../model.ts";
import type { Finding, Remote } from "../driver.ts";
import { inspectSecrets } from "./encryption.ts";
import { isCode, unlessGone } from "./refusals.ts";
import { findSegment, names } from "./segment.ts";
import { canonical, partSettings } from "./settings.ts";

/** What is to be known. */
interface Knowledge {
  /** The host of each MAC address. */
  readonly hosts: ReadonlyMap<string, string>;
  /** The MAC address of each IP address. */
  readonly macs: ReadonlyMap<string, string>;
}

/** What there is, and what it takes to make it what it is to be. */
interface Difference {
  /** Addresses, MAC and IP, that are unknown or known otherwise. */
  readonly missing: readonly string[];
  /** Those that are known and nobody told of. */
  readonly besides: readonly string[];
  readonly works: readonly (() => Promise<void>)[];
}

const link = { name: names.vxlan };

/** Of two that claim one address the later one has it. Endpoints of this host are no remotes. */
function knowledgeOf({ local }: { readonly local: string }, remotes: readonly Remote[]): Knowledge {
  const hosts = new Map<string, string>();
  const macs = new Map<string, string>();
  for (const { host, addresses, mac: text } of remotes) {
    const mac = text?.toLowerCase();
    const address = canonical(host);
    if (mac === undefined || address === local) continue;
    hosts.set(mac, address);
    for (const one of addresses) macs.set(canonical(one), mac);
  }
  return { hosts, macs };
}

/** Sends to a MAC address by a host, and by it alone. */
async function tellHost(inside: Namespace, address: string, remote: string): Promise<void> {
  await replaceFdbEntry(inside, link, { address, remote, state: "permanent" });
}

async function tellMac(inside: Namespace, address: string, linkAddress: string): Promise<void> {
  await replaceNeighbour(inside, link, { address, linkAddress, state: "permanent" });
}

/** Without a remote, the whole entry is meant, however many it has. */
async function forgetHost(inside: Namespace, address: string): Promise<void> {
  await unlessGone(removeFdbEntry(inside, link, { address }));
}

async function forgetMac(inside: Namespace, address: string): Promise<void> {
  await unlessGone(removeNeighbour(inside, link, { address }));
}

/** An entry like ours: one remote, with the VXLAN's own port and number. */
function isPlain({ state, destinationPort, vni, nexthopId, remote }: FdbEntry): boolean {
  const given = destinationPort ?? vni ?? nexthopId;
  return state === "permanent" && given === undefined && remote !== undefined;
}

/** Neighbours that a MAC address is known of; not the groups, whose addresses are computed. */
function isKnown({ linkAddress }: Neighbour): boolean {
  return linkAddress !== undefined && (Number.parseInt(linkAddress.slice(0, 2), 16) & 1) === 0;
}

async function differenceOf(inside: Namespace, { hosts, macs }: Knowledge): Promise<Difference> {
  const [fdb, neighbours] = await Promise.all([
    listFdbEntries(inside, { link }),
    listNeighbours(inside, { link }),
  ]);
  const parts = [hostsDifference(inside, hosts, fdb), macsDifference(inside, macs, neighbours)];
  return {
    missing: parts.flatMap(({ missing }) => missing),
    besides: parts.flatMap(({ besides }) => besides),
    works: parts.flatMap(({ works }) => works),
  };
}

function hostsDifference(
  inside: Namespace,
  hosts: Knowledge["hosts"],
  fdb: readonly FdbEntry[],
): Difference {
  const own = fdb.filter(({ flags }) => flags.includes("self"));
  const entries = groupBy(own, ({ address }) => address);
  const wrong = [...hosts].flatMap(([mac, host]) => {
    const [entry, ...more] = entries.get(mac) ?? [];
    const replaceable = entry === undefined || (isPlain(entry) && more.length === 0);
    return replaceable && entry?.remote === host ? [] : [{ mac, host, replaceable }];
  });
  const besides = [...entries.keys()].filter((mac) => !hosts.has(mac));
  const tell = wrong.map(({ mac, host, replaceable }) => async () => {
    // The kernel replaces one of several remotes, and no group of next hops.
    if (!replaceable) await forgetHost(inside, mac);
    await tellHost(inside, mac, host);
  });
  const forget = besides.map((mac) => () => forgetHost(inside, mac));
  return { missing: wrong.map(({ mac }) => mac), besides, works: [...tell, ...forget] };
}

function macsDifference(
  inside: Namespace,
  macs: Knowledge["macs"],
  neighbours: readonly Neighbour[],
): Difference {
  const known = new Map(neighbours.filter(isKnown).map((one) => [one.address, one]));
  const wrong = [...macs].filter(([address, mac]) => {
    const found = known.get(address);
    return found?.state !== "permanent" || found.linkAddress !== mac;
  });
  const besides = [...known.keys()].filter((address) => !macs.has(address));
  const tell = wrong.map(
    ([address, mac]) =>
      () =>
        tellMac(inside, address, mac),
  );
  const forget = besides.map((address) => () => forgetMac(inside, address));
  return { missing: wrong.map(([address]) => address), besides, works: [...tell, ...forget] };
}

/** So many calls travel together: enough to share the way, few enough to be held in memory. */
const atOnce = 1000;

async function inTurns(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (let n = 0; n < works.length; n += atOnce) {
    await allEnded(works.slice(n, n + atOnce).map((work) => work()));
  }
}

async function segmentOf(part: Network): Promise<Namespace> {
  const found = await findSegment(part);
  if (found !== undefined) return found;
  const reason = `its namespace ${partSettings(part).namespace} is gone`;
  const details = { operation: "setRemotes", subject: part.name, reason };
  throw new NetworkError("DRIVER_FAILED", details);
}

/** Makes these, and no others, what is known; what is known already is left alone. */
export async function setRemotes(
  _host: Namespace,
  part: Network,
  remotes: readonly Remote[],
): Promise<void> {
  await using inside = await segmentOf(part);
  const { works } = await differenceOf(inside, knowledgeOf(partSettings(part), remotes));
  await inTurns(works);
}

/**
 * What comes is told without a look at what there is. What goes is forgotten only as far as it is
 * still known like that: of an endpoint that is on another host by now, or an address that another
 * has, nothing is.
 */
export async function changeRemotes(
  _host: Namespace,
  part: Network,
  { come, gone }: { readonly come: readonly Remote[]; readonly gone: readonly Remote[] },
): Promise<void> {
  const { hosts, macs } = knowledgeOf(partSettings(part), come);
  const old = knowledgeOf(partSettings(part), gone);
  await using inside = await segmentOf(part);
  if (old.hosts.size > 0) await forget(inside, old, { hosts, macs });
  await inTurns([
    ...[...hosts].map(
      ([mac, host]) =>
        () =>
          tellHost(inside, mac, host),
    ),
    ...[...macs].map(
      ([address, mac]) =>
        () =>
          tellMac(inside, address, mac),
    ),
  ]);
}

async function forget(inside: Namespace, old: Knowledge, come: Knowledge): Promise<void> {
  // The kernel says of a removal that it was done, also if the entry leads to another host.
  const [fdb, known] = await Promise.all([
    listFdbEntries(inside, { link }),
    listNeighbours(inside, { link }),
  ]);
  const left = new Set(
    fdb.flatMap(({ address, remote = "" }) => (old.hosts.get(address) === remote ? address : [])),
  );
  const stale = known.filter(({ address, linkAddress = "" }) => {
    const isTheirs = left.has(linkAddress) && old.macs.get(address) === linkAddress;
    return isTheirs && !come.macs.has(address);
  });
  const gone = [...left].filter((mac) => !come.hosts.has(mac));
  await inTurns([
    ...gone.map((address) => () => forgetHost(inside, address)),
    ...stale.map(
      ({ address }) =>
        () =>
          forgetMac(inside, address),
    ),
  ]);
}

/** The first few of many, and how many there are besides. */
function some(all: readonly string[]): string {
  const shown = all.slice(0, 3).join(", ");
  return all.length > 3 ? `${shown} and ${all.length - 3} more` : shown;
}

/** What is not known, or known otherwise, and what is known besides. */
export async function inspectRemotes(
  host: Namespace,
  part: Network,
  remotes: readonly Remote[],
): Promise<Finding[]> {
  const knowledge = knowledgeOf(partSettings(part), remotes);
  const { missing, besides } = await lookAt(part, knowledge);
  const subject = `network ${JSON.stringify(part.name)}`;
  const repair = () => setRemotes(host, part, remotes);
  const findings = await inspectSecrets(host, part, remotes);
  if (missing.length > 0) {
    const problem = `it does not know as planned where on other hosts ${some(missing)} is`;
    findings.push({ subject, problem, remedy: "it is told", repair });
  }
  if (besides.length > 0) {
    const problem = `it knows ${some(besides)} on other hosts, which is not there`;
    findings.push({ subject, problem, remedy: "that is forgotten", repair });
  }
  return findings;
}

/** Nothing is known where the VXLAN is gone. */
async function lookAt(part: Network, knowledge: Knowledge): Promise<Omit<Difference, "works">> {
  const nothing = { missing: [...knowledge.hosts.keys()], besides: [] };
  await using inside = await findSegment(part);
  if (inside === undefined) return nothing;
  return await differenceOf(inside, knowledge).catch((error: unknown) => {
    if (!isCode(error, "ENODEV")) throw error;
    return nothing;
  });
}
