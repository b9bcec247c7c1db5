// Which address is next, against a list that is searched.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NumberSet } from "../../../lib/network/ipam/number-set.ts";
import { Pool } from "../../../lib/network/ipam/pool.ts";
import { ReleaseOrder } from "../../../lib/network/ipam/release-order.ts";

describe("a set of numbers", () => {
  const action = fc.record({ add: fc.boolean(), number: fc.bigInt({ min: 0n, max: 2n ** 12n }) });

  test("has what was added and not deleted, and finds the lowest gap", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        fc.array(action, { maxLength: 300 }),
        (bits, all) => {
          const size = 2 ** bits;
          const set = new NumberSet(bits);
          const model = new Set<bigint>();
          for (const { add, number } of all) {
            const within = number % BigInt(size);
            set[add ? "add" : "delete"](within);
            model[add ? "add" : "delete"](within);
            expect(set.has(within)).toBe(add);
          }
          const numbers = Array.from({ length: size }, (_, number) => BigInt(number));
          expect(numbers.filter((number) => set.has(number))).toEqual(
            numbers.filter((number) => model.has(number)),
          );
          expect(set.lowestGap()).toBe(numbers.find((number) => !model.has(number)));
        },
      ),
    );
  });

  test.each([0, 1, 4, 5, 6, 9, 10, 11])("of %i bits fills up and empties", (bits) => {
    const set = new NumberSet(bits);
    for (let number = 0n; number < 2n ** BigInt(bits); number += 1n) {
      expect(set.lowestGap()).toBe(number);
      set.add(number);
    }
    expect(set.lowestGap()).toBeUndefined();
    for (let number = 2n ** BigInt(bits) - 1n; number >= 0n; number -= 1n) {
      set.delete(number);
      expect(set.lowestGap()).toBe(number);
    }
  });

  test("takes numbers of 128 bits", () => {
    const set = new NumberSet(128);
    const last = 2n ** 128n - 1n;
    for (const number of [0n, 1n, 2n, last, 2n ** 64n]) set.add(number);
    expect(set.lowestGap()).toBe(3n);
    expect(set.has(last)).toBe(true);
    expect(set.has(last - 1n)).toBe(false);
    set.delete(1n);
    expect(set.lowestGap()).toBe(1n);
  });
});

describe("the order of releases", () => {
  const action = fc.record({
    add: fc.boolean(),
    address: fc.bigInt({ min: 0n, max: 40n }),
    order: fc.integer({ min: 0, max: 60 }),
  });

  test("has the first one first, however they come and go", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
        const order = new ReleaseOrder();
        const model = new Map<bigint, number>();
        for (const one of actions) {
          if (one.add) order.add(one.address, one.order);
          else order.remove(one.address);
          if (one.add) model.set(one.address, one.order);
          else model.delete(one.address);
          const sorted = [...model].sort(
            ([address, at], [other, otherAt]) => at - otherAt || Number(address - other),
          );
          expect(order.first).toBe(sorted[0]?.[0]);
          expect(order.size).toBe(model.size);
        }
      }),
    );
  });
});

describe("a pool", () => {
  const low = 0xac12_0000n;
  const action = fc.record({
    what: fc.constantFrom("take", "release", "forget", "next"),
    offset: fc.bigInt({ min: -3n, max: 70n }),
  });

  test("gives the lowest unused, then the first released, and nothing when all are taken", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.array(action, { maxLength: 200 }),
        (bits, all) => {
          const pool = new Pool({ low, bits });
          const addresses = Array.from({ length: 2 ** bits }, (_, offset) => low + BigInt(offset));
          const taken = new Set<bigint>();
          let released: bigint[] = [];
          for (const [order, { what, offset }] of all.entries()) {
            const address = what === "next" ? pool.next : low + offset;
            if (address === undefined) continue;
            expect(pool.covers(address)).toBe(addresses.includes(address));
            if (what === "release") pool.release(address, order);
            else if (what === "forget") pool.forget(address);
            else pool.take(address);
            if (addresses.includes(address)) {
              released = released.filter((one) => one !== address);
              taken.delete(address);
              if (what === "release") released.push(address);
              else if (what !== "forget") taken.add(address);
            }
            const unused = addresses.find((one) => !taken.has(one) && !released.includes(one));
            expect(pool.next).toBe(unused ?? released[0]);
            expect(pool.firstReleased).toBe(released[0]);
          }
        },
      ),
    );
  });
});
