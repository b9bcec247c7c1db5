// What a tail tells: everything once, and then what comes, whatever the store forgets meanwhile.

import { expect, test } from "vitest";
import { NetworkError } from "../../../lib/network/errors.ts";
import { openMemoryStore } from "../../../lib/network/store/memory.ts";
import type { History, Store } from "../../../lib/network/store/store.ts";
import { Tail } from "../../../lib/network/store/tail.ts";

/** What a keeper has been told, as it keeps it. */
function kept(store: Store) {
  const told = new Map<string, unknown>();
  const tail = new Tail(store, "a/", {
    begin: (entries) => {
      told.clear();
      for (const { key, value } of entries) told.set(key, value);
    },
    apply: (changes) => {
      for (const { key, value } of changes) {
        if (value === undefined) told.delete(key);
        else told.set(key, value);
      }
    },
  });
  return { tail, told };
}

const put = (key: string, value: number) => ({ put: [{ key, value }] });

test("a tail catches up, and follows until it is to end", async () => {
  await using store = openMemoryStore();
  await store.commit(put("a/1", 1));
  await store.commit(put("b/1", 1));
  const { tail, told } = kept(store);
  await Promise.all([tail.refresh(), tail.refresh()]);
  expect([...told]).toEqual([["a/1", 1]]);
  const ending = new AbortController();
  const following = tail.follow(ending.signal);
  await store.commit(put("a/2", 2));
  await store.commit({ delete: ["a/1"] });
  await expect.poll(() => [...told]).toEqual([["a/2", 2]]);
  ending.abort();
  await following;
  await store.commit(put("a/3", 3));
  await tail.refresh();
  expect([...told].sort()).toEqual([
    ["a/2", 2],
    ["a/3", 3],
  ]);
});

test("a tail begins anew when what it follows is forgotten while it catches up", async () => {
  await using real = openMemoryStore();
  await real.commit(put("a/1", 1));
  let release = () => {};
  let hold = false;
  let forgotten = false;
  const answered = new Promise<void>((resolve) => {
    release = resolve;
  });
  const store: Store = Object.create(real, {
    changes: {
      value: async (prefix: string, after: number): Promise<History> => {
        const history = await real.changes(prefix, after);
        if (hold) await answered;
        return history;
      },
    },
    list: { value: (prefix: string) => real.list(prefix) },
    watch: {
      value: async function* () {
        if (forgotten) return;
        forgotten = true;
        yield* [];
        await expect.poll(() => hold).toBe(true);
        const reason = "it is forgotten";
        throw new NetworkError("STORE_COMPACTED", { operation: "watch", reason });
      },
    },
  });
  const { tail, told } = kept(store);
  const following = tail.follow(new AbortController().signal);
  await expect.poll(() => told.size).toBe(1);
  hold = true;
  const refresh = tail.refresh();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await real.commit(put("a/2", 2));
  hold = false;
  release();
  await Promise.all([refresh, following]);
  await real.commit(put("a/3", 3));
  await tail.refresh();
  expect([...told.keys()].sort()).toEqual(["a/1", "a/2", "a/3"]);
});
