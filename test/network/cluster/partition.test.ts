// Hosts that are cut off: from the store, from each other, or from both; for less than their lease, and
// for longer.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkEvent } from "../../../lib/network/index.ts";
import { type Etcd, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { ip } from "../../support/sandbox.ts";
import { reaches } from "../model/lab.ts";
import { refused } from "../refused.ts";
import {
  allReach,
  cable,
  deletions,
  pinging,
  placeOn,
  placeOnEach,
  segmentOf,
  whole,
  withEtcdCluster,
} from "./etcd-lab.ts";
import { follow, untilGone } from "./gone.ts";

const ttlMs = 4000;

/** The links that a host has in all of its namespaces, by their names. */
async function linksOf(names: readonly string[]): Promise<unknown> {
  const all = names.map(async (name) =>
    (await ip({ name } as Parameters<typeof ip>[0], "link")).map(({ ifname }) => ifname),
  );
  return await Promise.all(all);
}

describe.skipIf(await lacks("etcd"))("a host that is cut off", { timeout: 180_000 }, () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("from the store, for less than its lease, is missed by nobody", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, ways } = lab;
        const [one, two] = hosts;
        const [, way] = ways;
        if (!one || !two || !way) throw new Error("two hosts");
        const placed = await placeOnEach(lab, "web");
        await whole(hosts, "web", placed);
        const looks = deletions(await segmentOf(one, "web"));
        const pings = pinging(placed);
        way.cut();
        const failure = await refused(() => two.create("x", { networks: ["web"] }));
        expect(failure?.code).toMatch(/^STORE_FAILED$/);
        way.heal();
        await whole(hosts, "web", placed);
        expect(await pings.end()).toEqual([]);
        expect(await looks.end()).toEqual([]);
      },
      { cluster: { ttlMs: 20_000 } },
    ));

  test("from the store, for longer, serves its sandboxes, and gives up what others have got", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, ways } = lab;
        const [one, two, three] = hosts;
        const [, , way] = ways;
        if (!one || !two || !three || !way) throw new Error("three hosts");
        const placed = await placeOnEach(lab, "web");
        const [a, b, c] = placed;
        if (!a || !b || !c) throw new Error("three sandboxes");
        const events: NetworkEvent[] = [];
        const hearing = (async () => {
          for await (const event of three.controller.watch()) events.push(event);
        })();
        const kept = await three.create("kept", { networks: ["web"] });
        const { connections } = await three.controller.inspectSandbox(kept.name);
        const address = connections[0]?.endpoint.addresses[0]?.split("/")[0] ?? "";
        const k = { sandbox: kept, address };
        await whole(hosts, "web", [...placed, k]);
        await expect.poll(() => events.length, { timeout: 10_000 }).toBeGreaterThan(0);
        const segment = await segmentOf(three, "web");
        const before = await linksOf([three.host.name, segment.name, c.sandbox.name]);
        way.cut();
        const members = async () =>
          (await one.controller.inspectNetwork("web")).members?.map(({ host }) => host);
        await expect.poll(members, { timeout: 60_000 }).toEqual(["h1", "h2"]);
        // It goes on with what it knows, among its own at least; and changes nothing.
        expect(await reaches(c.sandbox, k.address)).toBe(true);
        expect(await refused(() => three.create("x", { networks: ["web"] }))).toMatchObject({
          code: "STORE_FAILED",
        });
        const connect = () => three.controller.connect("bridge", c.sandbox.name);
        expect(await refused(connect)).toMatchObject({ code: "STORE_FAILED" });
        expect(await linksOf([three.host.name, segment.name, c.sandbox.name])).toEqual(before);
        const d = {
          sandbox: await one.create("d", {
            networks: [{ network: "web", addresses: [c.address] }],
          }),
          address: c.address,
        };
        await allReach([a, b, d]);
        const pings = pinging([a, b, d]);
        way.heal();
        await whole(hosts, "web", [a, b, d, k]);
        expect(await pings.end()).toEqual([]);
        const left = async () =>
          (await three.controller.inspectSandbox(c.sandbox.name)).connections.length;
        await expect.poll(left, { timeout: 10_000 }).toBe(0);
        const isTold = () =>
          events.filter(
            (event) =>
              event.action === "disconnect" &&
              "sandbox" in event &&
              event.sandbox.name === c.sandbox.name &&
              event.network.name === "web",
          ).length;
        await expect.poll(isTold, { timeout: 10_000 }).toBe(1);
        await three.controller.close();
        await three.store.close();
        await hearing;
        Object.assign(three, { store: undefined });
        await three.open();
        await whole(hosts, "web", [a, b, d, k]);
      },
      { count: 3, cluster: { ttlMs }, store: { requestTimeoutMs: 1500 } },
    ));

  test("from the others alone keeps its place, and is reached again", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const [one, two] = hosts;
        if (!one || !two) throw new Error("two hosts");
        const placed = await placeOnEach(lab, "web");
        const [a, b] = placed;
        if (!a || !b) throw new Error("two sandboxes");
        await whole(hosts, "web", placed);
        const looks = deletions(await segmentOf(one, "web"));
        await cable(lab, two, "down");
        expect(await reaches(a.sandbox, b.address, 1)).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, ttlMs + 2000));
        expect(await one.controller.listHosts()).toHaveLength(2);
        await cable(lab, two, "up");
        await whole(hosts, "web", placed);
        expect(await looks.end()).toEqual([]);
      },
      { cluster: { ttlMs } },
    ));

  test("from both, for longer than its lease, finds its network removed", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, ways } = lab;
        const [one, two] = hosts;
        const [, way] = ways;
        if (!one || !two || !way) throw new Error("two hosts");
        const [a, b] = await placeOnEach(lab, "web");
        if (!a || !b) throw new Error("two sandboxes");
        await one.controller.createNetwork({ name: "other", driver: "overlay" });
        const x = await two.create("x", { networks: ["other"] });
        const remove = () => one.controller.deleteNetwork("other");
        expect(await refused(remove)).toEqual({ code: "NETWORK_IN_USE", conflict: x.name });
        await expect(remove()).rejects.toThrow('of host "h2"');
        way.cut();
        await cable(lab, two, "down");
        await expect.poll(() => refused(remove), { timeout: 60_000 }).toBe(undefined);
        await one.controller.createNetwork({ name: "other", driver: "overlay" });
        await cable(lab, two, "up");
        way.heal();
        const left = async () => (await two.controller.inspectSandbox(x.name)).connections;
        await expect.poll(left, { timeout: 60_000 }).toEqual([]);
        await whole(hosts, "web", [a, b]);
        await two.controller.connect("other", x.name);
        expect(await two.controller.plan()).toEqual([]);
      },
      { cluster: { ttlMs }, store: { requestTimeoutMs: 1500 } },
    ));

  test("and is removed meanwhile, begins anew, and can do all that it could", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, ways, store } = lab;
        const [one, two] = hosts;
        const [, way] = ways;
        if (!one || !two || !way) throw new Error("two hosts");
        const [a, b] = await placeOnEach(lab, "web");
        if (!a || !b) throw new Error("two sandboxes");
        const { id } = await one.controller.getNetwork("web");
        await two.controller.createNetwork({ name: "own" });
        await whole(hosts, "web", [a, b]);
        way.cut();
        await untilGone(store, "h2");
        await one.controller.removeHost("h2");
        way.heal();
        const names = async () => (await one.controller.listHosts()).map(({ name }) => name);
        await expect.poll(names, { timeout: 60_000 }).toEqual(["h1", "h2"]);
        // It goes on in the process that knew all of it.
        expect(await two.controller.listSandboxes()).toEqual([]);
        expect((await two.controller.listNetworks()).map(({ name }) => name)).toEqual(["web"]);
        await b.sandbox.close();
        expect(await follow(two, [id])).toEqual(["link", "link", "namespace", "namespace"]);
        await two.controller.reconcile();
        expect(await two.controller.plan()).toEqual([]);
        await two.controller.createNetwork({ name: "own" });
        let again = b;
        const place = async () => {
          again = await placeOn(two, "web", "s2");
        };
        // The kernel takes its time to let go of what was in a namespace.
        await expect.poll(() => refused(place), { timeout: 60_000 }).toBeUndefined();
        await whole(hosts, "web", [a, again]);
      },
      { cluster: { ttlMs }, store: { requestTimeoutMs: 1500 } },
    ));
});
