// Prefixes as text: an address and how many of its bits are the network's.

import ipaddr from "ipaddr.js";
import { invalidArgument, objectArgument } from "../errors.ts";

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

/** An address or a prefix as numbers. */
interface Block {
  readonly family: "inet" | "inet6";
  /** 32 or 128. */
  readonly bits: number;
  readonly value: bigint;
  readonly prefixLength: number;
}

/** No octal numbers, no short forms, no zones: what inet_pton(3) takes. */
function parseAddress(text: string): { family: "inet" | "inet6"; value: bigint } | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return { family: "inet", value: numberOf(text) };
  const sixteen = withoutDots(text);
  if (!/^[0-9a-f:]+$/i.test(sixteen) || !ipaddr.IPv6.isValid(sixteen)) return undefined;
  return { family: "inet6", value: numberOf(sixteen) };
}

/** The last two groups of an IPv6 address, if they are written as an IPv4 one, in hexadecimal. */
function withoutDots(text: string): string {
  const start = text.lastIndexOf(":") + 1;
  const tail = text.slice(start);
  if (start === 0 || !ipaddr.IPv4.isValidFourPartDecimal(tail)) return text;
  const value = numberOf(tail);
  return `${text.slice(0, start)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function numberOf(address: string): bigint {
  const bytes = ipaddr.parse(address).toByteArray();
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function parseBlock(text: unknown): Block {
  if (typeof text !== "string") throw invalidArgument("type", "cidr", "must be a string");
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) {
    throw invalidArgument("range", "cidr", `${JSON.stringify(text)} is no IP address or prefix`);
  }
  const bits = address.family === "inet" ? 32 : 128;
  const digits = slash < 0 ? String(bits) : text.slice(slash + 1);
  const prefixLength = /^(?:0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : bits + 1;
  if (prefixLength > bits) {
    const reason = `the prefix length in ${JSON.stringify(text)} must be an integer from 0 to ${bits}`;
    throw invalidArgument("range", "cidr", reason);
  }
  return { ...address, bits, prefixLength };
}

/** As RFC 5952 recommends, so that it compares with what listings say. */
function formatAddress(bits: number, value: bigint): string {
  const bytes = Array.from({ length: bits / 8 }, (_, position) =>
    Number((value >> BigInt(bits - 8 - 8 * position)) & 0xffn),
  );
  const address = ipaddr.fromByteArray(bytes);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return `::ffff:${address.toIPv4Address().toString()}`;
  }
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** The lowest and the highest address of a block. */
function boundsOf({ bits, value, prefixLength }: Block): { low: bigint; high: bigint } {
  const hostBits = (1n << BigInt(bits - prefixLength)) - 1n;
  return { low: value & ~hostBits, high: value | hostBits };
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
