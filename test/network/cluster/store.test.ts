// A store that is away, slow, forgetful or put back to a copy: running sandboxes reach each other all the
// while, and afterwards everything is as it is to be.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Etcd, etcdctl, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { inside } from "../../support/sandbox.ts";
import { dig } from "../model/lab.ts";
import { refused } from "../refused.ts";
import {
  cable,
  type EtcdLab,
  type Placed,
  pinging,
  placeOn,
  placeOnEach,
  whole,
  withEtcdCluster,
} from "./etcd-lab.ts";
import type { Host } from "./lab.ts";

const ttlMs = 3000;
const store = { requestTimeoutMs: 1500 };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(await lacks("etcd"))("a store", { timeout: 240_000 }, () => {
  let etcd: Etcd;
  beforeEach(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterEach(() => etcd.end());

  /** What holds after each of them: all is as planned, more can be done, and names are known. */
  async function goesOn({ hosts }: EtcdLab, placed: readonly Placed[]): Promise<void> {
    await whole(hosts, "web", placed);
    const [one, two] = hosts as [Host, Host];
    const [a] = placed as [Placed];
    const late = await placeOn(two, "web", "late");
    await whole(hosts, "web", [...placed, late]);
    const answers = () => dig(a.sandbox, late.sandbox.name);
    await expect.poll(answers, { timeout: 20_000 }).toEqual([late.address]);
    await two.controller.disconnect("web", late.sandbox.name);
    await whole(hosts, "web", placed);
    expect(await one.controller.listHosts()).toHaveLength(hosts.length);
  }

  test("that is started anew", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const placed = await placeOnEach(lab, "web");
        const pings = pinging(placed);
        await etcd.server.restart();
        await goesOn(lab, placed);
        expect(await pings.end()).toEqual([]);
      },
      { cluster: { ttlMs }, store },
    ));

  test("that is away for longer than all leases last", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const placed = await placeOnEach(lab, "web");
        const pings = pinging(placed);
        await etcd.server.kill();
        // Those of locks and names last longest.
        await pause(12_000);
        const [one] = lab.hosts as [Host];
        const refusal = await refused(() => one.create("no", { networks: ["web"] }));
        expect(refusal).toEqual({ code: "STORE_FAILED" });
        etcd.server.launch();
        await etcd.server.ready();
        await goesOn(lab, placed);
        expect(await pings.end()).toEqual([]);
      },
      { cluster: { ttlMs }, store },
    ));

  test("that does nothing for a while", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const placed = await placeOnEach(lab, "web");
        const pings = pinging(placed);
        await etcd.server.stop();
        await pause(ttlMs * 2);
        expect(await pings.end()).toEqual([]);
        // It has counted on, and ends the leases before anybody can renew them.
        etcd.server.goOn();
        await goesOn(lab, placed);
      },
      { cluster: { ttlMs }, store },
    ));

  test("that has forgotten what was done while a host was cut off", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const placed = await placeOnEach(lab, "web");
        const [a, b] = placed as [Placed, Placed];
        const [one, two] = lab.hosts as [Host, Host];
        await whole(lab.hosts, "web", placed);
        lab.ways[1]?.cut();
        await one.controller.deleteSandbox(a.sandbox.name);
        const c = await placeOn(one, "web", "c");
        const { revision } = await lab.store.list("");
        await etcdctl(etcd.server, "compact", `${revision}`);
        lab.ways[1]?.heal();
        await goesOn(lab, [b, c]);
        expect(await two.controller.plan()).toEqual([]);
      },
      { cluster: { ttlMs: 20_000 }, store },
    ));

  test("that was put back to a copy from before a host came again, and an endpoint", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const [one, two] = lab.hosts as [Host, Host];
        const placed = await placeOnEach(lab, "web");
        await whole(lab.hosts, "web", placed);
        const directory = await mkdtemp(join(tmpdir(), "vethwork-copy-"));
        try {
          const copy = join(directory, "copy.db");
          await etcdctl(etcd.server, "snapshot", "save", copy);
          // Nothing of this is known to the copy.
          await two.controller.close();
          await two.open();
          const lost = await placeOn(two, "web", "lost");
          await one.controller.createNetwork({ name: "later", driver: "overlay" });
          await whole(lab.hosts, "web", [...placed, lost]);
          const pings = pinging(placed);
          await etcd.server.kill();
          await restore(etcd, copy);
          etcd.server.launch();
          await etcd.server.ready();
          await whole(lab.hosts, "web", placed);
          // Of what the copy does not know, the kernel is left to whoever put it back.
          for (const link of ["eth0", "eth1"]) {
            await inside(lost.sandbox, "ip", "link", "delete", link);
          }
          await promisify(execFile)("ip", ["netns", "delete", lost.sandbox.name]);
          await goesOn(lab, placed);
          expect(await pings.end()).toEqual([]);
          await one.controller.createNetwork({ name: "later", driver: "overlay" });
        } finally {
          await rm(directory, { recursive: true });
        }
      },
      { cluster: { ttlMs }, store },
    ));

  test("that is slow", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        for (const way of lab.ways) way.delayMs = 150;
        const placed = await placeOnEach(lab, "web");
        await whole(lab.hosts, "web", placed);
        const [, two] = lab.hosts as [Host, Host];
        await cable(lab, two, "down");
        await cable(lab, two, "up");
        await goesOn(lab, placed);
      },
      { cluster: { ttlMs }, store: { requestTimeoutMs: 5000 } },
    ));
});

/** Has a server begin with a copy of what it, or another one, had. */
async function restore({ server }: Etcd, copy: string): Promise<void> {
  const { directory, name, peer } = server.place;
  await rm(directory, { recursive: true });
  await promisify(execFile)(
    "etcdctl",
    [
      ...["snapshot", "restore", copy, "--data-dir", directory, "--name", name],
      ...["--initial-cluster", `${name}=${peer}`, "--initial-advertise-peer-urls", peer],
    ],
    { env: { ...process.env, ETCDCTL_API: "3" } },
  );
}
