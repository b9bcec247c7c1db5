// What makes the packets between hosts unreadable: ESP around what the VXLANs of a UDP port send.
//
// The kernel is told two policies for each port of a host's address: what is sent to the port is ESP,
// and what comes for it was. They name no other host, so that a packet for which there is no secret is
// dropped, in either direction, and none ever leaves as it is. Secrets come and go with the hosts: two
// states for each, one a direction.
//
// All networks of one port share all of it. The states and policies of a port are known by a number
// that they have in common, `reqid`, which daemons that negotiate keys count up from 1.

import { hkdfSync } from "node:crypto";
import type { Namespace } from "../../../rtnl/namespace.ts";
import { allEnded } from "../../../values/all-ended.ts";
import {
  type EspPolicy,
  listEspPolicies,
  removeEspPolicy,
  setEspPolicy,
} from "../../../xfrm/policy.ts";
import {
  addEspState,
  type EspKey,
  type EspState,
  listEspStates,
  removeEspState,
} from "../../../xfrm/state.ts";
import type { Network } from "../../model.ts";
import type { Encryption, Finding, Peer, Remote } from "../driver.ts";
import { subjectOf, unmendable } from "../links.ts";
import { unlessGone } from "./refusals.ts";
import { canonical, familyOf, type PartSettings, partSettings } from "./settings.ts";

/** "Ve" before the port: far from what others count. */
const firstReqid = 0x5665_0000;

/** Before the policies that people have for whole hosts, which are given thousands. */
const priority = 100;

/** Bytes of a key with its salt, and of the number by which a state is found. */
const lengths = { key: 36, spi: 4 } as const;

const reqidOf = ({ port }: PartSettings): number => firstReqid + port;

function policiesOf(settings: PartSettings): [EspPolicy, EspPolicy] {
  const { local, port } = settings;
  const common = { family: familyOf(local), port, reqid: reqidOf(settings), priority } as const;
  return [
    { ...common, direction: "out", source: local },
    { ...common, direction: "in", destination: local },
  ];
}

/** Has the kernel take and send nothing at the port of an encrypted part but ESP. */
export async function closePort(host: Namespace, part: Network): Promise<void> {
  const settings = partSettings(part);
  if (settings.encrypted !== true) return;
  await allEnded(policiesOf(settings).map((policy) => setEspPolicy(host, policy)));
}

/** Takes away what the kernel was told of a port, unless other networks have it, too. */
export async function openPort(
  host: Namespace,
  part: Network,
  others: readonly Network[],
): Promise<void> {
  const settings = partSettings(part);
  const stays = others.some((other) => encryption.scope(other) === encryption.scope(part));
  if (settings.encrypted !== true || stays) return;
  // The states first: without them nothing passes, whatever the policies are.
  const states = await statesHere(host, settings);
  await allEnded(states.map((state) => unlessGone(removeEspState(host, state))));
  await allEnded(policiesOf(settings).map((policy) => unlessGone(removeEspPolicy(host, policy))));
}

async function statesHere(host: Namespace, settings: PartSettings): Promise<EspState[]> {
  const { local } = settings;
  const all = await listEspStates(host, reqidOf(settings));
  return all.filter(({ source, destination }) => source === local || destination === local);
}

/** One direction between two hosts: both of them come to the same. */
function stateOf(
  settings: PartSettings,
  secret: Uint8Array,
  [source, destination]: readonly [string, string],
): EspState & EspKey {
  const purpose = `ESP port ${settings.port} from ${source} to ${destination}`;
  const bytes = new Uint8Array(hkdfSync("sha256", secret, "", purpose, lengths.key + lengths.spi));
  const number = new DataView(bytes.buffer).getUint32(lengths.key);
  // The first bits keep it from the reserved ones and from those that daemons give, 0xc0000000 on.
  const spi = (number & 0x3fff_ffff) | 0x4000_0000;
  return {
    source,
    destination,
    spi,
    reqid: reqidOf(settings),
    key: bytes.subarray(0, lengths.key),
  };
}

/** The states that there are to be: two for each host of the family, others being out of reach. */
function plannedStates(settings: PartSettings, peers: readonly Peer[]): (EspState & EspKey)[] {
  const { local } = settings;
  return peers
    .map(({ address, secret }) => ({ address: canonical(address), secret }))
    .filter(({ address }) => familyOf(address) === familyOf(local) && address !== local)
    .flatMap(({ address, secret }) => [
      stateOf(settings, secret, [address, local]),
      stateOf(settings, secret, [local, address]),
    ]);
}

const keyOf = ({ destination, spi }: EspState): string => `${destination} ${spi}`;

async function difference(host: Namespace, part: Network, peers: readonly Peer[]) {
  const settings = partSettings(part);
  const planned = plannedStates(settings, peers);
  const there = await statesHere(host, settings);
  const [wanted, known] = [planned, there].map((states) => new Set(states.map(keyOf)));
  return {
    missing: planned.filter((state) => !known?.has(keyOf(state))),
    besides: there.filter((state) => !wanted?.has(keyOf(state))),
  };
}

/** What the driver does so that the packets of a network are for its hosts alone. */
export const encryption: Encryption = {
  scope: (network) => {
    const { encrypted, port, local } = partSettings(network);
    return encrypted === true ? `UDP port ${port} of ${local}` : undefined;
  },

  async setPeers(host, part, peers) {
    await closePort(host, part);
    const { missing, besides } = await difference(host, part, peers);
    // What comes by the new ones is taken before the old ones are gone.
    await allEnded(missing.map((state) => addEspState(host, state)));
    await allEnded(besides.map((state) => unlessGone(removeEspState(host, state))));
  },

  async inspectPeers(host, part, peers) {
    const { missing, besides } = await difference(host, part, peers);
    return [
      ...(await inspectPort(host, part)).map(({ problem }) => problem),
      ...missing.map(({ source, destination }) => `no ESP from ${source} to ${destination}`),
      ...besides.map(({ source, destination }) => `another ESP from ${source} to ${destination}`),
    ];
  },
};

/** What of the policies of a part is not as planned. */
export async function inspectPort(host: Namespace, part: Network): Promise<Finding[]> {
  const settings = partSettings(part);
  if (settings.encrypted !== true) return [];
  const there = await listEspPolicies(host, reqidOf(settings));
  const missing = policiesOf(settings).filter(
    (policy) => !there.some((one) => isSame(one, policy)),
  );
  const way = { in: "takes", out: "sends" } as const;
  return missing.map(({ direction, port }) => ({
    subject: subjectOf(part),
    problem: `the host ${way[direction]} packets of UDP port ${port} that are not encrypted`,
    remedy: "it does so no more",
    repair: () => closePort(host, part),
  }));
}

function isSame(one: EspPolicy, other: EspPolicy): boolean {
  const properties = ["direction", "family", "source", "destination", "port", "priority"] as const;
  return properties.every((property) => one[property] === other[property]);
}

/** The hosts with endpoints that nothing can be sent to, for want of a secret. */
export async function inspectSecrets(
  host: Namespace,
  part: Network,
  remotes: readonly Remote[],
): Promise<Finding[]> {
  const settings = partSettings(part);
  if (settings.encrypted !== true) return [];
  const reached = new Set((await statesHere(host, settings)).map(({ destination }) => destination));
  const hosts = new Set(remotes.map((remote) => canonical(remote.host)));
  hosts.delete(settings.local);
  const unreached = [...hosts].filter((address) => !reached.has(address));
  return unreached.map((address) => {
    const problem = `the host shares no secret with the host ${address}`;
    return unmendable(subjectOf(part), problem, "the process that keeps the host's place does it");
  });
}
