// The store in etcd while servers end, stop and come back, are not what they were, or are full.

import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { NetworkError } from "../../../lib/network/errors.ts";
import { type EtcdStoreOptions, openEtcdStore } from "../../../lib/network/store/etcd.ts";
import type { Store } from "../../../lib/network/store/store.ts";
import {
  type Etcd,
  type EtcdOptions,
  type EtcdServer,
  etcdctl,
  startEtcd,
} from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { countDescriptors } from "../../support/processes.ts";
import {
  describeCluster,
  describeServer,
  type Engine,
  put,
  putSurely,
  valuesOf,
} from "./servers.ts";

const failed = { code: "STORE_FAILED" };
const patience = { timeout: 40_000, interval: 100 };

/** Runs a test with servers and a store of theirs. */
async function withEtcd(
  test: (etcd: Etcd, store: Store) => Promise<void>,
  servers: EtcdOptions = {},
  options: Partial<EtcdStoreOptions> = { requestTimeoutMs: 40_000 },
): Promise<void> {
  const etcd = await startEtcd(servers);
  try {
    const store = await openEtcdStore({ endpoints: etcd.endpoints, ...options });
    try {
      await test(etcd, store);
    } finally {
      for (const server of etcd.servers) server.goOn();
      await store.close();
    }
  } finally {
    await etcd.end();
  }
}

describe.skipIf(await lacks("etcd"))("a store in etcd", { timeout: 120_000 }, () => {
  const engine: Engine<EtcdServer> = {
    start: (members) => startEtcd({ members }),
    open: (servers, options) =>
      openEtcdStore({ endpoints: servers.map(({ endpoint }) => endpoint), ...options }),
  };
  describeServer(engine);
  describeCluster(engine);

  test("hears of a lease that etcd has ended", () =>
    withEtcd(async ({ server }, store) => {
      const lease = await store.openLease({ ttlMs: 3_600_000 });
      const ended = once(lease.ended, "abort");
      await etcdctl(server, "lease", "revoke", BigInt(lease.id).toString(16));
      await ended;
      expect(lease.ended.reason).toMatchObject({ code: "LEASE_LOST", subject: lease.id });
    }));

  test("misses nothing while others write and etcd forgets, though its watch breaks off", () =>
    withEtcd(async ({ server }, store) => {
      await using other = await openEtcdStore({ endpoints: [server.endpoint], prefix: "other/" });
      await put(store, 0);
      const { revision } = await store.list("");
      const values = valuesOf(store, revision);
      for (let value = 0; value < 100; value += 1) await put(other, value);
      await etcdctl(server, "compact", `${(await other.list("")).revision}`);
      await server.restart();
      await putSurely(store, 1);
      await vi.waitFor(() => expect(values).toEqual([1]), patience);
    }));

  test("refuses what is too large for etcd, and when etcd is full", () =>
    withEtcd(
      async ({ server }, store) => {
        const large = await store
          .commit({ put: [{ key: "a", value: "x".repeat(200_000) }] })
          .catch((error: unknown) => error);
        expect(large).toBeInstanceOf(NetworkError);
        expect(large).toMatchObject(failed);
        expect(String(large)).toContain("too large");
        const fill = async () => {
          for (let n = 0; n < 1000; n += 1) {
            await store.commit({ put: [{ key: `k/${n}`, value: "x".repeat(50_000) }] });
          }
        };
        const full = await fill().catch((error: unknown) => error);
        expect(full).toMatchObject(failed);
        expect(String(full)).toContain("database space exceeded");
        expect(String(full)).not.toContain("may have been made");
        expect((await store.list("")).entries.length).toBeGreaterThan(0);
        expect(await etcdctl(server, "alarm", "list")).toContain("NOSPACE");
      },
      { args: ["--max-request-bytes", "100000", "--quota-backend-bytes", "8000000"] },
    ));

  test("opens by the endpoint that answers, and says why if none does", () =>
    withEtcd(async ({ server }) => {
      const dead = "http://127.0.0.1:1";
      await using store = await openEtcdStore({ endpoints: [dead, server.endpoint] });
      await put(store, 1);
      const refusal = await openEtcdStore({ endpoints: [dead] }).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ ...failed, operation: "openEtcdStore" });
      expect(String(refusal)).toContain("ECONNREFUSED");
      const web = createServer((socket) =>
        socket.resume().end("HTTP/1.1 404 Not Found\r\n\r\nnothing"),
      );
      await once(web.listen(0, "127.0.0.1"), "listening");
      const { port } = web.address() as { port: number };
      const strange = openEtcdStore({ endpoints: [`http://127.0.0.1:${port}`] });
      expect(String(await strange.catch((error: unknown) => error))).toContain("status 404");
      web.close();
    }));

  test("leaves no descriptor open, and nothing in etcd that is not to stay", () =>
    withEtcd(async ({ server }) => {
      const before = countDescriptors();
      for (let round = 0; round < 3; round += 1) {
        const store = await openEtcdStore({ endpoints: [server.endpoint], prefix: "brief/" });
        const { revision: after } = await store.list("");
        const watch = store.watch({ prefix: "", after }).next();
        const lease = await store.openLease();
        await store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] });
        await watch;
        await store.close();
      }
      await vi.waitFor(() => expect(countDescriptors()).toBeLessThanOrEqual(before), patience);
      const left = await etcdctl(server, "get", "--prefix", "--keys-only", "brief/");
      expect(left.trim()).toBe("brief/head");
      expect((await etcdctl(server, "lease", "list")).trim()).toBe("found 0 leases");
    }));
});
