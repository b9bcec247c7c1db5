// Drivers that fail, or are slow, while others are at work: nothing is left, and nobody comes too late.

import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createLink, deleteLink, findLink } from "../../../lib/index.ts";
import { bridge } from "../../../lib/network/drivers/bridge.ts";
import type { Driver } from "../../../lib/network/index.ts";
import { inside, ip, type Sandbox } from "../../support/sandbox.ts";
import { withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";

const linksOf = async (sandbox: Sandbox) => (await ip(sandbox, "link")).map(({ ifname }) => ifname);

/** A driver that fails to connect at once. */
const hasty: Driver = {
  ...{ ...bridge, name: "hasty" },
  connect: async () => {
    throw new Error("as if the kernel had refused");
  },
};

/** A driver whose endpoints are links of the host alone, made when others have long failed. */
function slow(most = 1): { driver: Driver; connected: string[] } {
  const connected: string[] = [];
  const driver: Driver = {
    name: "slow",
    traits: { addresses: true, routed: false, names: false },
    planNetwork: async () => ({}),
    mostEndpoints: () => most,
    hostLink: ({ id }) => `s${id.slice(0, 8)}`,
    createNetwork: async () => {},
    deleteNetwork: async () => {},
    connect: async ({ host, sandbox, endpoint: { sandbox: id, link, mac, hostLink } }) => {
      connected.push(id);
      await pause(100);
      const { name = "", mac: address = "" } = hostLink ?? {};
      // The far end is moved in afterwards, so that a namespace that is gone hinders nothing.
      const peer = { name: `p${name.slice(1)}`, address: mac };
      await createLink(host, { kind: "veth", name, address, up: true, peer });
      const far = await createLink(sandbox, { kind: "ifb", name: link, address: mac });
      if (far.address !== mac) throw new Error("the link has another address");
    },
    disconnect: async ({ host, endpoint: { hostLink } }) => {
      const link = hostLink && (await findLink(host, { name: hostLink.name }));
      if (link?.address === hostLink?.mac && link !== undefined) await deleteLink(host, link);
    },
    inspectNetwork: async () => [],
    inspectEndpoint: async () => [],
  };
  return { driver, connected };
}

describe("what one driver makes while another one fails", () => {
  test("is taken away when it is made", () =>
    withLab(
      async ({ host, controller, named }) => {
        await controller.createNetwork({ name: "one", driver: "hasty" });
        await controller.createNetwork({ name: "two", driver: "slow" });
        const before = await linksOf(host);
        const sandbox = { name: named("a"), networks: ["one", "two"] };
        expect(await refused(() => controller.createSandbox(sandbox))).toEqual({
          code: "DRIVER_FAILED",
        });
        expect(await linksOf(host)).toEqual(before);
        await pause(200);
        expect(await linksOf(host)).toEqual(before);
      },
      { drivers: [hasty, slow().driver] },
    ));

  test("is taken away, where settings of the sandbox are what failed", () =>
    withLab(
      async ({ host, controller, named }) => {
        await controller.createNetwork({ name: "two", driver: "slow" });
        const before = await linksOf(host);
        const sysctls = { "net.ipv4.there_is_no_such_thing": "1" };
        const sandbox = { name: named("a"), networks: ["two"], sysctls };
        expect(await refused(() => controller.createSandbox(sandbox))).toMatchObject({
          code: "DRIVER_FAILED",
        });
        await pause(200);
        expect(await linksOf(host)).toEqual(before);
      },
      { drivers: [slow().driver] },
    ));
});

test("the last place of a network is given to one sandbox, before anything is made", () => {
  const { driver, connected } = slow(2);
  return withLab(
    async ({ controller, named }) => {
      await controller.createNetwork({ name: "few", driver: "slow" });
      const make = (word: string) =>
        refused(() => controller.createSandbox({ name: named(word), networks: ["few"] }));
      expect(await make("a")).toBeUndefined();
      const codes = await Promise.all(["b", "c", "d"].map(make));
      expect(codes.map((one) => one?.code ?? "made").toSorted()).toEqual([
        ...["NETWORK_FULL", "NETWORK_FULL", "made"],
      ]);
      expect(connected).toHaveLength(2);
      expect((await controller.listSandboxes()).length).toBe(2);
      await controller.deleteSandbox(named("a"));
      expect(await make("a")).toBeUndefined();
    },
    { drivers: [driver] },
  );
});

describe("a bridge by a name", () => {
  const named = { "com.docker.network.bridge.name": "lan7" };

  test("is given to one of several networks that ask at once, whose firewall stays", () =>
    withLab(async ({ host, controller }) => {
      const make = (name: string) =>
        refused(() => controller.createNetwork({ name, options: named }));
      const outcomes = await Promise.all(["one", "two", "three"].map(make));
      expect(outcomes.filter((one) => one === undefined)).toHaveLength(1);
      for (const outcome of outcomes.filter(Boolean)) {
        expect(outcome).toEqual({ code: "LINK_TAKEN", conflict: "lan7" });
      }
      expect(await controller.plan()).toEqual([]);
      expect(await linksOf(host)).toContain("lan7");
    }));

  test("is another network's also while the bridge is gone", () =>
    withLab(async ({ host, controller }) => {
      await controller.createNetwork({ name: "one", options: named });
      await inside(host, "ip", "link", "del", "lan7");
      expect(
        await refused(() => controller.createNetwork({ name: "two", options: named })),
      ).toEqual({ code: "LINK_TAKEN", conflict: "lan7" });
      await controller.reconcile();
      expect(await controller.plan()).toEqual([]);
      expect((await controller.listNetworks()).map(({ name }) => name)).toEqual(["one"]);
    }));
});
