// What callers of the address management give, checked.

import { invalidArgument, objectArgument, refuseUnknown } from "../../errors.ts";
import { type Block, parseBlock } from "../../values/block.ts";
import type { Commit } from "../store/store.ts";
import { addressArgument, textOf } from "./blocks.ts";
import type { Strategy } from "./pool.ts";
import { type CheckedPool, checkedPools, defaultPools, type SubnetPool } from "./pools.ts";

/** What is there already, and is not to be overlapped: a route of the host for example. */
export interface Occupied {
  /** A prefix; host bits are passed over, and so is a default route, of length 0. */
  readonly subnet: string;
  /** What it is, for the error: `"route to eth0"`. */
  readonly name: string;
}

/** Which subnet, and how its addresses are given. */
export interface AllocateSubnetOptions {
  /** Who is to hold it: a network's name, 1 to 256 characters. */
  readonly holder: string;
  /** `"172.18.0.0/16"`. Default: the first of the pools that overlaps nothing. */
  readonly subnet?: string;
  /** Which pools there are by default: Docker's, or a unique local IPv6 prefix. Default: `inet`. */
  readonly family?: "inet" | "inet6";
  /** Where to take it from, in this order. Default: {@link defaultPools}. */
  readonly pools?: readonly SubnetPool[];
  /** A part of the subnet from which addresses are given. Default: all of it. */
  readonly range?: string;
  /** An address of the subnet, or `false` for none. Default: the first of the range. */
  readonly gateway?: string | false;
  /** Further addresses of the subnet that are given to nobody, by name. */
  readonly auxiliary?: Readonly<Record<string, string>>;
  /** Default: `lowest`. */
  readonly strategy?: Strategy;
  /** What else is not to be overlapped, such as the host's own routes. */
  readonly occupied?: readonly Occupied[];
  /** Takes a named subnet of loopback, multicast or such addresses, too. Default: false. */
  readonly allowUnusable?: boolean;
}

/** Whose subnet. */
export interface ReleaseSubnetOptions {
  readonly subnet: string;
  readonly holder: string;
}

/** Whose address, of which subnet. */
export interface AllocateAddressOptions {
  readonly subnet: string;
  /** Who is to hold it: an endpoint's id, 1 to 256 characters. It may hold several. */
  readonly holder: string;
  /** An address of the subnet, in its range or not. Default: the next of the range. */
  readonly address?: string;
  /** Whether the named one is given to a holder that has it already. Default: false. */
  readonly again?: boolean;
  /** The id of a lease of the store: the address is free when it ends. Default: none. */
  readonly lease?: string;
}

/** Which addresses, and what is to be changed in the same commit. */
export interface AllocateAddressesOptions {
  readonly requests: readonly AllocateAddressOptions[];
  /** Given the addresses; called again if others were first. */
  readonly with?: (addresses: readonly string[]) => Commit;
}

/** Whose addresses are taken back, and what is to be changed in the same commit. */
export interface ReleaseAddressesOptions {
  readonly holder: string;
  readonly addresses: readonly { readonly subnet: string; readonly address: string }[];
  readonly with?: Commit;
}

/** Whose address. */
export interface ReleaseAddressOptions {
  readonly subnet: string;
  readonly holder: string;
  readonly address: string;
}

/** The options of a subnet, read. */
export interface SubnetRequest {
  readonly holder: string;
  readonly subnet: Block | undefined;
  readonly family: "inet" | "inet6";
  /** `undefined`: those of the family. */
  readonly pools: readonly CheckedPool[] | undefined;
  readonly range: Block | undefined;
  readonly gateway: Block | false | undefined;
  readonly auxiliary: ReadonlyMap<string, Block>;
  readonly strategy: Strategy;
  readonly occupied: readonly { readonly block: Block; readonly name: string }[];
  readonly allowUnusable: boolean;
}

/** A name that somebody gave: 1 to 256 characters. */
export function nameArgument(property: string, name: unknown): string {
  if (typeof name !== "string") throw invalidArgument("type", property, "must be a string");
  if (name.length < 1 || name.length > 256) {
    throw invalidArgument("range", property, "must be 1 to 256 characters");
  }
  return name;
}

function oneOf<T>(property: string, value: unknown, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  const kind = typeof value === typeof known[0] ? "range" : "type";
  throw invalidArgument(kind, property, `must be ${known.map((one) => String(one)).join(" or ")}`);
}

function auxiliaryArgument(auxiliary: Readonly<Record<string, string>>): Map<string, Block> {
  const entries = Object.entries(objectArgument("auxiliary", auxiliary));
  if (entries.length > 1000) throw invalidArgument("range", "auxiliary", "at most 1000 addresses");
  return new Map(
    entries.map(([name, address]) => [
      nameArgument("auxiliary", name),
      addressArgument(`auxiliary.${name}`, address),
    ]),
  );
}

function occupiedArgument(occupied: readonly Occupied[]): SubnetRequest["occupied"] {
  if (!Array.isArray(occupied)) throw invalidArgument("type", "occupied", "must be an array");
  return Array.from(occupied, (one: Occupied, position) => {
    const property = `occupied[${position}]`;
    refuseUnknown(property, one, ["subnet", "name"], `${property}.`);
    return {
      block: parseBlock(one.subnet, `${property}.subnet`),
      name: nameArgument(`${property}.name`, one.name),
    };
  }).filter(({ block }) => block.prefixLength > 0);
}

/** Refuses what can only be said of a subnet that is named, and what cannot. */
function checkTogether(options: AllocateSubnetOptions): void {
  const named = options.subnet !== undefined;
  const of = named ? (["family", "pools"] as const) : (["range", "auxiliary"] as const);
  for (const property of of) {
    if (options[property] === undefined) continue;
    const reason = named ? "is for a subnet that is not named" : "needs a subnet that is named";
    throw invalidArgument("range", property, reason);
  }
  if (!named && typeof options.gateway === "string") {
    throw invalidArgument("range", "gateway", "needs a subnet that is named");
  }
}

const subnetOptions = [
  ...["holder", "subnet", "family", "pools", "range", "gateway", "auxiliary", "strategy"],
  ...["occupied", "allowUnusable"],
];

/** The options with everything in them checked. */
export function subnetRequest(options: AllocateSubnetOptions): SubnetRequest {
  refuseUnknown("options", options, subnetOptions);
  const { subnet, family = "inet", pools, range, gateway, auxiliary = {} } = options;
  const { strategy = "lowest", occupied = [], allowUnusable = false } = options;
  const checked: SubnetRequest = {
    holder: nameArgument("holder", options.holder),
    subnet: subnet === undefined ? undefined : parseBlock(subnet, "subnet"),
    family: oneOf("family", family, ["inet", "inet6"] as const),
    pools: pools === undefined ? undefined : checkedPools(pools),
    range: range === undefined ? undefined : parseBlock(range, "range"),
    gateway:
      gateway === undefined || gateway === false ? gateway : addressArgument("gateway", gateway),
    auxiliary: auxiliaryArgument(auxiliary),
    strategy: oneOf("strategy", strategy, ["lowest", "least-recently-used"] as const),
    occupied: occupiedArgument(occupied),
    allowUnusable: oneOf("allowUnusable", allowUnusable, [true, false]),
  };
  checkTogether(options);
  return checked;
}

/** The pools that a request is served from. */
export function poolsOf(
  { pools, family }: SubnetRequest,
  uniqueLocal: string,
): readonly CheckedPool[] {
  if (pools !== undefined) return pools;
  return checkedPools(family === "inet" ? defaultPools : [{ base: uniqueLocal, size: 64 }]);
}

/** Which subnet is meant: its text in the library's form. */
export function subnetArgument(subnet: unknown): string {
  return textOf(parseBlock(subnet, "subnet"));
}
