// The store in ZooKeeper does what every store does, whatever becomes of its servers.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Committed, Store } from "../../../lib/network/store/store.ts";
import {
  openZooKeeperStore,
  type ZooKeeperStoreOptions,
} from "../../../lib/network/store/zookeeper.ts";
import { lacks } from "../../support/features.ts";
import { countDescriptors } from "../../support/processes.ts";
import { startZooKeeper, type ZooKeeper, type ZooKeeperServer } from "../../support/zookeeper.ts";
import { refused } from "../refused.ts";
import { describeStore } from "./contract.ts";
import { describeCluster, describeServer, type Engine } from "./servers.ts";

const patience = { timeout: 30_000, interval: 50 };

describe.skipIf(await lacks("zookeeper"))("ZooKeeper", { timeout: 120_000 }, () => {
  let zookeeper: ZooKeeper;
  let stores = 0;
  beforeAll(async () => {
    zookeeper = await startZooKeeper();
  }, 60_000);
  afterAll(() => zookeeper.end());

  const newPath = () => {
    stores += 1;
    return `/stores/${stores}`;
  };
  const open = (path = newPath()) => openZooKeeperStore({ servers: zookeeper.addresses, path });
  const put = (store: Store, key: string, value: number) => store.commit({ put: [{ key, value }] });

  describeStore("a store in ZooKeeper", open, { revisions: "counted", shortestTtlMs: 1000 });

  const engine: Engine<ZooKeeperServer> = {
    start: (members) => startZooKeeper(members),
    open: (servers, options) =>
      openZooKeeperStore({ servers: servers.map(({ address }) => address), ...options }),
  };
  describeServer(engine);
  describeCluster(engine);

  describe("of several handles", () => {
    test("has each commit of all once, though all write at the same time", async () => {
      const path = newPath();
      const handles = await Promise.all(Array.from({ length: 5 }, () => open(path)));
      const puts = handles.flatMap((store, handle) =>
        Array.from({ length: 40 }, (_, n) => put(store, `${handle}/${n}`, n)),
      );
      const revisions = (await Promise.all(puts)).map((outcome) => {
        if (!outcome.committed) throw new Error("conflict");
        return outcome.revision;
      });
      expect(revisions.toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: 200 }, (_, n) => n + 1),
      );
      const listings = await Promise.all(handles.map((store) => store.list("")));
      for (const listing of listings) expect(listing).toEqual(listings[0]);
      expect(listings[0]?.entries).toHaveLength(200);
      for (const store of handles) await store.close();
    });

    test("lets one of them win where all want the same key", async () => {
      const path = newPath();
      const handles = await Promise.all(Array.from({ length: 5 }, () => open(path)));
      const absent = { key: "a", revision: 0 };
      const outcomes = await Promise.all(
        handles.map((store, value) => store.commit({ if: [absent], put: [{ key: "a", value }] })),
      );
      expect(outcomes.filter(({ committed }) => committed)).toHaveLength(1);
      expect(outcomes.find(({ committed }) => !committed)).toMatchObject({ conflict: absent });
      for (const store of handles) await store.close();
    });

    test("tells each of what the others do, and of the end of their leases", async () => {
      const path = newPath();
      await using store = await open(path);
      await using other = await open(path);
      const seen: Committed[] = [];
      const watching = (async () => {
        for await (const committed of store.watch({ prefix: "", after: 0 })) {
          if (seen.push(committed) === 2) return;
        }
      })();
      const lease = await other.openLease();
      await other.commit({ put: [{ key: "a", value: 1, lease: lease.id }] });
      await lease.close();
      await watching;
      expect(seen).toEqual([
        { revision: 1, changes: [{ key: "a", value: 1 }] },
        { revision: 2, changes: [{ key: "a" }] },
      ]);
      const again = { put: [{ key: "a", value: 1, lease: lease.id }] };
      expect(await refused(() => store.commit(again))).toEqual({ code: "LEASE_LOST" });
    });

    test("is whole for one who comes after thousands of commits", async () => {
      const path = newPath();
      await using store = await open(path);
      for (let n = 0; n < 2500; n += 1) await put(store, `k${n % 50}`, n);
      // The records from which it was made are read if they are asked for.
      await using other = await open(path);
      expect(await other.list("")).toEqual(await store.list(""));
      const { commits } = await other.changes("k7", 0);
      expect(commits.map(({ revision }) => revision)).toEqual(
        Array.from({ length: 50 }, (_, n) => 8 + 50 * n),
      );
    });
  });

  test("keeps no more of its records than it has to remember, and one snapshot", async () => {
    const path = newPath();
    await using store = await open(path);
    for (let round = 0; round < 1050; round += 1) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => put(store, `k${n}`, round)));
    }
    const numbers = async (folder: string) =>
      (await zookeeper.children(`${path}/${folder}`)).map((name) => Number.parseInt(name, 10));
    await vi.waitFor(async () => expect(await numbers("snapshots")).toHaveLength(1), patience);
    const [snapshot = 0] = await numbers("snapshots");
    await vi.waitFor(async () => expect(await numbers("parts")).toEqual([snapshot]), patience);
    const log = await numbers("log");
    expect(Math.min(...log)).toBeGreaterThan(400);
    await using other = await open(path);
    expect(await other.list("")).toEqual(await store.list(""));
    const { revision } = await store.list("");
    const after = revision - 10_000;
    expect((await other.changes("", after)).commits).toHaveLength(10_000);
    expect(await other.changes("", after)).toEqual(await store.changes("", after));
  });

  describe("a lease of a process", () => {
    const script = fileURLToPath(new URL("../../fixtures/store-process.mjs", import.meta.url));

    /** A process that holds `held` by a lease of a second. */
    async function holder(path: string): Promise<ChildProcess> {
      const place = `zookeeper://${zookeeper.server.address}${path}`;
      const child = spawn(process.execPath, [script, place, "lease", "1000"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout ?? child, "data");
      return child;
    }

    async function kill(child: ChildProcess): Promise<void> {
      child.kill("SIGKILL");
      await once(child, "exit");
    }

    test("that is killed ends, and those who are there hear of it", async () => {
      const path = newPath();
      await using store = await open(path);
      const child = await holder(path);
      expect((await store.get("held"))?.value).toBe(child.pid);
      await kill(child);
      await vi.waitFor(async () => expect(await store.get("held")).toBeUndefined(), patience);
    });

    test("that is killed while nobody is there has ended for the next who comes", async () => {
      const path = newPath();
      const child = await holder(path);
      await kill(child);
      await vi.waitFor(async () => {
        await using store = await open(path);
        expect((await store.list("")).entries).toEqual([]);
      }, patience);
    });
  });

  test("leaves no descriptor open", async () => {
    const before = countDescriptors();
    for (let round = 0; round < 3; round += 1) {
      const store = await open();
      const watch = store.watch({ prefix: "", after: 0 }).next();
      const [lease, left] = [await store.openLease(), await store.openLease()];
      await store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] });
      left.leave();
      await watch;
      await store.close();
    }
    await vi.waitFor(() => expect(countDescriptors()).toBeLessThanOrEqual(before), patience);
  });

  describe("refuses", () => {
    test.each<[string, Partial<ZooKeeperStoreOptions> | object]>([
      ["servers", {}],
      ["servers", { servers: "127.0.0.1:2181" }],
      ["servers[0]", { servers: [5] }],
      ["path", { servers: ["a:1"], path: 5 }],
      ["requestTimeoutMs", { servers: ["a:1"], requestTimeoutMs: "5" }],
      ["server", { servers: ["a:1"], server: "a" }],
    ])("%s of the wrong type", async (property, options) => {
      const opening = () => openZooKeeperStore(options as ZooKeeperStoreOptions);
      expect(await refused(opening)).toEqual({ code: "ERR_INVALID_ARG_TYPE", property });
    });

    test.each<[string, object]>([
      ["servers", { servers: [] }],
      ["servers[0]", { servers: ["http://127.0.0.1:2181"] }],
      ["servers[0]", { servers: ["127.0.0.1"] }],
      ["servers[0]", { servers: ["127.0.0.1:0"] }],
      ["servers[0]", { servers: ["127.0.0.1:65536"] }],
      ["servers[0]", { servers: ["a:1,b:2"] }],
      ["path", { servers: ["a:1"], path: "vethwork" }],
      ["path", { servers: ["a:1"], path: "/" }],
      ["path", { servers: ["a:1"], path: "/a/" }],
      ["path", { servers: ["a:1"], path: "/a/../b" }],
      ["requestTimeoutMs", { servers: ["a:1"], requestTimeoutMs: 99 }],
    ])("%s out of range", async (property, options) => {
      const opening = () => openZooKeeperStore(options as ZooKeeperStoreOptions);
      expect(await refused(opening)).toEqual({ code: "ERR_OUT_OF_RANGE", property });
    });

    test("servers that are not there, in time", async () => {
      const opening = openZooKeeperStore({ servers: ["127.0.0.1:1"], requestTimeoutMs: 500 });
      const refusal = await opening.catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "STORE_FAILED", operation: "openZooKeeperStore" });
    });
  });
});
