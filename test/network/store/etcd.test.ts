// The store in etcd does what every store does, whatever others write to the same etcd.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openEtcdStore } from "../../../lib/network/store/etcd.ts";
import type { Committed, Outcome, Store } from "../../../lib/network/store/store.ts";
import { type Etcd, etcdctl, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { refused } from "../refused.ts";
import { describeStore } from "./contract.ts";

const patience = { timeout: 30_000, interval: 50 };

/** The revision of a commit that has to be made. */
async function made(outcome: Promise<Outcome>): Promise<number> {
  const ended = await outcome;
  if (!ended.committed) throw new Error(`conflict: ${JSON.stringify(ended.conflict)}`);
  return ended.revision;
}

describe.skipIf(await lacks("etcd"))("etcd", () => {
  let etcd: Etcd;
  let stores = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  const newPrefix = () => {
    stores += 1;
    return `stores/${stores}/`;
  };
  const open = (prefix = newPrefix()) => openEtcdStore({ endpoints: etcd.endpoints, prefix });
  const put = (store: Store, key: string, value: number) =>
    made(store.commit({ put: [{ key, value }] }));
  /** What somebody else does to the same etcd. */
  const foreign = (...args: string[]) => etcdctl(etcd.server, ...args);

  describeStore("a store in etcd", open, { revisions: "growing", shortestTtlMs: 1000 });

  describe("beside others", () => {
    test("sees nothing of them, and all that is its own", async () => {
      const prefix = newPrefix();
      await using store = await open(prefix);
      await using neighbour = await open(`${prefix}more/`);
      const { revision: start } = await store.list("");
      await foreign("put", `${prefix.slice(0, -1)}`, "1");
      await foreign("put", `${prefix.slice(0, -1)}~`, "1");
      const one = await put(store, "a", 1);
      await put(neighbour, "a", 2);
      await foreign("put", "zzz", "1");
      expect(await store.list("")).toMatchObject({ entries: [{ key: "a", value: 1 }] });
      expect(await store.commit({ if: [{ emptyPrefix: "b" }] })).toMatchObject({ committed: true });
      expect((await store.changes("", start)).commits).toEqual([
        { revision: one, changes: [{ key: "a", value: 1 }] },
      ]);
    });

    test("knows what has come, though others wrote last, and writes nothing for it", async () => {
      await using store = await open();
      await using other = await open();
      for (let round = 1; round <= 5; round += 1) {
        const { revision: after } = await store.list("");
        const revision = await put(store, "a", round);
        for (let more = 0; more < 20; more += 1) await put(other, "b", more);
        const { revision: before } = await other.list("");
        const history = await store.changes("", after);
        expect(history.commits).toEqual([{ revision, changes: [{ key: "a", value: round }] }]);
        // From there on, nothing more.
        expect((await store.changes("", history.revision)).commits).toEqual([]);
        expect((await store.changes("", before)).commits).toEqual([]);
        expect((await store.list("")).revision).toBe(before);
      }
    });

    test("hears that a lease of another handle has ended, though others wrote since", async () => {
      const prefix = newPrefix();
      await using store = await open(prefix);
      await using other = await open(prefix);
      await using third = await open();
      const lease = await other.openLease();
      const after = await made(other.commit({ put: [{ key: "a", value: 1, lease: lease.id }] }));
      await lease.close();
      await put(third, "b", 1);
      const { commits } = await store.changes("", after);
      expect(commits).toMatchObject([{ changes: [{ key: "a" }] }]);
    });

    test("misses nothing of what is written by hand", async () => {
      const prefix = newPrefix();
      await using store = await open(prefix);
      const after = await put(store, "a", 1);
      const watch = store.watch({ prefix: "", after });
      await foreign("put", `${prefix}entry/b`, '{"by":"hand"}');
      expect((await watch.next()).value?.changes).toEqual([{ key: "b", value: { by: "hand" } }]);
      await foreign("del", "--prefix", prefix);
      expect((await watch.next()).value?.changes).toEqual([{ key: "a" }, { key: "b" }]);
      await watch.return();
      expect(await store.changes("", after)).toMatchObject({ commits: [{}, {}] });
    });

    test("does not take what others have for its own", async () => {
      const [one, other] = [newPrefix(), newPrefix()];
      await foreign("put", `${one}something`, "else");
      expect(await refused(() => open(one))).toEqual({ code: "STORE_CORRUPT" });
      await foreign("put", `${other}head`, "vethwork store 9");
      expect(await refused(() => open(other))).toEqual({ code: "STORE_CORRUPT" });
      const prefix = newPrefix();
      await using store = await open(prefix);
      const after = await put(store, "a", 1);
      await foreign("put", `${prefix}entry/b`, "no JSON");
      const corrupt = { code: "STORE_CORRUPT" };
      expect(await refused(() => store.get("b"))).toEqual(corrupt);
      expect(await refused(() => store.list(""))).toEqual(corrupt);
      await put(store, "c", 1);
      expect(await refused(() => store.changes("", after))).toEqual(corrupt);
    });
  });

  test("has everything when it is opened again, history included", async () => {
    const prefix = newPrefix();
    const store = await open(prefix);
    const { revision: start } = await store.list("");
    for (let value = 0; value < 1500; value += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, more) => put(store, "a", value + more)));
    }
    const [list, changes] = [await store.list(""), await store.changes("", start)];
    await store.close();
    await using again = await open(prefix);
    expect(await again.list("")).toEqual(list);
    expect(await again.changes("", start)).toEqual(changes);
    expect(changes.commits).toHaveLength(1500);
    const seen: Committed[] = [];
    for await (const committed of again.watch({ prefix: "", after: start })) {
      if (seen.push(committed) === 1500) break;
    }
    expect(seen).toEqual(changes.commits);
  });

  test("lists very many keys, at one revision", { timeout: 120_000 }, async () => {
    await using store = await open();
    const keys = Array.from(
      { length: 12_000 },
      (_, number) => `key/${`${number}`.padStart(6, "0")}`,
    );
    for (let begun = 0; begun < keys.length; begun += 100) {
      const puts = keys.slice(begun, begun + 100).map((key) => ({ key, value: "x".repeat(50) }));
      await store.commit({ put: puts });
    }
    const { revision } = await store.list("key/000000");
    const listing = store.list("");
    await store.commit({ deletePrefix: ["key/01"], put: [{ key: "later", value: 1 }] });
    const { entries, revision: at } = await listing;
    const left = [...keys.filter((key) => !key.startsWith("key/01")), "later"];
    expect(entries.map(({ key }) => key)).toEqual(at === revision ? keys : left);
  });

  test("takes large values, and lists them", async () => {
    await using store = await open();
    const value = "ü".repeat(500_000);
    for (let number = 0; number < 5; number += 1) {
      await store.commit({ put: [{ key: `a/${number}`, value }] });
    }
    const { entries } = await store.list("a/");
    expect(entries.map((entry) => entry.value === value)).toEqual(Array(5).fill(true));
  });

  describe("history that etcd has forgotten", () => {
    test("is refused, and what came after it is not", async () => {
      const prefix = newPrefix();
      await using store = await open(prefix);
      const one = await put(store, "a", 1);
      const two = await put(store, "a", 2);
      const three = await put(store, "a", 3);
      expect((await store.changes("", one)).commits).toHaveLength(2);
      await foreign("compact", `${two}`);
      await using later = await open(prefix);
      const compacted = { code: "STORE_COMPACTED" };
      expect(await refused(() => later.changes("", one))).toEqual(compacted);
      expect(await refused(() => later.watch({ prefix: "", after: one }).next())).toEqual(
        compacted,
      );
      const { commits } = await later.changes("", two);
      expect(commits).toEqual([{ revision: three, changes: [{ key: "a", value: 3 }] }]);
      // The handle that heard of all of it can tell still.
      expect((await store.changes("", one)).commits).toHaveLength(2);
    });
  });

  describe("several processes", () => {
    const script = fileURLToPath(new URL("../../fixtures/store-process.mjs", import.meta.url));
    const children: ChildProcess[] = [];
    const start = (...args: string[]) => {
      const child = spawn(process.execPath, [script, etcd.server.endpoint, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      return child;
    };
    afterAll(async () => {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
    });

    test("lose no step of a counter that each adds to by put-if", async () => {
      const processes = Array.from({ length: 2 }, () => start("count", "200"));
      for (const [code] of await Promise.all(processes.map((one) => once(one, "exit")))) {
        expect(code).toBe(0);
      }
      await using store = await open("processes/");
      expect((await store.get("counter"))?.value).toBe(400);
    });

    test("lose their keys some time after they were killed", async () => {
      const child = start("lease", "2000");
      await once(child.stdout ?? child, "data");
      await using store = await open("processes/");
      expect((await store.get("held"))?.value).toBe(child.pid);
      child.kill("SIGKILL");
      await vi.waitFor(async () => expect(await store.get("held")).toBeUndefined(), patience);
    });

    test("end though they have not closed it", async () => {
      const child = start("idle");
      const ended = once(child, "exit");
      if (child.stdout === null) throw new Error("no pipe");
      expect(await text(child.stdout)).toBe("read\n");
      expect((await ended)[0]).toBe(0);
    });
  });
});
