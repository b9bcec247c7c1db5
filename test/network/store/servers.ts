// What stores on servers do while these end, stop, come back, and are not what they were; as a suite
// that each engine passes.

import { once } from "node:events";
import { describe, expect, test, vi } from "vitest";
import type { Json, Store } from "../../../lib/network/store/store.ts";
import type { ServerProcess } from "../../support/servers.ts";
import { refused } from "../refused.ts";

const failed = { code: "STORE_FAILED" };
const patience = { timeout: 40_000, interval: 100 };

/** Servers of one engine, that know of each other. */
export interface Servers<Server extends ServerProcess> {
  readonly servers: readonly Server[];
  /** Starts them anew with nothing, as others. */
  empty(): Promise<void>;
  end(): Promise<void>;
}

/** How stores are had in an engine. */
export interface Engine<Server extends ServerProcess> {
  start(members: number): Promise<Servers<Server>>;
  open(servers: readonly Server[], options: { readonly requestTimeoutMs: number }): Promise<Store>;
}

/** Puts a value once. */
export const put = (store: Store, value: Json) => store.commit({ put: [{ key: "a", value }] });

/** Puts until it is done, as one does who can do it twice. */
export async function putSurely(store: Store, value: Json): Promise<void> {
  await vi.waitFor(() => put(store, value), patience);
}

/** The values that a watch tells of, as they come, and why it ends if it does not with the store. */
export function valuesOf(store: Store, after: number): Json[] {
  const values: Json[] = [];
  const watching = async () => {
    for await (const { changes } of store.watch({ prefix: "a", after })) {
      for (const { value = null } of changes) values.push(value);
    }
  };
  void watching().catch((error: unknown) => values.push(String(error)));
  return values;
}

type ServersTest<Server extends ServerProcess> = (
  store: Store,
  server: Server,
  all: Servers<Server>,
) => Promise<void>;

/** What runs a test with servers, the first of them, and a store of theirs. */
function runner<Server extends ServerProcess>({ start, open }: Engine<Server>) {
  return async (
    test: ServersTest<Server>,
    { members = 1, requestTimeoutMs = 40_000 } = {},
  ): Promise<void> => {
    const all = await start(members);
    const { servers } = all;
    try {
      const store = await open(servers, { requestTimeoutMs });
      try {
        await test(store, servers[0] as Server, all);
      } finally {
        for (const server of servers) server.goOn();
        await store.close();
      }
    } finally {
      await all.end();
    }
  };
}

/** Runs the suite on one server. */
export function describeServer<Server extends ServerProcess>(engine: Engine<Server>): void {
  const withServers = runner(engine);

  describe("on one server", () => {
    test("goes on after its server was started anew, and a watch with it", () =>
      withServers(async (store, server) => {
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
      withServers(async (store, server) => {
        await server.kill();
        const committing = put(store, 1);
        server.launch();
        expect(await committing).toMatchObject({ committed: true });
        expect((await store.changes("", 0).catch(() => undefined))?.commits ?? []).toHaveLength(1);
      }));

    test("has each commit once that was said to be made while the server was killed", () =>
      withServers(async (store, server) => {
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
      withServers(
        async (store, server) => {
          const { revision } = await store.list("");
          const values = valuesOf(store, revision);
          await put(store, 1);
          await server.stop();
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
        { requestTimeoutMs: 1000 },
      ));

    test("loses its leases while the server does nothing, and takes new ones", () =>
      withServers(
        async (store, server) => {
          const lease = await store.openLease({ ttlMs: 2000 });
          await store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] });
          const ended = once(lease.ended, "abort");
          await server.stop();
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
        { requestTimeoutMs: 1000 },
      ));

    test("is followed no further, once it was put back to an older copy", () =>
      withServers(async (store, _, { empty }) => {
        for (let value = 0; value < 5; value += 1) await put(store, value);
        const { revision } = await store.list("");
        const watch = store.watch({ prefix: "", after: revision });
        const seen = watch.next().catch((error: unknown) => error);
        await empty();
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
  });
}

/** Runs the suite on three servers. */
export function describeCluster<Server extends ServerProcess>(engine: Engine<Server>): void {
  const withServers = runner(engine);
  const { open } = engine;

  describe("on three servers", () => {
    test("goes on without a member that ends or hangs, and fails without a majority", () =>
      withServers(
        async (store, first, { servers: [, second, third] }) => {
          if (!second || !third) throw new Error("three members");
          const { revision } = await store.list("");
          const values = valuesOf(store, revision);
          await putSurely(store, 0);
          for (const [round, member] of [first, second, third].entries()) {
            await member.kill();
            await putSurely(store, `without ${round}`);
            await member.restart();
            await member.stop();
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
        { members: 3, requestTimeoutMs: 3000 },
      ));

    test("tells a watch on a member that hangs what the others know", () =>
      withServers(
        async (store, _, { servers }) => {
          for (const member of servers) {
            const { revision } = await store.list("");
            const values = valuesOf(store, revision);
            const others = servers.filter((server) => server !== member);
            await member.stop();
            const opening = () => open(others, { requestTimeoutMs: 10_000 });
            await using beside = await vi.waitFor(opening, patience);
            const value = servers.indexOf(member);
            await putSurely(beside, value);
            await vi.waitFor(() => expect(values).toContain(value), patience);
            member.goOn();
          }
        },
        { members: 3, requestTimeoutMs: 3000 },
      ));
  });
}
