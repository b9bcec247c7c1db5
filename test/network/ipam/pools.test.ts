// Which subnet is next, against a search of all that there are.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, overlap, textOf } from "../../../lib/network/ipam/blocks.ts";
import { checkedPools, defaultPools, nextSubnet } from "../../../lib/network/ipam/pools.ts";
import { type Block, boundsOf, parseBlock } from "../../../lib/values/block.ts";
import { refused } from "../refused.ts";

/** A prefix without host bits, in 10.0.0.0/20 or a little beside it, or in IPv6. */
const prefix = fc
  .tuple(fc.integer({ min: 0, max: 0x1fff }), fc.integer({ min: 18, max: 32 }))
  .map(([offset, prefixLength]): Block => {
    const block = {
      family: "inet",
      bits: 32,
      value: 0x0a00_0000n + BigInt(offset),
      prefixLength,
    } as const;
    return { ...block, value: boundsOf(block).low };
  });
const other = fc.constant(parseBlock("::/0"));

describe("two prefixes", () => {
  test("overlap, or do not, whichever is first", () => {
    fc.assert(
      fc.property(prefix, prefix, (one, two) => {
        const first = boundsOf(one);
        const second = boundsOf(two);
        const common = first.low <= second.high && second.low <= first.high;
        expect(overlap(one, two)).toBe(common);
        expect(overlap(two, one)).toBe(common);
        expect(contains(one, two)).toBe(first.low <= second.low && second.high <= first.high);
      }),
    );
  });
});

describe("the next subnet", () => {
  test("is the first one that overlaps nothing", () => {
    const taken = fc.array(fc.oneof({ weight: 9, arbitrary: prefix }, other), { maxLength: 25 });
    fc.assert(
      fc.property(taken, fc.integer({ min: 20, max: 28 }), (blocks, size) => {
        const pools = checkedPools([
          { base: "10.0.0.0/21", size: Math.max(size, 21) },
          { base: "10.0.16.0/20", size },
        ]);
        const candidates = pools.flatMap(({ base, size }) =>
          Array.from(
            { length: 2 ** (size - base.prefixLength) },
            (_, position): Block => ({
              ...base,
              value: base.value + (BigInt(position) << BigInt(32 - size)),
              prefixLength: size,
            }),
          ),
        );
        const free = candidates.find((one) => !blocks.some((block) => overlap(block, one)));
        expect(nextSubnet(pools, blocks)).toEqual(free);
      }),
      { numRuns: 500 },
    );
  });

  test("of Docker's pools is one of 31, in its order", () => {
    const pools = checkedPools(defaultPools);
    const given: Block[] = [];
    for (let next = nextSubnet(pools, given); next; next = nextSubnet(pools, given))
      given.push(next);
    expect(given.map(textOf)).toEqual([
      ...Array.from({ length: 15 }, (_, n) => `172.${17 + n}.0.0/16`),
      ...Array.from({ length: 16 }, (_, n) => `192.168.${16 * n}.0/20`),
    ]);
  });

  test("is found among very many", () => {
    const pools = checkedPools([{ base: "fd00::/8", size: 64 }]);
    expect(textOf(nextSubnet(pools, [parseBlock("fd00::/9")]) ?? parseBlock("::"))).toBe(
      "fd80::/64",
    );
    expect(nextSubnet(pools, [parseBlock("fc00::/7")])).toBeUndefined();
    expect(nextSubnet([], [])).toBeUndefined();
  });

  test("is of a pool that is one", async () => {
    const refusal = (pools: unknown) => refused(() => checkedPools(pools as never));
    const wrong = (property: string) => ({ code: "ERR_INVALID_ARG_TYPE", property });
    const far = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });
    expect(await refusal(5)).toEqual(wrong("pools"));
    expect(await refusal([null])).toEqual(wrong("pools[0]"));
    expect(await refusal([{ base: "10.0.0.0/8" }])).toEqual(wrong("pools[0].size"));
    expect(await refusal([{ base: 5, size: 8 }])).toEqual(wrong("pools[0].base"));
    expect(await refusal([{ base: "10.0.0.0/8", size: 16, bits: 1 }])).toEqual(
      wrong("pools[0].bits"),
    );
    expect(await refusal([{ base: "10.0.0.1/8", size: 16 }])).toEqual(far("pools[0].base"));
    expect(await refusal([{ base: "10.0.0.0/8", size: 7 }])).toEqual(far("pools[0].size"));
    expect(await refusal([{ base: "10.0.0.0/8", size: 33 }])).toEqual(far("pools[0].size"));
    expect(await refusal([{ base: "10.0.0.0/8", size: 8.5 }])).toEqual(far("pools[0].size"));
  });
});
