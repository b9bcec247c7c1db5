// What a subnet is, and which ones there can be.

import { type Block, boundsOf, parseBlock } from "../../values/block.ts";
import { NetworkError, type NetworkErrorCode } from "../errors.ts";
import { addressOf, contains, hasHostBits, overlap, textOf } from "./blocks.ts";
import type { Strategy } from "./pool.ts";

/** A subnet that somebody holds. All addresses are in the form of RFC 5952. */
export interface Subnet {
  /** `"172.18.0.0/16"` */
  readonly subnet: string;
  /** Who holds it, as given. */
  readonly holder: string;
  /** The part of it from which addresses are given that the caller does not choose. */
  readonly range: string;
  /** The gateway's address, given to nobody; absent if there is none. */
  readonly gateway?: string;
  /** Further addresses that are given to nobody, by name. */
  readonly auxiliary: Readonly<Record<string, string>>;
  readonly strategy: Strategy;
}

/** What a subnet is to be, read but not yet judged. */
export interface SubnetPlan {
  readonly block: Block;
  readonly holder: string;
  readonly range: Block | undefined;
  /** `undefined`: the first that is free. */
  readonly gateway: Block | false | undefined;
  readonly auxiliary: ReadonlyMap<string, Block>;
  readonly strategy: Strategy;
}

/** Where no host can have an address. */
const unusable: readonly (readonly [block: Block, what: string])[] = [
  [parseBlock("0.0.0.0/8"), "addresses of this network itself"],
  [parseBlock("127.0.0.0/8"), "loopback addresses"],
  [parseBlock("224.0.0.0/4"), "multicast addresses"],
  [parseBlock("255.255.255.255"), "the broadcast address"],
  [parseBlock("::/127"), "the unspecified and the loopback address"],
  [parseBlock("::ffff:0:0/96"), "IPv4 addresses in IPv6 form"],
  [parseBlock("fe80::/10"), "link-local addresses"],
  [parseBlock("ff00::/8"), "multicast addresses"],
];

const operation = "allocateSubnet";

function refuse(code: NetworkErrorCode, block: Block, reason: string, conflict?: string): never {
  const subject = textOf(block);
  const named = conflict === undefined ? {} : { conflict };
  throw new NetworkError(code, { operation, subject, reason, ...named });
}

/**
 * Refuses a subnet that no network can have.
 *
 * @throws {NetworkError} `SUBNET_INVALID`
 */
export function checkSubnet(block: Block, allowUnusable: boolean): void {
  if (hasHostBits(block)) {
    const network = textOf({ ...block, value: boundsOf(block).low });
    refuse("SUBNET_INVALID", block, `it has host bits set; its network is ${network}`);
  }
  const found = unusable.find(([range]) => overlap(range, block));
  if (found === undefined || allowUnusable) return;
  const [range, what] = found;
  refuse("SUBNET_INVALID", block, `it has ${what}, ${textOf(range)}`, textOf(range));
}

/**
 * What an address of a subnet is that nobody can have: the network's own and the broadcast address,
 * in IPv6 any router's. A subnet of one or two addresses has none of these.
 *
 * @see net/ipv4/fib_frontend.c, `fib_add_ifaddr()`; RFC 3021, RFC 4291 2.6.1, RFC 6164
 */
export function purposeOf(subnet: Block, address: bigint): string | undefined {
  const { low, high } = boundsOf(subnet);
  if (high - low < 2n) return undefined;
  if (subnet.family === "inet6") return address === low ? "any router's address" : undefined;
  if (address === low) return "the network's own address";
  return address === high ? "the broadcast address" : undefined;
}

/**
 * Refuses an address that is not in a subnet, or is nobody's.
 *
 * @throws {NetworkError} `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`
 */
export function checkAddress(operation: string, subnet: Block, address: Block): void {
  const subject = addressOf(address);
  if (!contains(subnet, address)) {
    const reason = `it is not in ${textOf(subnet)}`;
    throw new NetworkError("ADDRESS_OUTSIDE", { operation, subject, reason });
  }
  const purpose = purposeOf(subnet, address.value);
  if (purpose === undefined) return;
  const reason = `it is ${purpose} in ${textOf(subnet)}`;
  throw new NetworkError("ADDRESS_RESERVED", { operation, subject, reason });
}

/** The addresses by their names, each checked, and none twice. */
function reservedIn({ block, gateway, auxiliary }: SubnetPlan): Map<bigint, string> {
  const names = new Map<bigint, string>();
  const reserve = (name: string, address: Block) => {
    checkAddress(operation, block, address);
    const conflict = names.get(address.value);
    if (conflict !== undefined) {
      const reason = `${addressOf(address)} is to be ${name} and ${conflict}`;
      refuse("ADDRESS_TAKEN", block, reason, conflict);
    }
    names.set(address.value, name);
  };
  if (gateway) reserve("the gateway", gateway);
  for (const [name, address] of auxiliary) reserve(`auxiliary ${JSON.stringify(name)}`, address);
  return names;
}

/** The first address of a range that is anybody's, as Docker takes it for the gateway. */
function firstFree(subnet: Block, range: Block, reserved: ReadonlyMap<bigint, string>): bigint {
  const { low, high } = boundsOf(range);
  for (let address = low; address <= high; address += 1n) {
    if (!reserved.has(address) && purposeOf(subnet, address) === undefined) return address;
  }
  return refuse("SUBNET_INVALID", subnet, `its range ${textOf(range)} has none for a gateway`);
}

/**
 * The subnet that a plan means.
 *
 * @throws {NetworkError} `SUBNET_INVALID`, `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`, `ADDRESS_TAKEN`
 */
export function subnetOf(plan: SubnetPlan): Subnet {
  const { block, holder, range = block, gateway, auxiliary, strategy } = plan;
  if (hasHostBits(range))
    refuse("SUBNET_INVALID", block, `its range ${textOf(range)} has host bits`);
  if (!contains(block, range)) {
    refuse("SUBNET_INVALID", block, `its range ${textOf(range)} is not in it`);
  }
  const reserved = reservedIn(plan);
  const taken = gateway ?? { ...block, value: firstFree(block, range, reserved) };
  return {
    subnet: textOf(block),
    holder,
    range: textOf(range),
    ...(taken === false ? {} : { gateway: addressOf(taken) }),
    auxiliary: Object.fromEntries(Array.from(auxiliary, ([name, at]) => [name, addressOf(at)])),
    strategy,
  };
}
