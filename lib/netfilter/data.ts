// What nftables compares: typeless bytes in registers, and the types that nft(8) has for them.

import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { invalidArgument } from "../errors.ts";

/** A type of data, by the name that nft(8) has for it. */
export type DataType =
  | "ipv4_addr"
  | "ipv6_addr"
  | "inet_proto"
  | "inet_service"
  | "ifname"
  | "mark"
  | "verdict";

/** Which way the bytes of a type go, as nft(8) counts. */
const byteOrders = { none: 0, host: 1, network: 2 } as const;

interface TypeFacts {
  /** The number by which nft(8) knows a type again. */
  readonly id: number;
  /** In bytes; of verdicts the kernel knows it. */
  readonly length: number;
  readonly order: keyof typeof byteOrders;
}

const types: Readonly<Record<DataType, TypeFacts>> = {
  ipv4_addr: { id: 7, length: 4, order: "network" },
  ipv6_addr: { id: 8, length: 16, order: "network" },
  inet_proto: { id: 12, length: 1, order: "network" },
  inet_service: { id: 13, length: 2, order: "network" },
  mark: { id: 19, length: 4, order: "host" },
  ifname: { id: 41, length: 16, order: "host" },
  verdict: { id: 0xffffff00, length: 0, order: "none" },
};

/** IP protocols by number. */
export const protocols = { icmp: 1, tcp: 6, udp: 17, ipv6Icmp: 58 } as const;

/** A value of some type: an address, a link's name, or a number. */
export type Datum = string | number;

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** A number of 32 bits in the machine's byte order, as the kernel keeps its own. */
export function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/**
 * The bytes of one value; numbers in network byte order, but for marks, which are the kernel's own.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` for what does not fit; `property` is the type.
 */
export function bytesOf(type: DataType, value: Datum): Uint8Array {
  const { length } = types[type];
  const bytes = new Uint8Array(length);
  if (typeof value === "number") {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * length)) {
      throw invalidArgument("range", type, `must be a whole number of ${length} bytes`);
    }
    if (type === "mark") return word(value);
    for (let n = 0; n < length; n += 1) bytes[length - 1 - n] = (value >>> (8 * n)) & 0xff;
  } else if (type === "ifname") {
    // What was cut off would be another link's name.
    const name = new TextEncoder().encode(value);
    if (name.length >= length) throw invalidArgument("range", type, "at most 15 bytes");
    bytes.set(name);
  } else {
    bytes.set((isIPv6(value) ? ipaddr.IPv6 : ipaddr.IPv4).parse(value).toByteArray());
  }
  return bytes;
}

/** The bytes of several values, each from a multiple of four on, as registers hold them. */
export function concatenated(kinds: readonly DataType[], values: readonly Datum[]): Uint8Array {
  const [only] = kinds;
  const [value] = values;
  if (kinds.length === 1 && only !== undefined && value !== undefined) return bytesOf(only, value);
  const bytes = new Uint8Array(lengthOf(kinds));
  let offset = 0;
  for (const [n, kind] of kinds.entries()) {
    bytes.set(bytesOf(kind, values[n] ?? 0), offset);
    offset += padded(types[kind].length);
  }
  return bytes;
}

/** How many bytes a value of one type, or of several together, has. */
export function lengthOf(kinds: readonly DataType[]): number {
  const [only] = kinds;
  if (kinds.length === 1 && only !== undefined) return types[only].length;
  return kinds.reduce((sum, kind) => sum + padded(types[kind].length), 0);
}

/** The number of a type, or of several together, six bits each. */
export function typeNumber(kinds: readonly DataType[]): number {
  const [only] = kinds;
  if (kinds.length === 1 && only !== undefined) return types[only].id;
  return kinds.reduce((sum, kind) => sum * 64 + types[kind].id, 0);
}

/** What nft(8) notes about a set, by its own numbers. */
const notes = { keyByteOrder: 0, dataByteOrder: 1, dataInterval: 6 } as const;

function note(what: keyof typeof notes, value: number): number[] {
  return [notes[what], 4, ...word(value)];
}

function byteOrder(kinds: readonly DataType[]): number {
  const [only] = kinds;
  return byteOrders[kinds.length === 1 && only !== undefined ? types[only].order : "none"];
}

/**
 * What nft(8) has to be told of a set or map to show its elements as they are; the kernel keeps it
 * for that.
 */
export function notesOn(key: readonly DataType[], data?: readonly DataType[]): Uint8Array {
  const ofKey = note("keyByteOrder", byteOrder(key));
  if (data === undefined) return Uint8Array.from(ofKey);
  const ofData = [...note("dataByteOrder", byteOrder(data)), ...note("dataInterval", 0)];
  return Uint8Array.from([...ofKey, ...ofData]);
}

/** The bytes of a prefix's mask. */
export function maskOf(length: number, prefixLength: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * n));
    return (0xff << (8 - bits)) & 0xff;
  });
}
