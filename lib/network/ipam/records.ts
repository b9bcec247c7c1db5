// How address management is written down: which keys of the store hold what.
//
//   PREFIX turn                       put by every change of the subnets, so that there is one at a
//                                     time; has the prefix from which IPv6 subnets are taken
//   PREFIX subnets/SUBNET             a subnet
//   PREFIX held/SUBNET/ADDRESS        who holds an address
//   PREFIX released/SUBNET/ADDRESS    that an address was released, by the commit of its revision
//
// A subnet's text has one slash in it, an address's none. What belongs to one host alone, as parts of
// a subnet that are leased to it, has its place beside these.

import { NetworkError } from "../errors.ts";
import type { Json } from "../store/store.ts";
import type { Subnet } from "./subnet.ts";

/** The keys of all spaces begin with this. */
export const everyAddressSpace = "ipam/";

/** The keys of one space. */
export class Keys {
  /** With what all begin. */
  readonly prefix: string;
  readonly turn: string;

  constructor(space: string) {
    this.prefix = `${everyAddressSpace}${space}/`;
    this.turn = `${this.prefix}turn`;
  }

  subnet(subnet: string): string {
    return `${this.prefix}subnets/${subnet}`;
  }

  held(subnet: string, address = ""): string {
    return `${this.prefix}held/${subnet}/${address}`;
  }

  released(subnet: string, address = ""): string {
    return `${this.prefix}released/${subnet}/${address}`;
  }

  /** What a key is about. */
  parse(key: string): { kind: string; subnet: string; address: string } {
    const [kind = "", network = "", length = "", address = ""] = key
      .slice(this.prefix.length)
      .split("/");
    return { kind, subnet: `${network}/${length}`, address };
  }
}

function corrupt(key: string): never {
  const reason = "the record is not in order";
  throw new NetworkError("STORE_CORRUPT", { operation: "ipam", subject: key, reason });
}

/** The members of a record. */
function membersOf(key: string, value: Json): Readonly<Record<string, Json>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return corrupt(key);
  return value as Readonly<Record<string, Json>>;
}

function textOf(key: string, value: Json | undefined): string {
  return typeof value === "string" ? value : corrupt(key);
}

/** The subnet that a record is of. */
export function readSubnet(key: string, value: Json): Subnet {
  const record = membersOf(key, value);
  const auxiliary = Object.entries(membersOf(key, record.auxiliary ?? null));
  const strategy = record.strategy === "lowest" || record.strategy === "least-recently-used";
  return {
    subnet: textOf(key, record.subnet),
    holder: textOf(key, record.holder),
    range: textOf(key, record.range),
    ...(record.gateway === undefined ? {} : { gateway: textOf(key, record.gateway) }),
    auxiliary: Object.fromEntries(auxiliary.map(([name, at]) => [name, textOf(key, at)])),
    strategy: strategy ? (record.strategy as Subnet["strategy"]) : corrupt(key),
  };
}

export function writeSubnet(subnet: Subnet): Json {
  return { ...subnet };
}

export function writeHolder(holder: string): Json {
  return { holder };
}

/** Who holds an address. */
export function readHolder(key: string, value: Json): string {
  return textOf(key, membersOf(key, value).holder);
}

export function writeTurn(uniqueLocal: string): Json {
  return { uniqueLocal };
}

/** The prefix from which IPv6 subnets are taken. */
export function readTurn(key: string, value: Json): string {
  return textOf(key, membersOf(key, value).uniqueLocal);
}
