// Hosts whose store is in ZooKeeper: what they do by etcd they do by another engine, too.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openZooKeeperStore } from "../../../lib/network/index.ts";
import { lacks } from "../../support/features.ts";
import { inside } from "../../support/sandbox.ts";
import { startZooKeeper, type ZooKeeper } from "../../support/zookeeper.ts";
import { allReach, placeOn, placeOnEach, whole } from "./etcd-lab.ts";
import { type ClusterLab, withCluster } from "./lab.ts";

describe.skipIf(await lacks("zookeeper"))("hosts with ZooKeeper", { timeout: 180_000 }, () => {
  let zookeeper: ZooKeeper;
  let plans = 0;
  beforeAll(async () => {
    zookeeper = await startZooKeeper();
  }, 60_000);
  afterAll(() => zookeeper.end());

  async function withHosts(test: (lab: ClusterLab) => Promise<void>): Promise<void> {
    plans += 1;
    const path = `/plans/${plans}`;
    const openStore = () => openZooKeeperStore({ servers: zookeeper.addresses, path });
    await withCluster(test, { count: 3, openStore });
  }

  test.each(["overlay", "routed"])("reach each other on a network by %s, and by names", (driver) =>
    withHosts(async (lab) => {
      const placed = await placeOnEach(lab, "web", driver);
      await allReach(placed);
      const [a, b] = placed;
      if (!a || !b) throw new Error("three sandboxes");
      await inside(a.sandbox, "ping", "-c", "1", "-W", "5", b.sandbox.name);
    }),
  );

  test("go on after the server was started anew, and one joins whom all others hear of", () =>
    withHosts(async (lab) => {
      const [one] = lab.hosts;
      if (!one) throw new Error("three hosts");
      const placed = await placeOnEach(lab, "web");
      await whole(lab.hosts, "web", placed);
      await zookeeper.server.restart();
      const more = await placeOn(one, "web", "more");
      await whole(lab.hosts, "web", [...placed, more]);
    }));

  test("lose one whose controller is gone, when its lease is over, and nothing else", () =>
    withHosts(async (lab) => {
      const [one, two, three] = lab.hosts;
      if (!one || !two || !three) throw new Error("three hosts");
      const placed = await placeOnEach(lab, "web");
      await whole(lab.hosts, "web", placed);
      await three.controller.close();
      const names = async () => (await one.controller.listHosts()).map(({ name }) => name);
      await expect.poll(names, { timeout: 30_000 }).toEqual([one.name, two.name]);
      await whole([one, two], "web", placed.slice(0, 2));
      await three.open();
      await whole(lab.hosts, "web", placed);
    }));
});
