// Hosts that come, go and come back: what others know of them, and for how long.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { addAddress, addRoute, removeAddress } from "../../../lib/index.ts";
import { type Etcd, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { refused } from "../refused.ts";
import {
  deletions,
  pinging,
  placeOn,
  placeOnEach,
  segmentOf,
  sendsTo,
  whole,
  withEtcdCluster,
} from "./etcd-lab.ts";
import { hostAddress } from "./lab.ts";

const ttlMs = 5000;
/** etcd ends leases by looks at them, twice in a second; the rest is what the issue of it may take. */
const mostMs = ttlMs + 1000 + 1000;

describe.skipIf(await lacks("etcd"))("a host", { timeout: 180_000 }, () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("that leaves is known until its lease ends, and no longer; then it comes back", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const [one, two, three] = hosts;
        if (!one || !two || !three) throw new Error("three hosts");
        const placed = await placeOnEach(lab, "web");
        await whole(hosts, "web", placed);
        const others = await Promise.all([one, two].map((host) => segmentOf(host, "web")));
        await three.controller.close();
        const left = performance.now();
        const gone = async () => {
          const known = await Promise.all(others.map(sendsTo));
          return known.every((all) => !all.includes(hostAddress(3)));
        };
        await expect.poll(gone, { timeout: 60_000, interval: 20 }).toBe(true);
        const took = performance.now() - left;
        // It was renewed a third of its time before, at most.
        expect(took).toBeGreaterThan((ttlMs * 2) / 3 - 200);
        expect(took).toBeLessThan(mostMs);
        await three.open();
        await whole(hosts, "web", placed);
      },
      { count: 3, cluster: { ttlMs } },
    ));

  test("that comes back in time was never gone, to no packet", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const placed = await placeOnEach(lab, "web");
        await whole(hosts, "web", placed);
        const segments = await Promise.all(hosts.map((host) => segmentOf(host, "web")));
        const looks = segments.map(deletions);
        const pings = pinging(placed);
        for (const host of hosts) {
          await host.controller.close();
          await host.open();
        }
        // The leases of those that were closed have ended by then.
        const { revision } = await lab.store.list("cluster/");
        await new Promise((resolve) => setTimeout(resolve, ttlMs + 2000));
        const { commits } = await lab.store.changes("cluster/members/", revision);
        expect(commits).toEqual([]);
        expect(await pings.end()).toEqual([]);
        expect((await Promise.all(looks.map((look) => look.end()))).flat()).toEqual([]);
        await whole(hosts, "web", placed);
      },
      { count: 3, cluster: { ttlMs } },
    ));

  test("whose clock is set to another year, and back, is there all the while", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const placed = await placeOnEach(lab, "web");
        await whole(hosts, "web", placed);
        const { revision } = await lab.store.list("cluster/");
        vi.useFakeTimers({ toFake: ["Date"] });
        try {
          for (const year of ["2099", "1999"]) {
            vi.setSystemTime(`${year}-01-01T00:00:00Z`);
            await new Promise((resolve) => setTimeout(resolve, ttlMs + 1000));
          }
        } finally {
          vi.useRealTimers();
        }
        expect((await lab.store.changes("cluster/", revision)).commits).toEqual([]);
        await whole(hosts, "web", placed);
      },
      { cluster: { ttlMs } },
    ));

  test("that comes back with another address is reached there", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const [one, two] = hosts;
        if (!one || !two) throw new Error("two hosts");
        const placed = await placeOnEach(lab, "web");
        await whole(hosts, "web", placed);
        await two.controller.close();
        const [link, via] = [{ name: "up0" }, "192.0.2.254"];
        await removeAddress(two.host, link, "192.0.2.2/24");
        await addAddress(two.host, link, "192.0.2.77/24");
        await addRoute(two.host, { to: "default", via });
        Object.assign(two, { address: "192.0.2.77" });
        await two.open();
        await whole(hosts, "web", placed);
        expect(await sendsTo(await segmentOf(one, "web"))).toEqual(["192.0.2.77"]);
      },
      { cluster: { ttlMs } },
    ));

  test("whose addresses others have got meanwhile gives them up, and tells so", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts } = lab;
        const [one, two, three] = hosts;
        if (!one || !two || !three) throw new Error("three hosts");
        const [a, b, c] = await placeOnEach(lab, "web");
        if (!a || !b || !c) throw new Error("three sandboxes");
        await three.controller.close();
        const wanted = { network: "web", addresses: [c.address] };
        // Nobody gets it while the lease lasts.
        const early = () => one.create("d", { networks: [wanted] });
        expect(await refused(early)).toMatchObject({ code: "ADDRESS_TAKEN" });
        const given = async () => (await one.controller.inspectNetwork("web")).members?.length;
        await expect.poll(given, { timeout: 60_000 }).toBe(2);
        const d = { sandbox: await early(), address: c.address };
        const pings = pinging([a, b, d]);
        const controller = await three.open();
        const description = await controller.inspectSandbox(c.sandbox.name);
        expect(description.connections).toEqual([]);
        await whole(hosts, "web", [a, b, d]);
        expect(await pings.end()).toEqual([]);
        const again = await placeOn(three, "web", "again");
        await whole(hosts, "web", [a, b, d, again]);
      },
      { count: 3, cluster: { ttlMs } },
    ));
});
