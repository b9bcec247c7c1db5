// Address management over any sequence of calls, by several handles that come and go, against lists
// that are searched.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Ipam } from "../../../lib/network/ipam/ipam.ts";
import type { Strategy } from "../../../lib/network/ipam/pool.ts";
import { openMemoryStore } from "../../../lib/network/store/memory.ts";
import { parseCidr } from "../../../lib/values/cidr.ts";
import { refused } from "../refused.ts";

/** One subnet's addresses, in the simplest way. */
class Model {
  readonly held = new Map<string, string>();
  #released: string[] = [];
  readonly #all: readonly string[];
  readonly #strategy: Strategy;

  /** All that can be given, in order. */
  constructor(all: readonly string[], strategy: Strategy) {
    this.#all = all;
    this.#strategy = strategy;
  }

  get next(): string | undefined {
    const free = this.#all.filter((address) => !this.held.has(address));
    if (this.#strategy === "lowest") return free[0];
    return free.find((address) => !this.#released.includes(address)) ?? this.#released[0];
  }

  allocate(address: string, holder: string): void {
    this.#released = this.#released.filter((one) => one !== address);
    this.held.set(address, holder);
  }

  release(address: string, holder: string): boolean {
    if (this.held.get(address) !== holder) return false;
    this.held.delete(address);
    if (this.#all.includes(address)) this.#released.push(address);
    return true;
  }
}

/** Subnets with all the addresses that can be given, and one outside the range. */
const subnets = [
  { subnet: "10.1.0.0/28", base: "10.1.0.", first: 2, last: 14 },
  { subnet: "10.1.0.0/24", range: "10.1.0.16/28", base: "10.1.0.", first: 17, last: 31 },
  { subnet: "fd00::/125", base: "fd00::", first: 2, last: 7 },
].map(({ base, first, last, ...options }) => ({
  options,
  all: Array.from({ length: last - first + 1 }, (_, n) => `${base}${first + n}`),
}));

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("allocate" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("release" as const),
      which: fc.nat(40),
      other: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("choose" as const), which: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
);
const actions = fc.array(fc.tuple(fc.nat(1), action), { maxLength: 120 });

describe.each<Strategy>(["lowest", "least-recently-used"])("giving the %s", (strategy) => {
  test.each(subnets)("of $options.subnet does what lists do", async ({ options, all }) => {
    await fc.assert(
      fc.asyncProperty(actions, async (steps) => {
        const store = openMemoryStore();
        const handles: [Ipam, Ipam] = [new Ipam({ store }), new Ipam({ store })];
        const { subnet } = await handles[0].allocateSubnet({ ...options, holder: "net", strategy });
        const model = new Model(all, strategy);
        for (const [number, [who, step]] of steps.entries()) {
          const ipam = handles[who as 0 | 1];
          const holder = `endpoint ${number}`;
          if (step.do === "reopen") {
            handles[who as 0 | 1] = new Ipam({ store });
          } else if (step.do === "allocate") {
            const next = model.next;
            const given = ipam.allocateAddress({ subnet, holder });
            if (next === undefined) {
              expect(await refused(() => given)).toEqual({ code: "POOL_EXHAUSTED" });
            } else {
              expect(await given).toBe(next);
              model.allocate(next, holder);
            }
          } else {
            const address = all[step.which % all.length] ?? "";
            const owner = model.held.get(address);
            if (step.do === "release") {
              const by = step.other || owner === undefined ? "somebody else" : owner;
              const done = await ipam.releaseAddress({ subnet, address, holder: by });
              expect(done).toBe(model.release(address, by));
            } else {
              const refusal = await refused(() =>
                ipam.allocateAddress({ subnet, holder, address }),
              );
              if (owner === undefined) model.allocate(address, holder);
              const taken = { code: "ADDRESS_TAKEN", conflict: owner };
              expect(refusal).toEqual(owner === undefined ? undefined : taken);
            }
          }
        }
        for (const ipam of [...handles, new Ipam({ store })]) {
          const { held, free, size } = await ipam.describe(subnet);
          expect(new Map(held.map(({ address, holder }) => [address, holder]))).toEqual(model.held);
          expect([size, free]).toEqual([BigInt(all.length), size - BigInt(held.length)]);
        }
        await store.close();
      }),
      { numRuns: 60 },
    );
  });
});

test("the addresses that can be given are those that hosts can have, less the gateway", async () => {
  const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6());
  await fc.assert(
    fc.asyncProperty(anyAddress, fc.integer({ min: 0, max: 6 }), async (address, hostBits) => {
      const { family, network, first, last, prefixLength } = parseCidr(
        `${address}/${(address.includes(":") ? 128 : 32) - hostBits}`,
      );
      const store = openMemoryStore();
      const ipam = new Ipam({ store });
      const subnet = `${network}/${prefixLength}`;
      await ipam.allocateSubnet({ holder: "net", subnet, allowUnusable: true });
      const given: string[] = [];
      const take = async () => given.push(await ipam.allocateAddress({ subnet, holder: "all" }));
      while ((await refused(take)) === undefined);
      const own = hostBits < 2 ? 0 : family === "inet" ? 2 : 1;
      expect(given).toHaveLength(2 ** hostBits - own - 1);
      expect((await ipam.describe(subnet)).gateway).toBe(first);
      if (given.length > 0) expect(given.at(-1)).toBe(last);
      await store.close();
    }),
  );
});
