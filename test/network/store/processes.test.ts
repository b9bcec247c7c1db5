// One store on disk and several processes, some of which are killed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openLmdbStore } from "../../../lib/network/store/lmdb.ts";
import type { Json, Store } from "../../../lib/network/store/store.ts";
import { refused } from "../refused.ts";

const script = fileURLToPath(new URL("../../fixtures/store-process.mjs", import.meta.url));

let directory: string;
let children: ChildProcess[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "vethwork-store-"));
  children = [];
});
afterEach(async () => {
  for (const child of children) await end(child);
  await rm(directory, { recursive: true });
});

/** A process that works on the store, and the lines that it says. */
function start(...args: string[]): { child: ChildProcess; lines: AsyncIterator<string> } {
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, [script, directory, ...args], { stdio: [...stdio] });
  children.push(child);
  if (child.stdout === null) throw new Error("no pipe");
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

/** Kills a process, and waits until its parent has seen it end. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function withStore(work: (store: Store) => Promise<void>, busyTimeoutMs = 10_000) {
  const store = await openLmdbStore({ directory, busyTimeoutMs });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

const read = async (store: Store, key: string): Promise<Json | undefined> =>
  (await store.get(key))?.value;

describe("several processes on one store", () => {
  test("lose no step of a counter that each adds to by put-if", { timeout: 60_000 }, async () => {
    const processes = Array.from({ length: 3 }, () => start("count", "300").child);
    for (const [code] of await Promise.all(processes.map((child) => once(child, "exit")))) {
      expect(code).toBe(0);
    }
    await withStore(async (store) => {
      expect(await store.get("counter")).toEqual({ key: "counter", value: 900, revision: 900 });
    });
  });

  test("are all seen by a watch, in order", { timeout: 60_000 }, async () => {
    await withStore(async (store) => {
      const watching = (async () => {
        const values: Json[] = [];
        for await (const { revision, changes } of store.watch({ prefix: "counter", after: 0 })) {
          expect(changes).toEqual([{ key: "counter", value: revision }]);
          if (values.push(changes[0]?.value ?? null) === 400) break;
        }
        return values;
      })();
      for (let number = 0; number < 2; number += 1) start("count", "200");
      expect(await watching).toEqual(Array.from({ length: 400 }, (_, n) => n + 1));
    });
  });

  test("wake a watch when they write, without being asked", async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] }); // the clock never rings
    try {
      await withStore(async (store) => {
        const seen = store.watch({ prefix: "counter", after: 0 }).next();
        start("count", "1");
        expect((await seen).value?.changes).toEqual([{ key: "counter", value: 1 }]);
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test("that hangs in the middle of a write makes others busy, and gives way when it ends", async () => {
    await withStore(async (store) => {
      await store.commit({ put: [{ key: "a", value: 1 }] });
      const { child, lines } = start("hang");
      expect((await lines.next()).value).toBe("hangs");
      const put = [{ key: "a", value: 2 }];
      expect(await refused(() => store.commit({ put }))).toEqual({ code: "STORE_BUSY" });
      expect(await read(store, "a")).toBe(1);
      await end(child);
      expect(await store.commit({ put: [{ key: "a", value: 3 }] })).toMatchObject({ revision: 2 });
      expect((await store.list("")).entries.map(({ key }) => key)).toEqual(["a"]);
    }, 200);
  });
});

describe("a process that is killed", () => {
  test("leaves whole commits, and each that it was told is made", { timeout: 60_000 }, async () => {
    let told = 0;
    for (let round = 0; round < 15; round += 1) {
      const { child, lines } = start("twins");
      const enough = told + 5 + round * 7;
      while (told < enough) told = Number((await lines.next()).value);
      const ended = once(child, "close");
      child.kill("SIGKILL");
      for (let line = await lines.next(); !line.done; line = await lines.next()) {
        told = Number(line.value);
      }
      await ended;
      await withStore(async (store) => {
        const left = Number(await read(store, "left"));
        expect(await read(store, "right")).toBe(left);
        expect(left).toBeGreaterThanOrEqual(told);
        expect(left).toBeLessThanOrEqual(told + 1);
        const { commits, revision } = await store.changes("left", 0);
        expect(revision).toBe(left);
        expect(commits.map(({ changes }) => changes[0]?.value)).toEqual(
          Array.from({ length: left }, (_, n) => n + 1),
        );
        told = left;
      });
    }
  });

  test("loses its lease at once, though there is time left", async () => {
    await withStore(async (store) => {
      const { child, lines } = start("lease", "3600000");
      expect((await lines.next()).value).toBe("held");
      expect(await read(store, "held")).toBe(child.pid);
      const { revision } = await store.list("");
      const seen = store.watch({ prefix: "held", after: revision }).next();
      await end(child);
      expect((await seen).value?.changes).toEqual([{ key: "held" }]);
      expect(await read(store, "held")).toBeUndefined();
    });
  });

  test("loses its lease before its parent has taken notice of its end", async () => {
    await withStore(async (store) => {
      // A shell that does not wait for its child, which is a zombie when it has ended.
      const parent = spawn(
        "sh",
        [
          "-c",
          '"$@" & exec sleep 60',
          "sh",
          process.execPath,
          script,
          directory,
          "lease",
          "3600000",
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      children.push(parent);
      await once(parent.stdout, "data");
      const holder = Number(await read(store, "held"));
      process.kill(holder, "SIGKILL");
      await vi.waitFor(async () => expect(await store.get("held")).toBeUndefined());
      process.kill(holder, 0); // there still
    });
  });
});

describe("a process that is stopped", () => {
  test("loses its lease when the time is over, and hears of it when it goes on", async () => {
    await withStore(async (store) => {
      const { child, lines } = start("lease", "300");
      expect((await lines.next()).value).toBe("held");
      expect(await read(store, "held")).toBe(child.pid);
      child.kill("SIGSTOP");
      await vi.waitFor(async () => expect(await store.get("held")).toBeUndefined(), 5000);
      child.kill("SIGCONT");
      expect((await lines.next()).value).toBe("LEASE_LOST");
    });
  });
});
