// Subnets of networks: which are given, and which are refused and why.

import { describe, expect, test } from "vitest";
import { inside } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, withLab } from "./lab.ts";

describe("a subnet that is not named", () => {
  test("is the lowest free pool that overlaps no route of the host", () =>
    withLab(async ({ host, controller }) => {
      await inside(host, "ip", "route", "add", "172.18.0.0/24", "dev", "lan0");
      const of = async (name: string) =>
        (await controller.createNetwork({ name })).subnets[0]?.subnet;
      expect(await of("a")).toBe("172.17.0.0/16");
      expect(await of("b")).toBe("172.19.0.0/16");
      await controller.deleteNetwork("a");
      expect(await of("c")).toBe("172.17.0.0/16");
      await inside(host, "ip", "route", "del", "172.18.0.0/24", "dev", "lan0");
    }));

  test("is refused when all are taken", () =>
    withLab(async ({ controller }) => {
      const names = Array.from({ length: 31 }, (_, number) => `n${number}`);
      const networks = await Promise.all(names.map((name) => controller.createNetwork({ name })));
      const subnets = networks.map(({ subnets: [one] }) => one?.subnet);
      expect(new Set(subnets).size).toBe(31);
      expect(subnets).toContain("192.168.240.0/20");
      expect(await refused(() => controller.createNetwork({ name: "more" }))).toEqual({
        code: "POOL_EXHAUSTED",
      });
    }));
});

describe("a subnet that is named", () => {
  const cases: [string, string, object][] = [
    ["overlaps another network", "172.17.5.0/24", { code: "POOL_OVERLAP", conflict: "first" }],
    ["is the host's own", "198.51.100.0/24", { code: "POOL_OVERLAP" }],
    ["is a part of the host's own", "198.51.100.128/25", { code: "POOL_OVERLAP" }],
    ["is loopback", "127.0.0.0/8", { code: "SUBNET_INVALID" }],
    ["is multicast", "224.0.0.0/24", { code: "SUBNET_INVALID" }],
    ["is everything", "0.0.0.0/0", { code: "SUBNET_INVALID" }],
    ["is IPv6 multicast", "ff00::/64", { code: "SUBNET_INVALID" }],
    ["is IPv6 link-local", "fe80::/64", { code: "SUBNET_INVALID" }],
    ["has host bits", "10.1.2.3/16", { code: "SUBNET_INVALID" }],
    ["is no subnet", "10.1.0.0/33", { property: "subnet" }],
    ["is a name", "web", { property: "subnet" }],
  ];
  test.each(cases)("and %s is refused, and nothing is changed", (_, subnet, refusal) =>
    withLab(async ({ controller, store }) => {
      await controller.createNetwork({ name: "first" });
      const keys = async () => (await store.list("")).entries.map(({ key }) => key);
      const before = await keys();
      const attempt = () => controller.createNetwork({ name: "net", subnets: [{ subnet }] });
      expect(await refused(attempt)).toMatchObject(refusal);
      expect(await keys()).toEqual(before);
    }),
  );

  test("and overlaps the host's own is taken when that is said", () =>
    withLab(async ({ controller }) => {
      const subnets = [{ subnet: "198.51.100.128/25" }];
      const network = await controller.createNetwork({ name: "n", subnets, allowOverlap: true });
      expect(network.subnets[0]?.gateway).toBe("198.51.100.129");
    }));
});

describe("addresses", () => {
  test("are given the lowest first, or those that were free for the longest", () =>
    withLab(async (lab) => {
      const { controller, create } = lab;
      const addressing = "least-recently-used";
      await controller.createNetwork({ name: "low" });
      await controller.createNetwork({ name: "old", addressing });
      const of = async (word: string, network: string) => {
        const one = await create(word, { networks: [network] });
        const address = await addressOn(lab, one, network);
        await controller.deleteSandbox(one.name);
        return address;
      };
      expect([await of("a", "low"), await of("b", "low")]).toEqual(["172.17.0.2", "172.17.0.2"]);
      expect([await of("c", "old"), await of("d", "old")]).toEqual(["172.18.0.2", "172.18.0.3"]);
    }));

  test("of a small subnet are used up, and a typed error says so", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "tiny", subnets: [{ subnet: "10.7.0.0/30" }] });
      await create("a", { networks: ["tiny"] });
      const more = { name: named("b"), networks: ["tiny"] };
      expect(await refused(() => controller.createSandbox(more))).toEqual({
        code: "POOL_EXHAUSTED",
      });
    }));

  test("that a failed sandbox was to have are free again", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "one" });
      await controller.createNetwork({ name: "tiny", subnets: [{ subnet: "10.7.0.0/30" }] });
      await create("a", { networks: ["tiny"] });
      const failing = { name: named("b"), networks: ["one", "tiny"] };
      expect(await refused(() => controller.createSandbox(failing))).toMatchObject({
        code: "POOL_EXHAUSTED",
      });
      await create("c", { networks: [{ network: "one", addresses: ["172.17.0.2"] }] });
    }));
});
