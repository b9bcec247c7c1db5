// Prefixes and addresses as numbers, and how they are read from text and written to it.

import ipaddr from "ipaddr.js";
import { invalidArgument } from "../errors.ts";

/** An address or a prefix as numbers. */
export interface Block {
  readonly family: "inet" | "inet6";
  /** 32 or 128. */
  readonly bits: number;
  readonly value: bigint;
  readonly prefixLength: number;
}

/** No octal numbers, no short forms, no zones: what inet_pton(3) takes. */
function parseAddress(text: string): { family: "inet" | "inet6"; value: bigint } | undefined {
  if (!text.includes(":")) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
    return { family: "inet", value: numberOf(ipaddr.IPv4.parse(text)) };
  }
  const sixteen = withoutDots(text);
  if (!/^[0-9a-f:]+$/i.test(sixteen) || !ipaddr.IPv6.isValid(sixteen)) return undefined;
  return { family: "inet6", value: numberOf(ipaddr.IPv6.parse(sixteen)) };
}

/** The last two groups of an IPv6 address, if they are written as an IPv4 one, in hexadecimal. */
function withoutDots(text: string): string {
  const start = text.lastIndexOf(":") + 1;
  const tail = text.slice(start);
  if (!tail.includes(".") || !ipaddr.IPv4.isValidFourPartDecimal(tail)) return text;
  const value = numberOf(ipaddr.IPv4.parse(tail));
  return `${text.slice(0, start)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function numberOf(address: ipaddr.IPv4 | ipaddr.IPv6): bigint {
  return address.toByteArray().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/**
 * Takes a prefix, or an address, which is a prefix of itself, apart.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE`, naming `property`, if it is neither.
 */
export function parseBlock(text: unknown, property = "cidr"): Block {
  if (typeof text !== "string") throw invalidArgument("type", property, "must be a string");
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) {
    throw invalidArgument("range", property, `${JSON.stringify(text)} is no IP address or prefix`);
  }
  const bits = address.family === "inet" ? 32 : 128;
  const digits = slash < 0 ? String(bits) : text.slice(slash + 1);
  const prefixLength = /^(?:0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : bits + 1;
  if (prefixLength > bits) {
    const reason = `the prefix length in ${JSON.stringify(text)} must be an integer from 0 to ${bits}`;
    throw invalidArgument("range", property, reason);
  }
  return { ...address, bits, prefixLength };
}

/** The text of an address, as RFC 5952 recommends, so that it compares with what listings say. */
export function formatAddress(bits: number, value: bigint): string {
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
export function boundsOf({ bits, value, prefixLength }: Block): { low: bigint; high: bigint } {
  const hostBits = (1n << BigInt(bits - prefixLength)) - 1n;
  return { low: value & ~hostBits, high: value | hostBits };
}
