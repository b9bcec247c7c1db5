// Hosts whose processes are killed, alone or with all that they had in the kernel, and several
// processes of one host.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deleteNamespace } from "../../../lib/index.ts";
import { Remote } from "../../../scripts/chaos/remote.mjs";
import { type Etcd, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { refused } from "../refused.ts";
import {
  deletions,
  type EtcdLab,
  pinging,
  placeOnEach,
  segmentOf,
  sendsTo,
  whole,
  withEtcdCluster,
} from "./etcd-lab.ts";
import type { Host } from "./lab.ts";

const ttlMs = 5000;
/** etcd ends leases by looks at them, twice in a second; the rest is what the issue of it may take. */
const mostMs = ttlMs + 1000 + 1000;
/** A lock that nobody gives back is free after that. */
const lockMs = 10_000;

describe.skipIf(await lacks("etcd"))("a process", { timeout: 180_000 }, () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  /** A controller in another process; it keeps the host's place if it is told an address. */
  const begin = (lab: EtcdLab, { name, host }: Host, address?: string) =>
    new Remote({
      ...{ host: host.name, name, endpoint: etcd.server.endpoint, prefix: lab.prefix, ttlMs },
      ...(address === undefined ? {} : { address }),
    });

  test("that is killed with its host is gone everywhere with its lease, and its address is free", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, store } = lab;
        const [one, two, three] = hosts;
        if (!one || !two || !three) throw new Error("three hosts");
        const placed = await placeOnEach(lab, "web");
        const [a, b, c] = placed;
        if (!a || !b || !c) throw new Error("three sandboxes");
        await three.controller.close();
        const process = begin(lab, three, three.address);
        await process.open;
        await process.call("plan");
        await whole([one, two], "web", placed);
        const others = await Promise.all([one, two].map((host) => segmentOf(host, "web")));
        const segment = await segmentOf(three, "web");
        await process.kill();
        const killed = performance.now();
        for (const name of [segment.name, c.sandbox.name]) await deleteNamespace(name);
        const wanted = { networks: [{ network: "web", addresses: [c.address] }] };
        const first = await refused(() => one.create("d", wanted));
        expect(first).toMatchObject({ code: "ADDRESS_TAKEN" });
        const gone = async () => {
          const known = await Promise.all(others.map(sendsTo));
          return known.every((all) => !all.includes(three.address));
        };
        await expect.poll(gone, { timeout: 60_000, interval: 20 }).toBe(true);
        const took = performance.now() - killed;
        expect(took).toBeGreaterThan((ttlMs * 2) / 3 - 200);
        expect(took).toBeLessThan(mostMs);
        const d = { sandbox: await one.create("d", wanted), address: c.address };
        await whole([one, two], "web", [a, b, d]);
        // A machine that comes back with nothing, but what its plan says.
        await three.open();
        expect((await three.controller.inspectSandbox(c.sandbox.name)).connections).toEqual([]);
        await three.controller.reconcile();
        await whole(hosts, "web", [a, b, d]);
        expect((await store.list("ipam/_cluster/held/")).entries).toHaveLength(3);
      },
      { count: 3, cluster: { ttlMs } },
    ));

  test(
    "that is killed and begun anew at once was never gone, to no packet",
    () =>
      withEtcdCluster(
        etcd,
        async (lab) => {
          const { hosts } = lab;
          const [one, two] = hosts;
          if (!one || !two) throw new Error("two hosts");
          const placed = await placeOnEach(lab, "web");
          await whole(hosts, "web", placed);
          const looks = deletions(await segmentOf(one, "web"));
          await two.controller.close();
          const process = begin(lab, two, two.address);
          await process.open;
          // So that it has the lock.
          await process.call("plan");
          const pings = pinging(placed);
          await process.kill();
          await two.open();
          await whole(hosts, "web", placed);
          await new Promise((resolve) => setTimeout(resolve, ttlMs + 2000));
          expect(await pings.end()).toEqual([]);
          expect(await looks.end()).toEqual([]);
          await whole(hosts, "web", placed);
        },
        { cluster: { ttlMs } },
      ),
    lockMs * 10,
  );

  test("beside the one that keeps the host's place connects, and cannot when nobody does", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, store } = lab;
        const [one, two] = hosts;
        if (!one || !two) throw new Error("two hosts");
        const placed = await placeOnEach(lab, "web");
        const beside = begin(lab, two);
        await beside.open;
        const name = `${placed[1]?.sandbox.name}-x`;
        await beside.call("createSandbox", { name, networks: ["web"] });
        const sandbox = Object.assign(await two.controller.openSandbox(name), { name });
        const { connections } = await two.controller.inspectSandbox(name);
        const address = connections[0]?.endpoint.addresses[0]?.split("/")[0] ?? "";
        await whole(hosts, "web", [...placed, { sandbox, address }]);
        await two.controller.close();
        const isGone = async () => (await one.controller.listHosts()).length === 1;
        await expect.poll(isGone, { timeout: 60_000 }).toBe(true);
        const before = (await store.list("")).entries.filter(({ key }) => !/lock|names/.test(key));
        for (const [verb, ...args] of [
          ["createSandbox", { name: `${name}-y`, networks: ["web"] }],
          ["createNetwork", { name: "other", driver: "overlay" }],
        ] as const) {
          await expect(beside.call(verb, ...args)).rejects.toMatchObject({ code: "HOST_ABSENT" });
        }
        const after = (await store.list("")).entries.filter(({ key }) => !/lock|names/.test(key));
        expect(after).toEqual(before);
        expect(await beside.call("plan")).toEqual([]);
        await two.open();
        await whole(hosts, "web", [...placed, { sandbox, address }]);
        await sandbox.close();
        await beside.close();
      },
      { cluster: { ttlMs } },
    ));

  test("that keeps the host's place hands it on to another one when it ends", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const [one, two] = hosts;
        if (!one || !two) throw new Error("two hosts");
        const placed = await placeOnEach(lab, "web");
        await whole(hosts, "web", placed);
        const looks = deletions(await segmentOf(one, "web"));
        const term = async () =>
          (await one.controller.listHosts()).find(({ name }) => name === "h2")?.term ?? 0;
        const process = begin(lab, two, two.address);
        await process.open;
        const taken = await term();
        await process.close();
        // The one that had it before has it again, without anybody's having missed it.
        await expect.poll(term, { timeout: 20_000 }).toBeGreaterThan(taken);
        await new Promise((resolve) => setTimeout(resolve, ttlMs + 2000));
        expect(await looks.end()).toEqual([]);
        await whole(hosts, "web", placed);
      },
      { cluster: { ttlMs } },
    ));
});
