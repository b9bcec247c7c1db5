// What is refused on networks across hosts, by which code, and that nothing is changed then: in no kernel
// and not in the store.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openController, openEtcdStore } from "../../../lib/network/index.ts";
import { type Etcd, etcdctl, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { ip, type Sandbox, withSandboxes } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { type EtcdLab, withEtcdCluster } from "./etcd-lab.ts";
import type { Host } from "./lab.ts";

const forgotten = /\/(lock|names|turn)$/;

/** All that there is: keys and values of the store, links and namespaces of the hosts. */
async function everything({ hosts, store }: EtcdLab, boxes: readonly Sandbox[]): Promise<unknown> {
  const { entries } = await store.list("");
  const links = [...hosts.map(({ host }) => host), ...boxes].map((one) => ip(one, "link"));
  const spaces = await ip(boxes[0] as Sandbox, "netns");
  const ids = entries.flatMap(({ key }) => key.match(/^cluster\/networks\/(.{12})/)?.[1] ?? []);
  const isOurs = (name: string) =>
    [`vethwork-${process.pid}-`, ...ids].some((part) => name.includes(part));
  return {
    entries: entries
      .filter(({ key }) => !forgotten.test(key))
      .map(({ key, value }) => [key, value]),
    links: (await Promise.all(links)).map((all) => all.map(({ ifname }) => ifname)),
    // Of other tests, there may be others.
    spaces: spaces
      .map(({ name }) => name)
      .filter((name) => isOurs(name))
      .sort(),
  };
}

describe.skipIf(await lacks("etcd"))("across hosts", { timeout: 120_000 }, () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("what cannot be is refused, and changes nothing", () =>
    withEtcdCluster(etcd, async (lab) => {
      const [one, two] = lab.hosts as [Host, Host];
      const options = { vxlanid_list: "5000" };
      await one.controller.createNetwork({ name: "web", driver: "overlay", options });
      await two.controller.createNetwork({ name: "own" });
      const a = await one.create("a", { networks: ["web"] });
      const b = await two.create("b", { networks: ["bridge"] });
      const before = await everything(lab, [a, b]);
      const cases: [() => Promise<unknown>, object][] = [
        [
          () => two.controller.createNetwork({ name: "more", driver: "overlay", options }),
          { code: "NUMBER_TAKEN", conflict: "web" },
        ],
        [
          () => two.controller.createNetwork({ name: "web", driver: "overlay" }),
          { code: "NETWORK_EXISTS" },
        ],
        [() => two.controller.createNetwork({ name: "web" }), { code: "NETWORK_EXISTS" }],
        [
          () => two.controller.createNetwork({ name: "own", driver: "overlay" }),
          { code: "NETWORK_EXISTS" },
        ],
        [
          () =>
            one.controller.createNetwork({
              ...{ name: "over", driver: "overlay" },
              subnets: [{ subnet: "10.0.0.0/16" }],
            }),
          { code: "POOL_OVERLAP" },
        ],
        [() => two.controller.deleteNetwork("web"), { code: "NETWORK_IN_USE", conflict: a.name }],
        [
          () => one.controller.createService({ network: "web", name: "db" }),
          { code: "MODE_CONFLICT" },
        ],
        [
          () => two.controller.createService({ network: "web", name: "db" }),
          { code: "MODE_CONFLICT" },
        ],
        [
          () => two.controller.connect("web", b.name, { addresses: ["10.99.0.1"] }),
          { code: "ADDRESS_OUTSIDE" },
        ],
        [
          () => two.controller.connect("web", b.name, { addresses: ["10.0.0.2"] }),
          { code: "ADDRESS_TAKEN" },
        ],
        [() => two.create("c", { networks: ["web", "nowhere"] }), { code: "NETWORK_MISSING" }],
        [() => two.open({ cluster: { address: "192.0.2.99" } }), { code: "OPTION_INVALID" }],
        [() => two.open({ cluster: { address: "two" } }), { code: "ERR_OUT_OF_RANGE" }],
      ];
      for (const [work, refusal] of cases) {
        expect(await refused(work)).toMatchObject(refusal);
        expect(await everything(lab, [a, b])).toEqual(before);
      }
      await expect(two.controller.deleteNetwork("web")).rejects.toThrow('host "h1"');
    }));

  test("a network of one host by the name of a new one keeps that host off it alone", () =>
    withEtcdCluster(etcd, async (lab) => {
      const [one, two] = lab.hosts as [Host, Host];
      await two.controller.createNetwork({ name: "web" });
      const { id } = await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const a = await one.create("a", { networks: ["web"] });
      const b = await two.create("b", { networks: ["web"] });
      const before = await everything(lab, [a, b]);
      const connect = () => two.controller.connect(id, b.name);
      expect(await refused(connect)).toMatchObject({ code: "NETWORK_EXISTS" });
      expect(await everything(lab, [a, b])).toEqual(before);
      await two.controller.disconnect("web", b.name);
      await two.controller.deleteNetwork("web");
      await two.controller.connect("web", b.name);
      expect((await one.controller.inspectNetwork("web")).members).toHaveLength(2);
    }));
});

describe.skipIf(await lacks("etcd"))("a store", { timeout: 120_000 }, () => {
  test("that is not to be had, or does not let us, opens no controller", async () => {
    const etcd = await startEtcd();
    try {
      await withSandboxes(1, async ([host]) => {
        const links = async () => (await ip(host, "link")).map(({ ifname }) => ifname);
        const before = await links();
        const endpoints = etcd.endpoints;
        const open = async (prefix: string, user?: { name: string; password: string }) => {
          const credentials = user && { user: user.name, password: user.password };
          const given = { endpoints, prefix, requestTimeoutMs: 1000, ...credentials };
          await using store = await openEtcdStore(given);
          const cluster = { address: "192.0.2.1" };
          await using _ = await openController({ host, store, name: "h1", cluster });
        };
        expect(await refused(() => open("a/"))).toEqual({ code: "OPTION_INVALID" });
        for (const line of [
          ["user", "add", "root:secret"],
          ["user", "grant-role", "root", "root"],
          ["auth", "enable"],
        ]) {
          await etcdctl(etcd.server, ...line);
        }
        expect(await refused(() => open("b/"))).toEqual({ code: "STORE_FORBIDDEN" });
        const wrong = { name: "root", password: "wrong" };
        expect(await refused(() => open("b/", wrong))).toEqual({ code: "STORE_FORBIDDEN" });
        const tls = () =>
          openEtcdStore({ endpoints: [etcd.server.endpoint.replace("http:", "https:")] });
        expect(await refused(tls)).toEqual({ code: "STORE_FAILED" });
        await etcd.server.kill();
        expect(await refused(() => open("c/"))).toEqual({ code: "STORE_FAILED" });
        await etcd.server.restart();
        const all = ["--user", "root:secret", "get", "--prefix", "--keys-only", ""];
        const keys = (await etcdctl(etcd.server, ...all)).split("\n").filter((key) => key !== "");
        expect(keys.filter((key) => key !== "a/head")).toEqual([]);
        expect(await links()).toEqual(before);
      });
    } finally {
      await etcd.end();
    }
  });
});
