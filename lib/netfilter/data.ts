// What nftables compares: typeless bytes in registers, and the types that nft(8) has for them.

import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/** A type of data, by the name that nft(8) has for it. */
export type DataType =
  | "ipv4_addr"
  | "ipv6_addr"
  | "inet_proto"
  | "inet_service"
  | "ifname"
  | "mark"
  | "verdict";

/** The number by which nft(8) knows a type again, and its bytes. */
const types: Readonly<Record<DataType, { readonly id: number; readonly length: number }>> = {
  ipv4_addr: { id: 7, length: 4 },
  ipv6_addr: { id: 8, length: 16 },
  inet_proto: { id: 12, length: 1 },
  inet_service: { id: 13, length: 2 },
  mark: { id: 19, length: 4 },
  ifname: { id: 41, length: 16 },
  verdict: { id: 0xffffff00, length: 16 },
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

/** The bytes of one value; numbers in network byte order, but for marks, which are the kernel's own. */
export function bytesOf(type: DataType, value: Datum): Uint8Array {
  const { length } = types[type];
  if (type === "mark" && typeof value === "number") return word(value);
  const bytes = new Uint8Array(length);
  if (typeof value === "number") {
    for (let n = 0; n < length; n += 1) bytes[length - 1 - n] = (value >>> (8 * n)) & 0xff;
  } else if (type === "ifname") {
    new TextEncoder().encodeInto(value, bytes);
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

/** The bytes of a prefix's mask. */
export function maskOf(length: number, prefixLength: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * n));
    return (0xff << (8 - bits)) & 0xff;
  });
}
