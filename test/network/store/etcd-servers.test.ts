// The store in etcd while servers end, stop, come back, and are not what they were.

import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { NetworkError } from "../../../lib/network/errors.ts";
import { type EtcdStoreOptions, openEtcdStore } from "../../../lib/network/store/etcd.ts";
import type { Json, Store } from "../../../lib/network/store/store.ts";
import { type Etcd, type EtcdOptions, etcdctl, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { countDescriptors } from "../../support/processes.ts";
import { refused } from "../refused.ts";

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

const put = (store: Store, value: Json) => store.commit({ put: [{ key: "a", value }] });

/** Puts until it is done, as one does who can do it twice. */
async function putSurely(store: Store, value: Json): Promise<void> {
  await vi.waitFor(() => put(store, value), patience);
}

/** The values that a watch tells of, as they come, and why it ends if it does not with the store. */
function valuesOf(store: Store, after: number): Json[] {
  const values: Json[] = [];
  const watching = async () => {
    for await (const { changes } of store.watch({ prefix: "a", after })) {
      for (const { value = null } of changes) values.push(value);
    }
  };
  void watching().catch((error: unknown) => values.push(String(error)));
  return values;
}

describe.skipIf(await lacks("etcd"))("a store in etcd", { timeout: 120_000 }, () => {
  test("goes on after its server was started anew, and a watch with it", () =>
    withEtcd(async ({ server }, store) => {
      const { revision } = await store.list("");
      const values = valuesOf(store, revision);
      for (let round = 0; round < 3; round += 1) {
        await put(store, `before ${round}`);
        await server.kill();
        const reading = store.get("a"); // waits for the server
        server.launch();
        expect((await reading)?.value).toBe(`before ${round}`);
        await put(store, `after ${round}`);
      }
      await vi.waitFor(() => expect(values).toHaveLength(6), patience);
      expect(values).toEqual([0, 1, 2].flatMap((round) => [`before ${round}`, `after ${round}`]));
      const { commits } = await store.changes("", revision);
      expect(commits.map(({ changes }) => changes[0]?.value)).toEqual(values);
    }));

  test("makes a commit when the server is back that was not there", () =>
    withEtcd(async ({ server }, store) => {
      await server.kill();
      const committing = put(store, 1);
      server.launch();
      expect(await committing).toMatchObject({ committed: true });
      expect((await store.changes("", 0).catch(() => undefined))?.commits ?? []).toHaveLength(1);
    }));

  test("has each commit once that was said to be made while the server was killed", () =>
    withEtcd(async ({ server }, store) => {
      const { revision } = await store.list("");
      const values = valuesOf(store, revision);
      const said: Json[] = [];
      const doubtful: unknown[] = [];
      for (let round = 0; round < 4; round += 1) {
        const puts = Array.from({ length: 100 }, async (_, n) => {
          const value = `${round}/${n}`;
          await store.commit({ put: [{ key: `a/${n}`, value }] }).then(
            () => said.push(value),
            (error: unknown) => doubtful.push(error),
          );
        });
        await Promise.race(puts);
        await server.restart();
        await Promise.all(puts);
      }
      for (const error of doubtful) {
        expect(error).toMatchObject(failed);
        expect(String(error)).toContain("it may have been made all the same");
      }
      await put(store, "last");
      await vi.waitFor(() => expect(values.at(-1)).toBe("last"), patience);
      expect(new Set(values).size).toBe(values.length);
      expect(said.filter((value) => !values.includes(value))).toEqual([]);
      expect(values.length - said.length - 1).toBeLessThanOrEqual(doubtful.length);
    }));

  test("fails in time while its server does nothing, and goes on with it", () =>
    withEtcd(
      async ({ server }, store) => {
        const { revision } = await store.list("");
        const values = valuesOf(store, revision);
        await put(store, 1);
        server.stop();
        const refusals = await Promise.all(
          [
            () => store.get("a"),
            () => store.list(""),
            () => store.changes("", revision),
            () => put(store, 2),
            () => store.openLease(),
          ].map(refused),
        );
        expect(refusals).toEqual(Array(5).fill(failed));
        server.goOn();
        await putSurely(store, 3);
        await vi.waitFor(() => expect(values.at(-1)).toBe(3), patience);
      },
      {},
      { requestTimeoutMs: 1000 },
    ));

  test("loses its leases while the server does nothing, and takes new ones", () =>
    withEtcd(
      async ({ server }, store) => {
        const lease = await store.openLease({ ttlMs: 2000 });
        await store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] });
        const ended = once(lease.ended, "abort");
        server.stop();
        await ended; // by our own clock: nobody is there to tell it
        expect(lease.ended.reason).toMatchObject({ code: "LEASE_LOST" });
        server.goOn();
        await vi.waitFor(async () => expect(await store.get("a")).toBeUndefined(), patience);
        const again = { put: [{ key: "a", value: 2, lease: lease.id }] };
        expect(await refused(() => store.commit(again))).toEqual({ code: "LEASE_LOST" });
        const next = await store.openLease();
        await store.commit({ put: [{ key: "a", value: 3, lease: next.id }] });
        await next.close();
        expect(await store.get("a")).toBeUndefined();
      },
      {},
      { requestTimeoutMs: 1000 },
    ));

  test("hears of a lease that etcd has ended", () =>
    withEtcd(async ({ server }, store) => {
      const lease = await store.openLease({ ttlMs: 3_600_000 });
      const ended = once(lease.ended, "abort");
      await etcdctl(server, "lease", "revoke", BigInt(lease.id).toString(16));
      await ended;
      expect(lease.ended.reason).toMatchObject({ code: "LEASE_LOST", subject: lease.id });
    }));

  test("is followed no further, once its etcd was put back to an older copy", () =>
    withEtcd(async (etcd, store) => {
      for (let value = 0; value < 5; value += 1) await put(store, value);
      const { revision } = await store.list("");
      const watch = store.watch({ prefix: "", after: revision });
      const seen = watch.next().catch((error: unknown) => error);
      await etcd.empty();
      await vi.waitFor(async () => expect((await store.list("")).entries).toEqual([]), patience);
      const compacted = { code: "STORE_COMPACTED" };
      expect(await refused(() => store.changes("", revision))).toEqual(compacted);
      expect(await seen).toMatchObject(compacted);
      // Whoever lists anew goes on from there.
      const { revision: after } = await store.list("");
      const next = store.watch({ prefix: "", after }).next();
      await put(store, "new");
      expect((await next).value?.changes).toEqual([{ key: "a", value: "new" }]);
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

describe.skipIf(await lacks("etcd"))("a store in a cluster", { timeout: 120_000 }, () => {
  test("goes on without a member that ends or hangs, and fails without a majority", () =>
    withEtcd(
      async ({ servers: [first, second, third] }, store) => {
        if (!first || !second || !third) throw new Error("three members");
        const { revision } = await store.list("");
        const values = valuesOf(store, revision);
        await putSurely(store, 0);
        for (const [round, member] of [first, second, third].entries()) {
          await member.kill();
          await putSurely(store, `without ${round}`);
          await member.restart();
          member.stop();
          await putSurely(store, `beside ${round}`);
          member.goOn();
        }
        await vi.waitFor(() => expect(values.at(-1)).toBe("beside 2"), patience);
        expect(values[0]).toBe(0);
        const wanted = [0, 1, 2].flatMap((round) => [`without ${round}`, `beside ${round}`]);
        // One that may have been made, and was, is there twice.
        expect(values.slice(1).filter((value, at) => value !== values[at])).toEqual(wanted);
        await first.kill();
        await second.kill();
        expect(await refused(() => put(store, "nobody"))).toEqual(failed);
        expect(await refused(() => store.get("a"))).toEqual(failed);
        first.launch();
        await putSurely(store, "together");
        await vi.waitFor(() => expect(values.at(-1)).toBe("together"), patience);
      },
      { members: 3 },
      { requestTimeoutMs: 3000 },
    ));

  test("tells a watch on a member that hangs what the others know", () =>
    withEtcd(
      async (etcd, store) => {
        for (const member of etcd.servers) {
          const { revision } = await store.list("");
          const values = valuesOf(store, revision);
          const [one, other] = etcd.servers.filter((server) => server !== member);
          if (!one || !other) throw new Error("three members");
          member.stop();
          const endpoints = [one.endpoint, other.endpoint];
          await using beside = await vi.waitFor(() => openEtcdStore({ endpoints }), patience);
          await putSurely(beside, member.endpoint);
          await vi.waitFor(() => expect(values).toContain(member.endpoint), patience);
          member.goOn();
        }
      },
      { members: 3 },
      { requestTimeoutMs: 3000 },
    ));
});
