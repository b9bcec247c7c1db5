// Sweeps of counters, against getCounters, `ip -s` and the links that there are.

import { describe, expect, test } from "vitest";
import {
  addAddress,
  columnOf,
  counterColumns,
  counterRowLength,
  createLink,
  deleteLink,
  deleteLinks,
  getCounters,
  listCounters,
  openCounters,
  setLink,
} from "../../lib/index.ts";
import { native } from "../../lib/native.ts";
import { inside, ip, pings, type Sandbox, withSandboxes } from "../support/sandbox.ts";

/** Two sandboxes joined by a veth pair, `left` with index 10 and `right` with index 20. */
async function join(left: Sandbox, right: Sandbox): Promise<void> {
  await createLink(left, {
    kind: "veth",
    name: "left",
    index: 10,
    up: true,
    peer: { name: "right", index: 20, namespace: right },
  });
  await setLink(right, 20, { up: true });
  await addAddress(left, 10, "10.0.0.1/24");
  await addAddress(right, 20, "10.0.0.2/24");
}

const offline = { ipv6: false };

/** How many events the kernel has dropped, of the socket that it has dropped most of. */
async function drops(sandbox: Sandbox): Promise<number> {
  const sockets = (await inside(sandbox, "cat", "/proc/net/netlink")).trim().split("\n").slice(1);
  return Math.max(...sockets.map((line) => Number(line.trim().split(/\s+/).at(-2))));
}

describe("the columns", () => {
  test("are those of the native table, in its order", () => {
    const rows = native().schema().nouns.statistics ?? [];
    const counters = rows.filter((row) => row.name !== "link" && row.name !== "index");
    expect(counterColumns).toEqual(counters.map((row) => row.name));
    expect(counters.map((row) => row.type)).toEqual(counterColumns.map((_, n) => n * 8));
  });

  test("are found by name", () => {
    expect(columnOf("rxPackets")).toBe(0);
    expect(columnOf("rxOtherhostDropped")).toBe(counterRowLength - 1);
  });
});

describe("a sweep", () => {
  for (const source of ["netlink", "proc"] as const) {
    test(`from ${source} has what getCounters and ip say`, () =>
      withSandboxes(
        2,
        async ([left, right]) => {
          await join(left, right);
          for (let n = 0; n < 3; n += 1) expect(await pings(left, "10.0.0.2")).toBe(true);

          using reader = await openCounters(left, { source });
          const into = reader.allocate();
          expect(reader.time).toBe(0n);
          expect(await reader.read(into)).toBe(2);
          const row = reader.indexes.indexOf(10);
          const named = await getCounters(left, 10);
          for (const column of counterColumns) {
            const value = into[row * counterRowLength + columnOf(column)];
            expect([column, value]).toEqual([column, named[column]]);
          }
          const [witness] = await ip(left, "-s", "link", "show", "left");
          expect(Number(into[row * counterRowLength + columnOf("rxPackets")])).toBe(
            witness.stats64.rx.packets,
          );
          expect(witness.stats64.rx.packets).toBeGreaterThanOrEqual(3);

          const before = reader.time;
          expect(before).toBeGreaterThan(0n);
          const again = reader.allocate();
          expect(reader.readSync(again)).toBe(2);
          expect(again).toEqual(into);
          expect(reader.time).toBeGreaterThan(before);
        },
        offline,
      ));
  }

  test("of chosen links has these alone, by name, index or object", () =>
    withSandboxes(1, async ([sandbox]) => {
      const bridge = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await createLink(sandbox, { kind: "veth", name: "a", peer: { name: "b" } });
      using reader = await openCounters(sandbox, { links: [bridge, { name: "a" }, 1] });
      expect([...reader.indexes].sort()).toEqual(
        [1, bridge.index, (await ip(sandbox, "link", "show", "a"))[0].ifindex].sort(),
      );
      expect(reader.readSync(reader.allocate())).toBe(3);
    }));

  test("of a group and of a bridge's ports follows who joins and leaves", () =>
    withSandboxes(1, async ([sandbox]) => {
      const bridge = await createLink(sandbox, { kind: "bridge", name: "br0" });
      const pair = { kind: "veth", name: "a", peer: { name: "b" } } as const;
      const veth = await createLink(sandbox, pair);
      using group = await openCounters(sandbox, { group: 7 });
      using ports = await openCounters(sandbox, { master: { name: "br0" } });
      const into = new BigUint64Array(10 * counterRowLength);
      expect([group.readSync(into), ports.readSync(into)]).toEqual([0, 0]);

      await setLink(sandbox, veth, { group: 7, master: bridge });
      expect([group.readSync(into), ports.readSync(into)]).toEqual([1, 1]);
      expect([...group.indexes, ...ports.indexes]).toEqual([veth.index, veth.index]);

      await setLink(sandbox, veth, { group: 0, master: 0 });
      group.readSync(into);
      ports.readSync(into);
      expect([...group.indexes, ...ports.indexes]).toEqual([0, 0]);
    }));

  test("of far ends has what the other side counts", () =>
    withSandboxes(
      2,
      async ([left, right]) => {
        await join(left, right);
        expect(await pings(left, "10.0.0.2")).toBe(true);
        using reader = await openCounters(left, { links: [10], farEnds: true });
        const into = reader.allocate();
        await reader.read(into);
        const far = await getCounters(right, 20);
        for (const column of ["rxPackets", "txPackets", "rxBytes", "txBytes"] as const) {
          expect(into[columnOf(column)]).toBe(far[column]);
        }
      },
      offline,
    ));
});

describe("rows", () => {
  test("stay a link's own, are zero without one, and changes are told in order", () =>
    withSandboxes(1, async ([sandbox]) => {
      const add = (index: number) =>
        createLink(sandbox, {
          kind: "veth",
          name: `v${index}`,
          index,
          peer: { name: `p${index}`, index: index + 1 },
        });
      await add(10);
      using reader = await openCounters(sandbox);
      const into = new BigUint64Array(20 * counterRowLength);
      reader.readSync(into);
      const first = reader.takeChanges();
      expect(first.map(({ type, index }) => `${type} ${index}`).sort()).toEqual([
        "added 1",
        "added 10",
        "added 11",
      ]);
      expect(reader.takeChanges()).toEqual([]);

      await add(30);
      reader.readSync(into);
      const rowOf30 = reader.indexes.indexOf(30);
      const rowOf10 = reader.indexes.indexOf(10);
      await deleteLink(sandbox, 10);
      into.fill(1n);
      reader.readSync(into);
      expect(reader.indexes[rowOf10]).toBe(0);
      expect(reader.indexes[rowOf30]).toBe(30);
      const free = into.subarray(rowOf10 * counterRowLength, (rowOf10 + 1) * counterRowLength);
      expect(free.every((value) => value === 0n)).toBe(true);
      const told = reader.takeChanges().map(({ type, name }) => `${type} ${name}`);
      expect(told.slice(-2).sort()).toEqual(["removed p10", "removed v10"]);
    }));

  test("tell nothing of links that came and went meanwhile, whatever row they had", () =>
    withSandboxes(1, async ([sandbox]) => {
      const add = (name: string) =>
        createLink(sandbox, { kind: "veth", name, peer: { name: `${name}p` } });
      await add("old");
      using reader = await openCounters(sandbox);
      const into = new BigUint64Array(20 * counterRowLength);
      const told = () => reader.takeChanges().map(({ type, name }) => `${type} ${name}`);
      reader.readSync(into);
      expect(told().sort()).toEqual(["added lo", "added old", "added oldp"]);
      await deleteLink(sandbox, { name: "old" });
      for (let round = 0; round < 20; round += 1) {
        await add("brief");
        reader.readSync(into);
        await deleteLink(sandbox, { name: "brief" });
        reader.readSync(into);
      }
      await add("new");
      reader.readSync(into);
      const changes = told();
      expect(changes.slice(0, 2).sort()).toEqual(["removed old", "removed oldp"]);
      expect(changes.slice(2).sort()).toEqual(["added new", "added newp"]);
      expect(told()).toEqual([]);
      await deleteLink(sandbox, { name: "new" });
      reader.readSync(into);
      expect(told().sort()).toEqual(["removed new", "removed newp"]);
    }));

  test("of an index that is used again are another link's", () =>
    withSandboxes(1, async ([sandbox]) => {
      const pair = {
        kind: "veth",
        name: "old",
        index: 50,
        peer: { name: "far", index: 51 },
      } as const;
      await createLink(sandbox, pair);
      using reader = await openCounters(sandbox, { links: [50] });
      const into = new BigUint64Array(4 * counterRowLength);
      reader.readSync(into);
      reader.takeChanges();
      await deleteLink(sandbox, 50);
      await createLink(sandbox, { ...pair, name: "new" });
      reader.readSync(into);
      expect(reader.takeChanges().map(({ type, name }) => `${type} ${name}`)).toEqual([
        "removed old",
        "added new",
      ]);
    }));

  test.each([
    ["all links", undefined],
    ["one link", [{ name: "kept0" }]],
  ])("of %s are right though the kernel had to drop events", (_, links) =>
    withSandboxes(1, async ([sandbox]) => {
      const bridge = { kind: "bridge", up: true } as const;
      // Up, because the kernel does not tell of such changes to a link that is down.
      const kept = await createLink(sandbox, { ...bridge, name: "kept0", index: 50 });
      const going = await createLink(sandbox, { kind: "bridge", name: "going0", index: 60 });
      using reader = await openCounters(sandbox, links ? { links } : {});
      const into = new BigUint64Array(20 * counterRowLength);
      reader.readSync(into);
      reader.takeChanges();

      // Nobody reads meanwhile, so the receive queue fills up, whatever its size.
      for (let round = 0; (await drops(sandbox)) === 0; round += 1) {
        expect(round).toBeLessThan(20);
        const flood = Array.from({ length: 4000 }, (_, n) =>
          setLink(sandbox, kept, { alias: `${n}`.padStart(200, "x") }),
        );
        await Promise.all(flood);
      }
      await deleteLink(sandbox, going);
      await createLink(sandbox, { kind: "bridge", name: "came0", index: 70 });

      const rows = await reader.read(into);
      const present = [...reader.indexes].filter((index) => index !== 0);
      expect(present.sort()).toEqual(links ? [50] : [1, 50, 70]);
      expect(rows).toBe(reader.indexes.length);
      const told = reader.takeChanges().map(({ type, name }) => `${type} ${name}`);
      expect(told.sort()).toEqual(links ? [] : ["added came0", "removed going0"]);
    }),
  );

  test("agree with a list after a thousand links came and half of them went", () =>
    withSandboxes(
      1,
      async ([sandbox]) => {
        using reader = await openCounters(sandbox);
        const names = Array.from({ length: 500 }, (_, n) => `v${n}`);
        const made = await Promise.all(
          names.map((name) =>
            createLink(sandbox, { kind: "veth", name, peer: { name: `${name}p` } }),
          ),
        );
        await deleteLinks(sandbox, made.slice(0, 250));
        const into = new BigUint64Array(1200 * counterRowLength);
        await reader.read(into);
        const listed = (await listCounters(sandbox)).map(({ index }) => index);
        const rows = [...reader.indexes].filter((index) => index !== 0);
        expect(rows.sort((a, b) => a - b)).toEqual(listed.sort((a, b) => a - b));
      },
      offline,
    ));
});

describe("what is refused", () => {
  test("an array without room stays as it was", () =>
    withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "veth", name: "a", peer: { name: "b" } });
      using reader = await openCounters(sandbox);
      const small = new BigUint64Array(2 * counterRowLength).fill(7n);
      const refusal = { code: "ERR_OUT_OF_RANGE", property: "into" };
      await expect(reader.read(small)).rejects.toMatchObject(refusal);
      expect(() => reader.readSync(small)).toThrow(expect.objectContaining(refusal));
      expect(small.every((value) => value === 7n)).toBe(true);
    }));

  test("bad options, an unknown link, a closed reader", () =>
    withSandboxes(1, async ([sandbox]) => {
      const refused = (options: object, code: string) =>
        expect(openCounters(sandbox, options)).rejects.toMatchObject({ code });
      await refused({ colour: 1 }, "ERR_INVALID_ARG_TYPE");
      await refused({ group: 1, master: 1 }, "ERR_INVALID_ARG_TYPE");
      await refused({ group: -1 }, "ERR_OUT_OF_RANGE");
      await refused({ source: "guess" }, "ERR_OUT_OF_RANGE");
      await refused({ links: [{ name: "none" }] }, "ENODEV");

      const reader = await openCounters(sandbox);
      reader.close();
      reader.close();
      expect(() => reader.readSync(new BigUint64Array(100))).toThrow("closed");
    }));

  test("an array that is taken away while it is filled is not written", () =>
    withSandboxes(1, async ([sandbox]) => {
      using reader = await openCounters(sandbox);
      const into = new BigUint64Array(counterRowLength * 10);
      const reading = reader.read(into);
      const taken = structuredClone(into, { transfer: [into.buffer as ArrayBuffer] });
      await expect(reading).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE" });
      expect(taken.every((value) => value === 0n)).toBe(true);
    }));
});
