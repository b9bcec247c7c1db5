// What every store has to do, as a suite that each passes.

import { watch } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Commit, Committed, Json, Outcome, Store } from "../../../lib/network/store/store.ts";
import { refused } from "../refused.ts";

// libuv keeps the inotify descriptor that its first use makes: it is no leak of these tests.
watch(tmpdir(), { persistent: false }).close();

/** Stops the event loop, so that no timer of this process runs meanwhile. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** The first so many commits of a watch. */
async function first(count: number, watch: AsyncIterable<Committed>): Promise<Committed[]> {
  const commits: Committed[] = [];
  for await (const committed of watch) if (commits.push(committed) === count) break;
  return commits;
}

/** The revision of a commit that has to be made. */
async function made(outcome: Promise<Outcome>): Promise<number> {
  const ended = await outcome;
  if (!ended.committed) throw new Error(`conflict: ${JSON.stringify(ended.conflict)}`);
  return ended.revision;
}

const key = fc.stringMatching(/^[!-~]{1,8}$/);
const nearKey = fc.stringMatching(/^[ab/]{1,3}$/);

/** A value that is the same after JSON. */
const value = fc.jsonValue().map((json): Json => JSON.parse(JSON.stringify(json)));

/** What a store should have, kept in the simplest way. */
class Model {
  readonly entries = new Map<string, { value: Json; revision: number }>();
  readonly history: Committed[] = [];

  holds(condition: NonNullable<Commit["if"]>[number]): boolean {
    if ("key" in condition) {
      return (this.entries.get(condition.key)?.revision ?? 0) === condition.revision;
    }
    return ![...this.entries.keys()].some((name) => name.startsWith(condition.emptyPrefix));
  }

  commit(commit: Commit): Outcome {
    const conflict = commit.if?.find((condition) => !this.holds(condition));
    if (conflict) return { committed: false, conflict };
    const gone = [...this.entries.keys()].filter(
      (name) =>
        commit.delete?.includes(name) ||
        commit.deletePrefix?.some((prefix) => name.startsWith(prefix)),
    );
    const put = commit.put ?? [];
    const changes = [
      ...put.map(({ key, value }) => ({ key, value })),
      ...gone.map((key) => ({ key })),
    ];
    if (changes.length > 0) {
      const revision = this.history.length + 1;
      for (const name of gone) this.entries.delete(name);
      for (const { key, value } of put) this.entries.set(key, { value, revision });
      changes.sort((one, other) => (one.key < other.key ? -1 : 1));
      this.history.push({ revision, changes });
    }
    return { committed: true, revision: this.history.length };
  }

  list(prefix: string) {
    return [...this.entries]
      .filter(([name]) => name.startsWith(prefix))
      .map(([key, entry]) => ({ key, ...entry }))
      .sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  changes(prefix: string, after: number): Committed[] {
    return this.history.slice(after).flatMap(({ revision, changes }) => {
      const below = changes.filter(({ key }) => key.startsWith(prefix));
      return below.length === 0 ? [] : [{ revision, changes: below }];
    });
  }
}

const condition = fc.oneof(
  fc.record({ key: nearKey, revision: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ emptyPrefix: nearKey }),
);
const commit: fc.Arbitrary<Commit> = fc
  .record({
    if: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(condition, { maxLength: 2 })),
    put: fc.uniqueArray(fc.record({ key: nearKey, value }), {
      maxLength: 3,
      selector: (put) => put.key,
    }),
    delete: fc.array(nearKey, { maxLength: 2 }),
    deletePrefix: fc.array(nearKey, { maxLength: 1 }),
  })
  .map((steps) => ({
    ...steps,
    put: steps.put.filter(
      (put) =>
        !steps.delete.includes(put.key) &&
        !steps.deletePrefix.some((prefix) => put.key.startsWith(prefix)),
    ),
  }));

/** Runs the suite on stores that `open` makes, each empty. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const put = (key: string, value: Json) => made(store.commit({ put: [{ key, value }] }));

    describe("commits", () => {
      test("put, and are counted from 1", async () => {
        expect(await store.get("a")).toBeUndefined();
        expect(await put("a", { b: [1, null, "c"] })).toBe(1);
        expect(await put("d", 5)).toBe(2);
        expect(await store.get("a")).toEqual({
          key: "a",
          value: { b: [1, null, "c"] },
          revision: 1,
        });
        expect(await store.list("")).toEqual({
          entries: [
            { key: "a", value: { b: [1, null, "c"] }, revision: 1 },
            { key: "d", value: 5, revision: 2 },
          ],
          revision: 2,
        });
      });

      test("put only if the key is as it was", async () => {
        const absent = { key: "a", revision: 0 };
        expect(await store.commit({ if: [absent], put: [{ key: "a", value: 1 }] })).toEqual({
          committed: true,
          revision: 1,
        });
        expect(await store.commit({ if: [absent], put: [{ key: "a", value: 2 }] })).toEqual({
          committed: false,
          conflict: absent,
        });
        expect((await store.get("a"))?.value).toBe(1);
        await made(
          store.commit({ if: [{ key: "a", revision: 1 }], put: [{ key: "a", value: 3 }] }),
        );
        expect(await store.get("a")).toEqual({ key: "a", value: 3, revision: 2 });
      });

      test("delete only if the key is as it was", async () => {
        await put("a", 1);
        const stale = { key: "a", revision: 9 };
        expect(await store.commit({ if: [stale], delete: ["a"] })).toMatchObject({
          conflict: stale,
        });
        await made(store.commit({ if: [{ key: "a", revision: 1 }], delete: ["a"] }));
        expect(await store.get("a")).toBeUndefined();
      });

      test("delete what begins alike, and only if nothing does", async () => {
        for (const name of ["a/1", "a/2", "b/1"]) await put(name, name);
        const empty = { emptyPrefix: "a/" };
        expect(await store.commit({ if: [empty], delete: ["b/1"] })).toMatchObject({
          conflict: empty,
        });
        await made(store.commit({ deletePrefix: ["a/"] }));
        await made(store.commit({ if: [empty], delete: ["b/1"] }));
        expect((await store.list("")).entries).toEqual([]);
      });

      test("that change nothing take no revision", async () => {
        await put("a", 1);
        expect(await store.commit({})).toEqual({ committed: true, revision: 1 });
        expect(await store.commit({ delete: ["b"], deletePrefix: ["c"] })).toEqual({
          committed: true,
          revision: 1,
        });
        expect(await put("a", 1)).toBe(2); // the same value, put again, is a change
      });

      test("made at the same time on one key: one is made, the others see it", async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, value) =>
            store.commit({ if: [{ key: "a", revision: 0 }], put: [{ key: "a", value }] }),
          ),
        );
        expect(outcomes.filter(({ committed }) => committed)).toHaveLength(1);
        expect((await store.get("a"))?.value).toBe(outcomes.findIndex((one) => one.committed));
      });

      test("made at the same time on many keys are all made, in some order", async () => {
        const revisions = await Promise.all(
          Array.from({ length: 200 }, (_, number) => put(`key/${number}`, number)),
        );
        expect(revisions.toSorted((one, other) => one - other)).toEqual(
          Array.from({ length: 200 }, (_, number) => number + 1),
        );
        expect((await store.list("key/")).entries).toHaveLength(200);
      });

      test("keep what was given, not the object", async () => {
        const value: { list: Json[] } = { list: [1] };
        const committing = store.commit({ put: [{ key: "a", value }] });
        value.list.push(2);
        await committing;
        const read = (await store.get("a")) as unknown as { value: { list: Json[] } };
        read.value.list.push(3);
        expect((await store.get("a"))?.value).toEqual({ list: [1] });
      });

      test("take any key and any value, and list them in the keys' order", async () => {
        const entries = fc.uniqueArray(fc.tuple(key, value), {
          selector: ([name]) => name,
          maxLength: 20,
        });
        await fc.assert(
          fc.asyncProperty(entries, async (pairs) => {
            await store.commit({ deletePrefix: [""] });
            await made(store.commit({ put: pairs.map(([key, value]) => ({ key, value })) }));
            const { entries } = await store.list("");
            expect(entries.map((entry) => [entry.key, entry.value])).toEqual(
              pairs.toSorted(([one], [other]) => (one < other ? -1 : 1)),
            );
          }),
          { numRuns: 50 },
        );
      });

      test("take values of a megabyte, and keys of 500 characters", async () => {
        const text = "x".repeat(1024 * 1024 - 2);
        const name = "k".repeat(500);
        await put(name, text);
        expect((await store.get(name))?.value).toBe(text);
        expect((await store.list("kk")).entries).toHaveLength(1);
      });
    });

    test("does what a map with a history does", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(commit, { maxLength: 25 }), nearKey, async (commits, prefix) => {
          const fresh = await open();
          try {
            const model = new Model();
            for (const one of commits) expect(await fresh.commit(one)).toEqual(model.commit(one));
            expect((await fresh.list(prefix)).entries).toEqual(model.list(prefix));
            expect((await fresh.list("")).entries).toEqual(model.list(""));
            for (let after = 0; after <= model.history.length; after += 3) {
              expect(await fresh.changes(prefix, after)).toEqual({
                commits: model.changes(prefix, after),
                revision: model.history.length,
              });
            }
          } finally {
            await fresh.close();
          }
        }),
        { numRuns: 40 },
      );
    });

    describe("refuses", () => {
      const cyclic: Record<string, unknown> = {};
      cyclic.self = cyclic;

      test.each<[string, unknown]>([
        ["commit", undefined],
        ["commit", 5],
        ["puts", { puts: [] }],
        ["put", { put: "a" }],
        ["put[0]", { put: [null] }],
        ["put[0].key", { put: [{ value: 1 }] }],
        ["put[0].lease", { put: [{ key: "a", value: 1, lease: 5 }] }],
        ["put[0].value", { put: [{ key: "a" }] }],
        ["put[0].value", { put: [{ key: "a", value: undefined }] }],
        ["put[0].value", { put: [{ key: "a", value: { b: undefined } }] }],
        ["put[0].value", { put: [{ key: "a", value: Array(2) }] }],
        ["put[0].value", { put: [{ key: "a", value: Number.NaN }] }],
        ["put[0].value", { put: [{ key: "a", value: 5n }] }],
        ["put[0].value", { put: [{ key: "a", value: new Date() }] }],
        ["put[0].value", { put: [{ key: "a", value: cyclic }] }],
        ["put[0].value", { put: [{ key: "a", value: () => 1 }] }],
        ["put[0].ttl", { put: [{ key: "a", value: 1, ttl: 5 }] }],
        ["if[0].revision", { if: [{ key: "a", revision: "0" }] }],
        ["if[0].key", { if: [{ revision: 0 }] }],
        ["if[0].key", { if: [{ emptyPrefix: "a", key: "a" }] }],
        ["delete[0]", { delete: [5] }],
        ["deletePrefix[0]", { deletePrefix: [undefined] }],
      ])("%s of the wrong type", async (property, commit) => {
        expect(await refused(() => store.commit(commit as Commit))).toEqual({
          code: "ERR_INVALID_ARG_TYPE",
          property,
        });
        expect((await store.list("")).revision).toBe(0);
      });

      test.each<[string, Commit]>([
        ["put[0].key", { put: [{ key: "", value: 1 }] }],
        ["put[0].key", { put: [{ key: "a b", value: 1 }] }],
        ["put[0].key", { put: [{ key: "ä", value: 1 }] }],
        ["put[0].key", { put: [{ key: "a\0", value: 1 }] }],
        ["put[0].key", { put: [{ key: "a".repeat(501), value: 1 }] }],
        [
          "put",
          {
            put: [
              { key: "a", value: 1 },
              { key: "a", value: 2 },
            ],
          },
        ],
        ["put", { put: [{ key: "a", value: 1 }], delete: ["a"] }],
        ["put", { put: [{ key: "ab", value: 1 }], deletePrefix: ["a"] }],
        ["commit", { put: [{ key: "a", value: "ä".repeat(600_000) }] }],
        ["commit", { delete: Array.from({ length: 101 }, (_, n) => `nobody/${n}`) }],
        ["if[0].revision", { if: [{ key: "a", revision: -1 }] }],
        ["if[0].revision", { if: [{ key: "a", revision: 1.5 }] }],
        ["delete[1]", { delete: ["a", "b\n"] }],
      ])("%s out of range", async (property, commit) => {
        expect(await refused(() => store.commit(commit))).toEqual({
          code: "ERR_OUT_OF_RANGE",
          property,
        });
        expect((await store.list("")).revision).toBe(0);
      });

      test("other bad arguments", async () => {
        const wrong = (property: string) => ({ code: "ERR_INVALID_ARG_TYPE", property });
        const far = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });
        expect(await refused(() => store.get(5 as never))).toEqual(wrong("key"));
        expect(await refused(() => store.get(""))).toEqual(far("key"));
        expect(await refused(() => store.list(undefined as never))).toEqual(wrong("prefix"));
        expect(await refused(() => store.changes("", "0" as never))).toEqual(wrong("after"));
        expect(await refused(() => store.changes("", -1))).toEqual(far("after"));
        const signal = {} as AbortSignal;
        expect(await refused(() => store.watch({ prefix: "", after: 0, signal }))).toEqual(
          wrong("signal"),
        );
        expect(await refused(() => store.watch({ prefix: "" } as never))).toEqual(wrong("after"));
        expect(await refused(() => store.openLease({ ttlMs: 1 }))).toEqual(far("ttlMs"));
        expect(await refused(() => store.openLease({ ttl: 1 } as never))).toEqual(wrong("ttl"));
      });

      test("everything after it was closed", async () => {
        await store.close();
        await store.close();
        const closed = { code: "STORE_CLOSED" };
        expect(await refused(() => store.get("a"))).toEqual(closed);
        expect(await refused(() => store.list("a"))).toEqual(closed);
        expect(await refused(() => store.changes("a", 0))).toEqual(closed);
        expect(await refused(() => store.commit({}))).toEqual(closed);
        expect(await refused(() => store.watch({ prefix: "", after: 0 }))).toEqual(closed);
        expect(await refused(() => store.openLease())).toEqual(closed);
      });
    });

    describe("changes", () => {
      test("are those below a prefix, with the revision of all", async () => {
        await put("a/1", 1);
        await put("b/1", 2);
        await made(store.commit({ put: [{ key: "b/2", value: 3 }], delete: ["a/1"] }));
        expect(await store.changes("a/", 0)).toEqual({
          commits: [
            { revision: 1, changes: [{ key: "a/1", value: 1 }] },
            { revision: 3, changes: [{ key: "a/1" }] },
          ],
          revision: 3,
        });
        expect(await store.changes("", 3)).toEqual({ commits: [], revision: 3 });
      });

      test("after a revision that there has not been are refused", async () => {
        expect(await refused(() => store.changes("", 1))).toEqual({ code: "STORE_COMPACTED" });
      });

      test("are remembered for 10,000 commits, and refused once forgotten", {
        timeout: 60_000,
      }, async () => {
        const commits = 20_100;
        for (let begun = 0; begun < commits; begun += 300) {
          await Promise.all(Array.from({ length: 300 }, (_, n) => put("a", begun + n)));
        }
        const { commits: remembered, revision } = await store.changes("", commits - 10_000);
        expect(revision).toBe(commits);
        expect(remembered).toHaveLength(10_000);
        expect(remembered[0]?.revision).toBe(commits - 10_000 + 1);
        expect(await refused(() => store.changes("", 0))).toEqual({ code: "STORE_COMPACTED" });
        expect(await refused(() => first(1, store.watch({ prefix: "", after: 5 })))).toEqual({
          code: "STORE_COMPACTED",
        });
        expect((await store.list("")).entries).toHaveLength(1);
      });
    });

    describe("a watch", () => {
      test("sees what was, and what comes, each commit once and whole", async () => {
        await put("a/1", 1);
        const seen = first(4, store.watch({ prefix: "a/", after: 0 }));
        await put("b/1", 0);
        await made(
          store.commit({
            put: [
              { key: "a/2", value: 2 },
              { key: "a/3", value: 3 },
            ],
          }),
        );
        await made(store.commit({ delete: ["a/1"], put: [{ key: "c", value: 1 }] }));
        await put("a/2", null);
        expect(await seen).toEqual([
          { revision: 1, changes: [{ key: "a/1", value: 1 }] },
          {
            revision: 3,
            changes: [
              { key: "a/2", value: 2 },
              { key: "a/3", value: 3 },
            ],
          },
          { revision: 4, changes: [{ key: "a/1" }] },
          { revision: 5, changes: [{ key: "a/2", value: null }] },
        ]);
      });

      test("goes on where a listing ended", async () => {
        await put("a", 1);
        const { revision } = await store.list("");
        const seen = first(1, store.watch({ prefix: "", after: revision }));
        await put("a", 2);
        expect(await seen).toEqual([{ revision: 2, changes: [{ key: "a", value: 2 }] }]);
      });

      test("sees a thousand commits made at once, by many watchers, in order", async () => {
        const watches = Array.from({ length: 5 }, () =>
          first(1000, store.watch({ prefix: "", after: 0 })),
        );
        await Promise.all(Array.from({ length: 1000 }, (_, n) => put(`key/${n}`, n)));
        for (const seen of await Promise.all(watches)) {
          expect(seen.map(({ revision }) => revision)).toEqual(
            Array.from({ length: 1000 }, (_, n) => n + 1),
          );
        }
      });

      test("ends by its signal, with the signal's reason, also while it waits", async () => {
        const reason = new Error("enough");
        const before = first(
          1,
          store.watch({ prefix: "", after: 0, signal: AbortSignal.abort(reason) }),
        );
        expect(await before.catch((error: unknown) => error)).toBe(reason);
        const controller = new AbortController();
        const during = first(1, store.watch({ prefix: "", after: 0, signal: controller.signal }));
        const outcome = during.catch((error: unknown) => error);
        await store.get("a"); // by now it waits
        controller.abort(reason);
        expect(await outcome).toBe(reason);
      });

      test("ends when the store is closed", async () => {
        await put("a", 1);
        const watch = store.watch({ prefix: "", after: 0 });
        expect((await watch.next()).value?.revision).toBe(1);
        const next = watch.next();
        await store.close();
        expect(await next).toEqual({ done: true, value: undefined });
      });
    });

    describe("a lease", () => {
      test("takes its keys with it in one commit when it is closed", async () => {
        const lease = await store.openLease();
        const mine = ["a", "b"].map((key) => ({ key, value: 1, lease: lease.id }));
        await made(store.commit({ put: [...mine, { key: "c", value: 1 }] }));
        expect(lease.ended.aborted).toBe(false);
        await lease.close();
        await lease.close();
        expect(lease.ended.aborted).toBe(true);
        expect((await store.list("")).entries.map((entry) => entry.key)).toEqual(["c"]);
        expect((await store.changes("", 1)).commits).toEqual([
          { revision: 2, changes: [{ key: "a" }, { key: "b" }] },
        ]);
      });

      test("does not take a key that was put anew without it, or deleted and put", async () => {
        const lease = await store.openLease();
        await made(
          store.commit({ put: ["a", "b"].map((key) => ({ key, value: 1, lease: lease.id })) }),
        );
        await put("a", 2);
        await made(store.commit({ delete: ["b"] }));
        await put("b", 2);
        await lease.close();
        expect((await store.list("")).entries.map((entry) => entry.value)).toEqual([2, 2]);
      });

      test("is lost when its owner does not renew it in time, and its keys with it", async () => {
        const lease = await store.openLease({ ttlMs: 100 });
        await made(store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] }));
        block(150);
        expect(await store.get("a")).toBeUndefined();
        expect(lease.ended.aborted).toBe(true);
        expect(lease.ended.reason).toMatchObject({ code: "LEASE_LOST", subject: lease.id });
        expect(
          await refused(() => store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] })),
        ).toEqual({ code: "LEASE_LOST" });
        await lease.close();
      });

      test("lasts longer than its time to live, as long as it is renewed", async () => {
        const lease = await store.openLease({ ttlMs: 300 });
        await made(store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] }));
        for (let pause = 0; pause < 15; pause += 1) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        expect((await store.get("a"))?.value).toBe(1);
        expect(lease.ended.aborted).toBe(false);
        expect((await store.list("")).revision).toBe(1); // renewing is no commit
        await lease.close();
      });

      test("that is lost is seen by a watch", async () => {
        const lease = await store.openLease({ ttlMs: 100 });
        await made(store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] }));
        const seen = first(1, store.watch({ prefix: "", after: 1 }));
        block(150);
        expect(await seen).toEqual([{ revision: 2, changes: [{ key: "a" }] }]);
      });

      test("that nobody knows is refused, and nothing is put", async () => {
        const commit = {
          put: [
            { key: "a", value: 1 },
            { key: "b", value: 1, lease: "none" },
          ],
        };
        expect(await refused(() => store.commit(commit))).toEqual({ code: "LEASE_LOST" });
        expect(await store.list("")).toEqual({ entries: [], revision: 0 });
      });

      test("ends with the store's handle", async () => {
        const lease = await store.openLease();
        await store.close();
        expect(lease.ended.aborted).toBe(true);
      });
    });
  });
}
