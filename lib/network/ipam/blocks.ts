// Subnets and addresses that callers give, as numbers.

import { invalidArgument } from "../../errors.ts";
import { type Block, boundsOf, formatAddress, parseBlock } from "../../values/block.ts";

/** An address; a prefix length is none of it. */
export function addressArgument(property: string, text: unknown): Block {
  const block = parseBlock(text, property);
  if (typeof text === "string" && text.includes("/")) {
    throw invalidArgument("range", property, `${JSON.stringify(text)} is no IP address`);
  }
  return block;
}

/** The text of an address. */
export function addressOf({ bits, value }: Pick<Block, "bits" | "value">): string {
  return formatAddress(bits, value);
}

/** The text of a prefix. */
export function textOf(block: Block): string {
  return `${addressOf(block)}/${block.prefixLength}`;
}

/** True if an address of the prefix has a bit set that is not the network's. */
export function hasHostBits(block: Block): boolean {
  return boundsOf(block).low !== block.value;
}

/** True if all of `inner` is in `outer`. */
export function contains(outer: Block, inner: Block): boolean {
  if (outer.family !== inner.family) return false;
  const [around, within] = [boundsOf(outer), boundsOf(inner)];
  return around.low <= within.low && within.high <= around.high;
}

/** True if two prefixes have an address in common. */
export function overlap(one: Block, other: Block): boolean {
  return contains(one, other) || contains(other, one);
}
