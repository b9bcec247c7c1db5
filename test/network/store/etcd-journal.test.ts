// What is made of etcd's words, without an etcd.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Journal } from "../../../lib/network/store/etcd/journal.ts";
import { Layout } from "../../../lib/network/store/etcd/layout.ts";
import { watchResponses } from "../../../lib/network/store/etcd/stream.ts";
import { encoded, type WatchEvent } from "../../../lib/network/store/etcd/wire.ts";

const layout = new Layout("here/");
const none: ReadonlyMap<string, number> = new Map();

/** An event of a key below the prefix: a put if there is a value. */
function event(revision: number, path: string, value?: unknown): WatchEvent {
  const kv = { key: encoded(`here/${path}`), mod_revision: `${revision}` };
  if (value === undefined) return { type: "DELETE", kv };
  return { kv: { ...kv, value: encoded(JSON.stringify(value)) } };
}

describe("a journal", () => {
  test("keeps commits whole, in the order of their keys, and none twice", () => {
    const journal = new Journal(layout, { revision: 3, leases: none });
    const commit = [event(5, "entry/b", 1), event(5, "entry/a"), event(5, "head", "x")];
    journal.note([event(3, "entry/a", 0), ...commit, event(7, "entry/c", 2)]);
    journal.note([...commit, event(8, "head", "x")]);
    expect(journal.changes("", 3)).toEqual({
      commits: [
        { revision: 5, changes: [{ key: "a" }, { key: "b", value: 1 }] },
        { revision: 7, changes: [{ key: "c", value: 2 }] },
      ],
      revision: 8,
    });
    expect(journal.changes("c", 5).commits).toHaveLength(1);
    expect(journal.changes("", 20)).toEqual({ commits: [], revision: 20 });
  });

  test("knows all of a moment when the last commit and the ends of leases have come", () => {
    const journal = new Journal(layout, { revision: 3, leases: new Map([["7", 2]]) });
    const moment = { cluster: "", revision: 9, head: 5, leases: 0 };
    expect(journal.knows(moment)).toBe(false);
    journal.note([event(5, "lease/8", 1), event(5, "head", "x")]);
    expect(journal.knows(moment)).toBe(false);
    expect(journal.note([event(6, "lease/8"), event(6, "entry/a")])).toEqual(["8"]);
    expect(journal.knows(moment)).toBe(false);
    expect(journal.note([event(8, "lease/7")])).toEqual(["7"]);
    expect(journal.knows(moment)).toBe(true);
    // What began later says nothing of that moment.
    journal.note([event(11, "lease/9", 1)]);
    expect(journal.knows(moment)).toBe(true);
  });

  test("forgets the older half when it has grown too large, and says so", () => {
    const journal = new Journal(layout, { revision: 0, leases: none }, 10_000);
    for (let revision = 1; revision <= 100; revision += 1) {
      journal.note([event(revision, "entry/a", "x".repeat(100))]);
      const { commits } = journal.changes("", journal.from);
      expect(commits).toHaveLength(revision - journal.from);
    }
    expect(journal.from).toBeGreaterThan(50);
  });
});

describe("the answers of a watch", () => {
  const read = async (status: number, pieces: Iterable<Uint8Array>) => {
    const answers = [];
    const stream = (async function* () {
      yield* pieces;
    })();
    for await (const answer of watchResponses(status, stream)) answers.push(answer);
    return answers;
  };

  test("are the same however they are cut into pieces", async () => {
    const results = ["ä", "b\n", "", "c".repeat(50)].map((cancel_reason) => ({ cancel_reason }));
    const text = results.map((result) => `${JSON.stringify({ result })}\n`).join("");
    const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const bytes = Buffer.from(text);
        const ends = [...places.toSorted((one, other) => one - other), bytes.length];
        const pieces = ends.map((end, position) => bytes.subarray(ends[position - 1] ?? 0, end));
        expect(await read(200, pieces)).toEqual(results);
      }),
    );
  });

  test("can be a refusal, or something that etcd would not say", async () => {
    const bytes = (text: string) => [Buffer.from(text)];
    const refusal = { error: { grpc_code: 7, message: "permission denied" } };
    await expect(read(200, bytes(`${JSON.stringify(refusal)}\n`))).rejects.toMatchObject({
      ...{ name: "EtcdRefusal", code: 7, isForbidden: true },
    });
    await expect(read(502, bytes("<html>"))).rejects.toMatchObject({ status: 502 });
    await expect(read(401, bytes('{"error":"a","code":16}'))).rejects.toMatchObject({ code: 16 });
  });
});
