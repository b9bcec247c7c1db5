// Where subnets are taken from when the caller names none.

import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { type Block, boundsOf, parseBlock } from "../../values/block.ts";
import { hasHostBits } from "./blocks.ts";

/** Prefixes of one size, one beside the other. */
export interface SubnetPool {
  /** Of what they are parts, `"172.20.0.0/14"`. */
  readonly base: string;
  /** Their prefix length; not less than that of the base. */
  readonly size: number;
}

/**
 * The pools of Docker, in its order: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in sixteen
 * parts; 31 subnets in all.
 */
export const defaultPools: readonly SubnetPool[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.19.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/** A pool that is in order. */
export interface CheckedPool {
  readonly base: Block;
  readonly size: number;
}

/** The pools with everything in them checked. */
export function checkedPools(pools: readonly SubnetPool[]): CheckedPool[] {
  if (!Array.isArray(pools)) throw invalidArgument("type", "pools", "must be an array");
  return Array.from(pools, (pool: SubnetPool, position) => {
    const property = `pools[${position}]`;
    refuseUnknown(property, pool, ["base", "size"], `${property}.`);
    const base = parseBlock(pool.base, `${property}.base`);
    if (hasHostBits(base)) {
      throw invalidArgument("range", `${property}.base`, "has bits set that are not the network's");
    }
    const { size } = pool;
    if (typeof size !== "number") {
      throw invalidArgument("type", `${property}.size`, "must be a number");
    }
    if (!Number.isInteger(size) || size < base.prefixLength || size > base.bits) {
      const reason = `must be an integer from ${base.prefixLength} to ${base.bits}`;
      throw invalidArgument("range", `${property}.size`, reason);
    }
    return { base, size };
  });
}

/** The first subnet of a pool that overlaps none of the `taken` ones, which are sorted by address. */
function nextOf({ base, size }: CheckedPool, taken: readonly Block[]): Block | undefined {
  const length = 1n << BigInt(base.bits - size);
  let { low: candidate } = boundsOf(base);
  for (const block of taken) {
    if (block.family !== base.family) continue;
    const { low, high } = boundsOf(block);
    if (high < candidate) continue;
    if (low >= candidate + length) break;
    candidate = (high / length + 1n) * length;
  }
  const found = { family: base.family, bits: base.bits, value: candidate, prefixLength: size };
  return candidate + length - 1n <= boundsOf(base).high ? found : undefined;
}

/** The first subnet of the first pool that has one which overlaps nothing; `undefined` if none has. */
export function nextSubnet(
  pools: readonly CheckedPool[],
  taken: readonly Block[],
): Block | undefined {
  const sorted = taken.toSorted((one, other) => (one.value < other.value ? -1 : 1));
  for (const pool of pools) {
    const subnet = nextOf(pool, sorted);
    if (subnet !== undefined) return subnet;
  }
  return undefined;
}
