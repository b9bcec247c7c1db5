// Prefixes as text: an address and how many of its bits are the network's.

import { objectArgument } from "../errors.ts";
import { boundsOf, formatAddress, parseBlock } from "./block.ts";

/** An address and the network it is in. All addresses are in the form of RFC 5952. */
export interface Cidr {
  readonly family: "inet" | "inet6";
  /** The address as given, host bits included. */
  readonly address: string;
  /** 0 to 32, or to 128. */
  readonly prefixLength: number;
  /** The address with no host bit set. */
  readonly network: string;
  /** The address with every host bit set; IPv4 only, and absent for prefixes longer than 30. */
  readonly broadcast?: string;
  /**
   * The first address that a host can have: not the network's own, which is nobody's in IPv4 and
   * any router's in IPv6, unless the prefix leaves at most two.
   */
  readonly first: string;
  /** The last address that a host can have: not the broadcast address. */
  readonly last: string;
}

/**
 * Takes an address with a prefix length, `"10.0.0.2/24"`, apart. An address alone is a prefix of
 * itself. Strict: four decimal parts, no leading zeros, no zone.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if it is neither.
 */
export function parseCidr(text: string): Cidr {
  const block = parseBlock(text);
  const { family, bits, prefixLength } = block;
  const { low, high } = boundsOf(block);
  const crowded = bits - prefixLength < 2;
  const hasBroadcast = family === "inet" && !crowded;
  return {
    family,
    address: formatAddress(bits, block.value),
    prefixLength,
    network: formatAddress(bits, low),
    ...(hasBroadcast ? { broadcast: formatAddress(bits, high) } : {}),
    first: formatAddress(bits, crowded ? low : low + 1n),
    last: formatAddress(bits, hasBroadcast ? high - 1n : high),
  };
}

/**
 * An address and a prefix length as one text, in the form of RFC 5952.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if the address is none, or the length not one of its.
 */
export function formatCidr(cidr: Pick<Cidr, "address" | "prefixLength">): string {
  const { address, prefixLength: length } = objectArgument("cidr", cidr);
  const { bits, value, prefixLength } = parseBlock(`${address}/${length}`);
  return `${formatAddress(bits, value)}/${prefixLength}`;
}

/**
 * True if an address, or every address of a second prefix, is in a prefix; false across families.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if either is none.
 */
export function cidrContains(cidr: string, address: string): boolean {
  const outer = parseBlock(cidr);
  const inner = parseBlock(address);
  if (outer.family !== inner.family) return false;
  const around = boundsOf(outer);
  const within = boundsOf(inner);
  return around.low <= within.low && within.high <= around.high;
}

/**
 * True if two prefixes have an address in common; false across families.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if either is none.
 */
export function cidrsOverlap(one: string, other: string): boolean {
  return cidrContains(one, other) || cidrContains(other, one);
}
