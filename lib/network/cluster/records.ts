// What hosts that share a store tell each other: which record is where, and what it says.
//
//   cluster/hosts/NAME                 a host that is there, by its controller's name
//   cluster/networks/ID                a network across hosts
//   cluster/names/NAME                 the id of the network that has the name
//   cluster/numbers/DRIVER/NUMBER      the id of the network that has the number
//   cluster/members/NETWORK/ENDPOINT   an endpoint, as others have to know it
//   cluster/blocks/NETWORK/SUBNET      a block of a network's addresses, and whose it is
//
// Hosts, members and blocks hang on the host's lease, and so do the addresses that were given to its
// endpoints: all of it goes when nobody renews that.

import { NetworkError } from "../errors.ts";
import type { Network, State } from "../model.ts";
import type { Json } from "../store/store.ts";

/** All keys of what hosts share begin with this. */
export const shared = "cluster/";

/**
 * The space in which networks across hosts have their subnets. A host's own has the host's name, which
 * begins with a letter or a digit.
 */
export const sharedSpace = "_cluster";

/** As whom a host's endpoint holds addresses of subnets that all hosts share. */
export function holderOf(host: string, endpoint: string): string {
  return `${host}/${endpoint}`;
}

/** A host that is there. */
export interface Host {
  /** The name of its controllers. */
  readonly name: string;
  /** By which other hosts reach it. */
  readonly address: string;
  /** On which hangs what it tells. */
  readonly lease: string;
  /** How often a controller has taken the host's place: whoever has the highest has it. */
  readonly term: number;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** What others need to share a secret with it: half of the key that its controller has. */
  readonly publicKey?: string;
  /** Whoever kept the place does so no more: another controller of the host can have it at once. */
  readonly left?: true;
}

/** A network across hosts, how far it is, and which host brings it further. */
export interface Whole {
  readonly state: State;
  readonly by: string;
  readonly network: Network;
}

/** An endpoint as other hosts have to know it. */
export interface Member {
  /** The endpoint's id. */
  readonly id: string;
  /** The network's id. */
  readonly network: string;
  /** The host's name, and the address by which others reach it. */
  readonly host: string;
  readonly hostAddress: string;
  readonly sandbox: { readonly id: string; readonly name: string; readonly hostname: string };
  readonly mac: string;
  /** With prefix lengths, IPv4 first. */
  readonly addresses: readonly string[];
  readonly aliases: readonly string[];
}

/** A block of a network's addresses that a host gives to its own endpoints. */
export interface LeasedBlock {
  /** The network's id. */
  readonly network: string;
  /** `"10.5.1.0/24"` */
  readonly subnet: string;
  readonly host: string;
  readonly hostAddress: string;
}

/** The records by their collections. */
export interface Records {
  hosts: Host;
  networks: Whole;
  members: Member;
  blocks: LeasedBlock;
}

export type RecordName = keyof Records;

const collections: readonly string[] = [
  ...["hosts", "networks", "members", "blocks"],
] satisfies string[];

/** Where records are. */
export const places = {
  host: (name: string): string => `${shared}hosts/${name}`,
  network: (id: string): string => `${shared}networks/${id}`,
  name: (name: string): string => `${shared}names/${name}`,
  number: (driver: string, number: number): string => `${shared}numbers/${driver}/${number}`,
  numbers: (driver: string): string => `${shared}numbers/${driver}/`,
  members: (network: string): string => `${shared}members/${network}/`,
  member: ({ network, id }: Pick<Member, "network" | "id">): string =>
    `${shared}members/${network}/${id}`,
  blocks: (network: string): string => `${shared}blocks/${network}/`,
  block: ({ network, subnet }: Pick<LeasedBlock, "network" | "subnet">): string =>
    `${shared}blocks/${network}/${subnet}`,
};

/** Which record a key has; `undefined` for what only keeps others from taking the same. */
export function recordAt(key: string): RecordName | undefined {
  const [collection = ""] = key.slice(shared.length).split("/");
  return collections.includes(collection) ? (collection as RecordName) : undefined;
}

/** A record to be put. */
export function written(record: Records[RecordName]): Json {
  // Without the properties that are undefined: the store keeps JSON.
  return JSON.parse(JSON.stringify(record)) as Json;
}

/** What each record has at least. */
const required: { readonly [N in RecordName]: readonly (keyof Records[N])[] } = {
  hosts: ["name", "address", "lease", "term"],
  networks: ["state", "by", "network"],
  members: ["id", "network", "host", "hostAddress", "sandbox", "mac", "addresses"],
  blocks: ["network", "subnet", "host", "hostAddress"],
};

/**
 * What a record says.
 *
 * @throws {NetworkError} `STORE_CORRUPT` if it was not written by this library.
 */
export function read<N extends RecordName>(noun: N, key: string, value: Json): Records[N] {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isRecord && required[noun].every((name) => String(name) in value)) {
    return value as unknown as Records[N];
  }
  const reason = "the record is not of this library";
  throw new NetworkError("STORE_CORRUPT", { operation: "readCluster", subject: key, reason });
}
