// Rules: what to look at, what to compare it with, what to do; as the kernel's expressions.
//
// Each statement uses the registers from the first on, and leaves nothing in them for the next one.

import ipaddr from "ipaddr.js";
import { bytesOf, type DataType, type Datum, lengthOf, maskOf, word } from "./data.ts";

/** An expression of the kernel, by its name; the tables are in native/netfilter/expressions.hpp. */
export interface Expression {
  readonly name: string;
  readonly [property: string]: unknown;
}

/** What a packet, or its connection, is asked for. */
export interface Selector {
  readonly type: DataType;
  readonly load: (register: number) => Expression;
}

/** A verdict on a packet. */
export type Verdict =
  | { readonly verdict: "accept" | "drop" | "return" }
  | { readonly verdict: "jump" | "goto"; readonly chain: string };

/** The register of a word, as the kernel reports it: whole ones of four words have numbers too. */
function register(word: number): number {
  return word % 4 === 0 ? 1 + word / 4 : 8 + word;
}

/** Verdicts go here. */
const verdictRegister = 0;

function payload(type: DataType, base: "network" | "transport", offset: number): Selector {
  const length = lengthOf([type]);
  const load = (to: number) => ({ name: "payload", to, base, offset, length });
  return { type, load };
}

function meta(type: DataType, key: string): Selector {
  return { type, load: (to) => ({ name: "meta", key, to }) };
}

export const ipSource: Selector = payload("ipv4_addr", "network", 12);
export const ipDestination: Selector = payload("ipv4_addr", "network", 16);
export const ip6Source: Selector = payload("ipv6_addr", "network", 8);
export const ip6Destination: Selector = payload("ipv6_addr", "network", 24);
/** Of TCP and UDP alike. */
export const destinationPort: Selector = payload("inet_service", "transport", 2);
export const inputLink: Selector = meta("ifname", "iifname");
export const outputLink: Selector = meta("ifname", "oifname");
/** The protocol above IP. */
export const protocol: Selector = meta("inet_proto", "l4proto");
/** IPv4 or IPv6, in tables of both. */
export const version: Selector = meta("inet_proto", "nfproto");

/** What {@link version} says. */
export const versions = { ip: 2, ip6: 10 } as const;

const first = register(0);

function compare(operator: "==" | "!=", value: Uint8Array): Expression {
  return { name: "cmp", from: first, operator, value };
}

/** Goes on if the packet has the value. */
export function equals(selector: Selector, value: Datum): Expression[] {
  return [selector.load(first), compare("==", bytesOf(selector.type, value))];
}

/** Goes on if it has another. */
export function differs(selector: Selector, value: Datum): Expression[] {
  return [selector.load(first), compare("!=", bytesOf(selector.type, value))];
}

/** Goes on if an address is in a prefix. */
export function within(selector: Selector, prefix: string): Expression[] {
  const [address, length] = ipaddr.parseCIDR(prefix);
  const size = address.toByteArray().length;
  const mask = maskOf(size, length);
  const value = Uint8Array.from(address.toByteArray(), (byte, n) => byte & (mask[n] ?? 0));
  const whole = length / 8;
  if (Number.isInteger(whole) && whole > 0) {
    // As nft(8) does: of whole bytes no more are loaded than are compared.
    return [{ ...selector.load(first), length: whole }, compare("==", value.subarray(0, whole))];
  }
  return [
    selector.load(first),
    {
      ...{ name: "bitwise", from: first, to: first, length: size },
      ...{ mask: { value: mask }, xor: { value: new Uint8Array(size) } },
    },
    compare("==", value),
  ];
}

function anyBit(load: Expression, bits: number): Expression[] {
  return [
    load,
    {
      ...{ name: "bitwise", from: first, to: first, length: 4 },
      ...{ mask: { value: word(bits) }, xor: { value: word(0) } },
    },
    compare("!=", word(0)),
  ];
}

/** Bits of a connection's state. @see include/net/netfilter/nf_conntrack.h, NF_CT_STATE_BIT() */
const established = 1 << 1;
const related = 1 << 2;

/** Goes on if the packet belongs to a connection that was let through, or comes with one. */
export function isAnswer(): Expression[] {
  return anyBit({ name: "ct", key: "state", to: first }, established | related);
}

/** IPS_DST_NAT of include/uapi/linux/netfilter/nf_conntrack_common.h */
const destinationTranslated = 1 << 5;

/** Goes on if the connection was sent elsewhere by {@link translateBy}. */
export function isTranslated(): Expression[] {
  return anyBit({ name: "ct", key: "status", to: first }, destinationTranslated);
}

/** RTN_LOCAL of include/uapi/linux/rtnetlink.h */
const local = 2;

/** Goes on if the packet is for an address of this host. */
export function isForThisHost(): Expression[] {
  const load = { name: "fib", to: first, result: "addressType", flags: ["destination"] };
  return [load, compare("==", word(local))];
}

/** Loads several things one after another, each from a whole word on. */
function loadAll(selectors: readonly Selector[]): Expression[] {
  let at = 0;
  return selectors.map(({ type, load }) => {
    const expression = load(register(at));
    at += Math.ceil(lengthOf([type]) / 4);
    return expression;
  });
}

/** Goes on if what is looked at is in a set. */
export function inSet(selectors: readonly Selector[], set: string): Expression[] {
  return [...loadAll(selectors), { name: "lookup", set, from: first }];
}

/** Does what a map says of what is looked at; goes on if it says nothing. */
export function decideBy(selectors: readonly Selector[], map: string): Expression[] {
  const lookup = { name: "lookup", set: map, from: first, to: verdictRegister };
  return [...loadAll(selectors), lookup];
}

/** Sends a connection to the address and port that a map says; goes on if it says nothing. */
export function translateBy(
  family: "ip" | "ip6",
  selectors: readonly Selector[],
  map: string,
): Expression[] {
  const words = family === "ip" ? 1 : 4;
  return [
    ...loadAll(selectors),
    { name: "lookup", set: map, from: first, to: first },
    { name: "nat", type: "dnat", family, address: first, port: register(words) },
  ];
}

/** Sends a connection to an address and port. */
export function translateTo(family: "ip" | "ip6", address: string, port: number): Expression[] {
  const type = family === "ip" ? "ipv4_addr" : "ipv6_addr";
  const portAt = register(4);
  return [
    { name: "immediate", to: first, value: bytesOf(type, address) },
    { name: "immediate", to: portAt, value: bytesOf("inet_service", port) },
    { name: "nat", type: "dnat", family, address: first, port: portAt },
  ];
}

/** Sends connections to several addresses by turns, which a map from 0 on has. */
export function spreadBy(family: "ip" | "ip6", count: number, map: string): Expression[] {
  return [
    { name: "numgen", to: first, modulus: count, type: "random", offset: 0 },
    { name: "lookup", set: map, from: first, to: first },
    { name: "nat", type: "dnat", family, address: first },
  ];
}

/** Has the connection look as if it came from the link by which it leaves. */
export function masquerade(): Expression[] {
  return [{ name: "masq" }];
}

/** Ends, or goes on elsewhere. */
export function decide(verdict: Verdict): Expression[] {
  return [{ name: "immediate", to: verdictRegister, ...verdict }];
}

/** The rule of statements, one after another. */
export function rule(...statements: readonly Expression[][]): Expression[] {
  return statements.flat();
}
