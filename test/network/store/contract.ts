// What every store has to do, as a suite that each passes.

import { watch } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Commit, Committed, Json, Outcome, Store } from "../../../lib/network/store/store.ts";
import { refused } from "../refused.ts";

// libuv keeps the inotify descriptor that its first use makes: it is no leak of these tests.
watch(tmpdir(), { persistent: false }).close();

/** In what stores may differ. */
export interface Traits {
  /** Whether revisions count the store's commits, from 1, or only grow with them. */
  readonly revisions: "counted" | "growing";
  /** Milliseconds for which the shortest lease lives that it can keep on a busy machine. */
  readonly shortestTtlMs: number;
}

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
  readonly #next: (revision: number) => Promise<number>;
  revision: number;

  /** @param next what revision the store gave to a commit that follows another one's */
  constructor(revision: number, next: (revision: number) => Promise<number>) {
    this.revision = revision;
    this.#next = next;
  }

  /** The revision of the commit of a number, counted from 1; another one's if there is none. */
  revisionOf(number: number): number {
    return number === 0 ? 0 : (this.history[number - 1]?.revision ?? this.revision + number);
  }

  holds(condition: NonNullable<Commit["if"]>[number]): boolean {
    if ("key" in condition) {
      return (this.entries.get(condition.key)?.revision ?? 0) === condition.revision;
    }
    return ![...this.entries.keys()].some((name) => name.startsWith(condition.emptyPrefix));
  }

  async commit(commit: Commit): Promise<Outcome> {
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
      const revision = await this.#next(this.revision);
      for (const name of gone) this.entries.delete(name);
      for (const { key, value } of put) this.entries.set(key, { value, revision });
      changes.sort((one, other) => (one.key < other.key ? -1 : 1));
      this.history.push({ revision, changes });
      this.revision = revision;
    }
    return { committed: true, revision: this.revision };
  }

  list(prefix: string) {
    return [...this.entries]
      .filter(([name]) => name.startsWith(prefix))
      .map(([key, entry]) => ({ key, ...entry }))
      .sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  changes(prefix: string, after: number): Committed[] {
    return this.history.flatMap(({ revision, changes }) => {
      if (revision <= after) return [];
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

/** A condition that was drawn, with the revision of the commit that it means by its number. */
function real(model: Model, drawn: NonNullable<Commit["if"]>[number]) {
  return "key" in drawn ? { ...drawn, revision: model.revisionOf(drawn.revision) } : drawn;
}

/** Runs the suite on stores that `open` makes, each empty. */
export function describeStore(
  name: string,
  open: () => Promise<Store>,
  { revisions, shortestTtlMs }: Traits = { revisions: "counted", shortestTtlMs: 100 },
): void {
  const isCounted = revisions === "counted";

  /** That revisions are those of commits one after the other, after a revision. */
  function expectInOrder(after: number, found: readonly number[]): void {
    if (isCounted) expect(found).toEqual(found.map((_, position) => after + position + 1));
    else {
      for (const [position, revision] of found.entries()) {
        expect(revision).toBeGreaterThan(found[position - 1] ?? after);
      }
    }
  }

  describe(name, () => {
    let store: Store;
    /** The revision at which a test begins. */
    let start: number;
    beforeEach(async () => {
      store = await open();
      const listing = await store.list("");
      expect(listing.entries).toEqual([]);
      if (isCounted) expect(listing.revision).toBe(0);
      start = listing.revision;
    });
    afterEach(() => store.close());

    const put = (key: string, value: Json) => made(store.commit({ put: [{ key, value }] }));

    describe("commits", () => {
      test("put, and have revisions in their order", async () => {
        expect(await store.get("a")).toBeUndefined();
        const one = await put("a", { b: [1, null, "c"] });
        const other = await put("d", 5);
        expectInOrder(start, [one, other]);
        expect(await store.get("a")).toEqual({
          key: "a",
          value: { b: [1, null, "c"] },
          revision: one,
        });
        expect(await store.list("")).toEqual({
          entries: [
            { key: "a", value: { b: [1, null, "c"] }, revision: one },
            { key: "d", value: 5, revision: other },
          ],
          revision: other,
        });
      });

      test("put only if the key is as it was", async () => {
        const absent = { key: "a", revision: 0 };
        const one = await made(store.commit({ if: [absent], put: [{ key: "a", value: 1 }] }));
        expect(await store.commit({ if: [absent], put: [{ key: "a", value: 2 }] })).toEqual({
          committed: false,
          conflict: absent,
        });
        expect((await store.get("a"))?.value).toBe(1);
        const other = await made(
          store.commit({ if: [{ key: "a", revision: one }], put: [{ key: "a", value: 3 }] }),
        );
        expectInOrder(start, [one, other]);
        expect(await store.get("a")).toEqual({ key: "a", value: 3, revision: other });
      });

      test("delete only if the key is as it was", async () => {
        const revision = await put("a", 1);
        const stale = { key: "a", revision: revision + 8 };
        expect(await store.commit({ if: [stale], delete: ["a"] })).toMatchObject({
          conflict: stale,
        });
        await made(store.commit({ if: [{ key: "a", revision }], delete: ["a"] }));
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
        const revision = await put("a", 1);
        const unchanged = { committed: true, revision };
        const holds = { key: "a", revision };
        expect(await store.commit({})).toEqual(unchanged);
        expect(await store.commit({ if: [holds] })).toEqual(unchanged);
        expect(await store.commit({ delete: ["b"], deletePrefix: ["c"] })).toEqual(unchanged);
        expect((await store.list("")).revision).toBe(revision);
        // The same value, put again, is a change.
        expectInOrder(revision, [await put("a", 1)]);
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
        expectInOrder(
          start,
          revisions.toSorted((one, other) => one - other),
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
            const { revision: begun } = await fresh.list("");
            const model = new Model(begun, async (revision) => {
              const { revision: next } = await fresh.list("");
              expectInOrder(revision, [next]);
              return next;
            });
            for (const drawn of commits) {
              const one = { ...drawn, if: drawn.if?.map((condition) => real(model, condition)) };
              const outcome = await fresh.commit(one as Commit);
              expect(outcome).toEqual(await model.commit(one as Commit));
            }
            expect((await fresh.list(prefix)).entries).toEqual(model.list(prefix));
            expect((await fresh.list("")).entries).toEqual(model.list(""));
            for (let number = 0; number <= model.history.length; number += 3) {
              const after = number === 0 ? begun : model.revisionOf(number);
              expect(await fresh.changes(prefix, after)).toEqual({
                commits: model.changes(prefix, after),
                revision: model.revision,
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
        expect((await store.list("")).revision).toBe(start);
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
        expect((await store.list("")).revision).toBe(start);
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
        const one = await put("a/1", 1);
        await put("b/1", 2);
        const last = await made(store.commit({ put: [{ key: "b/2", value: 3 }], delete: ["a/1"] }));
        expect(await store.changes("a/", start)).toEqual({
          commits: [
            { revision: one, changes: [{ key: "a/1", value: 1 }] },
            { revision: last, changes: [{ key: "a/1" }] },
          ],
          revision: last,
        });
        expect(await store.changes("", last)).toEqual({ commits: [], revision: last });
      });

      test("after a revision that there has not been are refused", async () => {
        const refusal = await refused(() => store.changes("", start + 1));
        expect(refusal).toEqual({ code: "STORE_COMPACTED" });
      });

      // Where others make revisions, too, they decide how long these are remembered.
      test.runIf(isCounted)(
        "are remembered for 10,000 commits, and refused once forgotten",
        {
          timeout: 60_000,
        },
        async () => {
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
        },
      );
    });

    describe("a watch", () => {
      test("sees what was, and what comes, each commit once and whole", async () => {
        const one = await put("a/1", 1);
        const seen = first(4, store.watch({ prefix: "a/", after: start }));
        await put("b/1", 0);
        const two = await made(
          store.commit({
            put: [
              { key: "a/2", value: 2 },
              { key: "a/3", value: 3 },
            ],
          }),
        );
        const three = await made(store.commit({ delete: ["a/1"], put: [{ key: "c", value: 1 }] }));
        const four = await put("a/2", null);
        expect(await seen).toEqual([
          { revision: one, changes: [{ key: "a/1", value: 1 }] },
          {
            revision: two,
            changes: [
              { key: "a/2", value: 2 },
              { key: "a/3", value: 3 },
            ],
          },
          { revision: three, changes: [{ key: "a/1" }] },
          { revision: four, changes: [{ key: "a/2", value: null }] },
        ]);
      });

      test("goes on where a listing ended", async () => {
        await put("a", 1);
        const { revision } = await store.list("");
        const seen = first(1, store.watch({ prefix: "", after: revision }));
        const next = await put("a", 2);
        expect(await seen).toEqual([{ revision: next, changes: [{ key: "a", value: 2 }] }]);
      });

      test("sees a thousand commits made at once, by many watchers, in order", async () => {
        const watches = Array.from({ length: 5 }, () =>
          first(1000, store.watch({ prefix: "", after: start })),
        );
        const made = await Promise.all(Array.from({ length: 1000 }, (_, n) => put(`key/${n}`, n)));
        const revisions = made.toSorted((one, other) => one - other);
        expectInOrder(start, revisions);
        for (const seen of await Promise.all(watches)) {
          expect(seen.map(({ revision }) => revision)).toEqual(revisions);
        }
      });

      test("ends by its signal, with the signal's reason, also while it waits", async () => {
        const reason = new Error("enough");
        const before = first(
          1,
          store.watch({ prefix: "", after: start, signal: AbortSignal.abort(reason) }),
        );
        expect(await before.catch((error: unknown) => error)).toBe(reason);
        const controller = new AbortController();
        const during = first(
          1,
          store.watch({ prefix: "", after: start, signal: controller.signal }),
        );
        const outcome = during.catch((error: unknown) => error);
        await store.get("a"); // by now it waits
        controller.abort(reason);
        expect(await outcome).toBe(reason);
      });

      test("ends when the store is closed", async () => {
        const revision = await put("a", 1);
        const watch = store.watch({ prefix: "", after: start });
        expect((await watch.next()).value?.revision).toBe(revision);
        const next = watch.next();
        await store.close();
        expect(await next).toEqual({ done: true, value: undefined });
      });
    });

    describe("a lease", () => {
      test("takes its keys with it in one commit when it is closed", async () => {
        const lease = await store.openLease();
        const mine = ["a", "b"].map((key) => ({ key, value: 1, lease: lease.id }));
        const put = await made(store.commit({ put: [...mine, { key: "c", value: 1 }] }));
        expect(lease.ended.aborted).toBe(false);
        await lease.close();
        await lease.close();
        expect(lease.ended.aborted).toBe(true);
        expect((await store.list("")).entries.map((entry) => entry.key)).toEqual(["c"]);
        const { commits } = await store.changes("", put);
        expect(commits).toMatchObject([{ changes: [{ key: "a" }, { key: "b" }] }]);
        expectInOrder(
          put,
          commits.map(({ revision }) => revision),
        );
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
        const lease = await store.openLease({ ttlMs: shortestTtlMs });
        await made(store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] }));
        block(shortestTtlMs * 1.5);
        expect(await store.get("a")).toBeUndefined();
        expect(lease.ended.aborted).toBe(true);
        expect(lease.ended.reason).toMatchObject({ code: "LEASE_LOST", subject: lease.id });
        expect(
          await refused(() => store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] })),
        ).toEqual({ code: "LEASE_LOST" });
        await lease.close();
      });

      test("lasts longer than its time to live, as long as it is renewed", async () => {
        // A disk that others write to can take some tenths of a second for what renews it.
        const ttlMs = Math.max(3 * shortestTtlMs, 1500);
        const lease = await store.openLease({ ttlMs });
        const put = { key: "a", value: 1, lease: lease.id };
        const revision = await made(store.commit({ put: [put] }));
        for (let pause = 0; pause < 15; pause += 1) {
          await new Promise((resolve) => setTimeout(resolve, ttlMs / 6));
        }
        expect((await store.get("a"))?.value).toBe(1);
        expect(lease.ended.aborted).toBe(false);
        expect((await store.list("")).revision).toBe(revision); // renewing is no commit
        await lease.close();
      });

      test("that was left takes its keys when its time is over, but those of another lease by then", async () => {
        const lease = await store.openLease({ ttlMs: shortestTtlMs });
        const mine = ["a", "b"].map((key) => ({ key, value: 1, lease: lease.id }));
        const after = await made(store.commit({ put: mine }));
        const seen = first(2, store.watch({ prefix: "", after }));
        lease.leave();
        lease.leave();
        expect(lease.ended.aborted).toBe(true);
        expect((await store.list("")).entries.map(({ key }) => key)).toEqual(["a", "b"]);
        const next = await store.openLease({ ttlMs: 10 * shortestTtlMs });
        await made(store.commit({ put: [{ key: "a", value: 2, lease: next.id }] }));
        expect((await seen)[1]?.changes).toEqual([{ key: "b" }]);
        expect((await store.get("a"))?.value).toBe(2);
        await next.close();
        expect(await store.get("a")).toBeUndefined();
      });

      test("that is lost is seen by a watch", async () => {
        const lease = await store.openLease({ ttlMs: shortestTtlMs });
        const after = await made(store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] }));
        const seen = first(1, store.watch({ prefix: "", after }));
        block(shortestTtlMs * 1.5);
        const [{ revision = 0, changes = [] } = {}] = await seen;
        expect(changes).toEqual([{ key: "a" }]);
        expectInOrder(after, [revision]);
      });

      test("that nobody knows is refused, and nothing is put", async () => {
        const commit = {
          put: [
            { key: "a", value: 1 },
            { key: "b", value: 1, lease: "none" },
          ],
        };
        expect(await refused(() => store.commit(commit))).toEqual({ code: "LEASE_LOST" });
        expect(await store.list("")).toEqual({ entries: [], revision: start });
      });

      test("ends with the store's handle", async () => {
        const lease = await store.openLease();
        await store.close();
        expect(lease.ended.aborted).toBe(true);
      });
    });
  });
}
