// Hosts that have blocks of a network's addresses, and come, go and come back.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Etcd, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { ip } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { allReach, pinging, placeOn, withEtcdCluster } from "./etcd-lab.ts";
import type { Host } from "./lab.ts";

const ttlMs = 3000;
/** It has two blocks. */
const small = { name: "net", driver: "routed", subnets: [{ subnet: "10.6.0.0/24" }] };
const options = { blockSize: "25" };

/** By which hosts another host reaches blocks, as ip(8) says. */
async function routes({ host }: Host): Promise<string[]> {
  const all = await ip(host, "route");
  return all.flatMap(({ dst, gateway }) =>
    String(dst).startsWith("10.6.") && gateway ? `${dst} by ${gateway}` : [],
  );
}

describe.skipIf(await lacks("etcd"))("a host with a block", { timeout: 180_000 }, () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("that comes back in time, or lost it to nobody, has it as before", () =>
    withEtcdCluster(
      etcd,
      async ({ hosts, store }) => {
        const [one, two] = hosts as [Host, Host];
        await one.controller.createNetwork({ ...small, options });
        const placed = [await placeOn(one, "net", "a"), await placeOn(two, "net", "b")];
        const known = ["10.6.0.128/25 by 192.0.2.2"];
        await expect.poll(() => routes(one), { timeout: 10_000 }).toEqual(known);
        await allReach(placed);
        const pings = pinging(placed);
        for (const host of hosts) {
          await host.controller.close();
          await host.open();
        }
        await new Promise((resolve) => setTimeout(resolve, ttlMs + 2000));
        expect(await pings.end()).toEqual([]);
        // Whoever has lost it has it again, though nobody's lease has ended.
        await store.commit({ deletePrefix: ["cluster/blocks/"] });
        const leased = async () => (await store.list("cluster/blocks/")).entries.length;
        await expect.poll(leased, { timeout: 20_000 }).toBe(2);
        await expect.poll(() => routes(one), { timeout: 20_000 }).toEqual(known);
        await allReach(placed);
        for (const { controller } of hosts) expect(await controller.plan()).toEqual([]);
      },
      { cluster: { ttlMs } },
    ));

  test("that another host has got meanwhile gives up what is connected to it", () =>
    withEtcdCluster(
      etcd,
      async ({ hosts }) => {
        const [one, two, three] = hosts as [Host, Host, Host];
        await one.controller.createNetwork({ ...small, options });
        const a = await placeOn(one, "net", "a");
        const b = await placeOn(two, "net", "b");
        const create = () => three.create("c", { networks: ["net"] });
        expect(await refused(create)).toMatchObject({ code: "POOL_EXHAUSTED" });
        await two.controller.close();
        await expect.poll(() => routes(one), { timeout: 30_000 }).toEqual([]);
        const c = await placeOn(three, "net", "c");
        expect(c.address).toBe(b.address);
        await allReach([a, c]);
        const pings = pinging([a, c]);
        await two.open();
        expect((await two.controller.inspectSandbox(b.sandbox.name)).connections).toEqual([]);
        expect(await routes(one)).toEqual(["10.6.0.128/25 by 192.0.2.3"]);
        await allReach([a, c]);
        expect(await pings.end()).toEqual([]);
        for (const { controller } of hosts) expect(await controller.plan()).toEqual([]);
      },
      { count: 3, cluster: { ttlMs } },
    ));
});
