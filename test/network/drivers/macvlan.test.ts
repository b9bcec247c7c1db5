// Networks on a link of the host, by real packets.

import { describe, expect, test } from "vitest";
import { needs } from "../../support/features.ts";
import { inside, ip } from "../../support/sandbox.ts";
import { addressOn, curl, defaultsOf, dig, lan, reaches, serving, withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";

const subnets = [
  { subnet: "198.51.100.0/24", range: "198.51.100.128/25", gateway: "198.51.100.1" },
];
const onLan = { driver: "macvlan", subnets, allowOverlap: true };

describe("macvlan", () => {
  test("has sandboxes on the parent's network, each with a MAC address of its own", () =>
    withLab(async (lab) => {
      const { host, world, controller, create, named } = lab;
      await controller.createNetwork({ ...onLan, name: "lan", options: { parent: "lan0" } });
      const a = await create("a", { networks: ["lan"] });
      const b = await create("b", { networks: ["lan"] });
      const [link] = await ip(a, "link", "show", "eth0");
      expect(link.linkinfo).toMatchObject({ info_kind: "macvlan", info_data: { mode: "bridge" } });
      expect(await defaultsOf(a)).toEqual([`${lan.world} eth0`]);
      expect(await reaches(a, await addressOn(lab, b, "lan"))).toBe(true);
      await serving(world, 8000, async () => {
        expect(await curl(a, lan.world, 8000)).toBe(await addressOn(lab, a, "lan"));
      });
      await serving(a, 80, async () => {
        expect(await curl(world, await addressOn(lab, a, "lan"), 80)).toBe(lan.world);
      });
      expect(await dig(a, named("b"))).toEqual([await addressOn(lab, b, "lan")]);
      // As with Docker, the host itself is not reached, and nothing of it is changed.
      expect(await reaches(a, lan.host, 1)).toBe(false);
      expect(await inside(host, "nft", "list", "ruleset")).toBe("");
      expect(await controller.listSettings()).toEqual([]);
    }));

  test("takes the other modes, of which private keeps sandboxes apart", () =>
    withLab(async (lab) => {
      const { controller, create } = lab;
      for (const mode of ["private", "vepa"]) {
        await controller.createNetwork({
          ...{ name: mode, driver: "macvlan", options: { parent: "lan0", macvlan_mode: mode } },
        });
        const a = await create(`${mode}-a`, { networks: [mode] });
        const b = await create(`${mode}-b`, { networks: [mode] });
        const [link] = await ip(a, "link", "show", "eth0");
        expect(link.linkinfo.info_data.mode).toBe(mode);
        expect(await reaches(a, await addressOn(lab, b, mode), 1)).toBe(false);
      }
    }));

  test("in the mode passthru takes one sandbox", () =>
    withLab(async (lab) => {
      const { host, controller, create, named } = lab;
      const options = { parent: "lan0", mode: "passthru" };
      const [before] = await ip(host, "link", "show", "lan0");
      await controller.createNetwork({ ...onLan, name: "lan", options });
      const a = await create("a", { networks: ["lan"] });
      // Parent and sandbox have one MAC address, that of the endpoint; the world reaches the sandbox.
      const [connection] = (await controller.inspectSandbox(a.name)).connections;
      for (const [where, name] of [[host, "lan0"] as const, [a, "eth0"] as const]) {
        const [link] = await ip(where, "link", "show", name);
        expect(link.address).toBe(connection?.endpoint.mac);
      }
      await serving(a, 80, async () => {
        expect(await curl(lab.world, await addressOn(lab, a, "lan"), 80)).toBe(lan.world);
      });
      expect(await controller.plan()).toEqual([]);
      const more = { name: named("b"), networks: ["lan"] };
      expect(await refused(() => controller.createSandbox(more))).toEqual({ code: "NETWORK_FULL" });
      // The next one does not wait for the kernel to clear the namespace away.
      await controller.deleteSandbox(a.name);
      for (const name of ["b", "c", "d"].map(named)) {
        await controller.createSandbox({ name, networks: ["lan"] });
        await controller.deleteSandbox(name);
      }
      expect((await ip(host, "link", "show", "lan0"))[0].address).toBe(before.address);
    }));

  test("in the mode passthru is alone on its parent, and leaves adopted namespaces as they were", () =>
    withLab(async ({ controller, world }) => {
      const make = (name: string, mode: string) =>
        refused(() =>
          controller.createNetwork({ name, driver: "macvlan", options: { parent: "lan0", mode } }),
        );
      expect(await make("one", "bridge")).toBeUndefined();
      expect(await make("two", "passthru")).toEqual({ code: "OPTION_INVALID" });
      await controller.deleteNetwork("one");
      expect(await make("two", "passthru")).toBeUndefined();
      expect(await make("one", "bridge")).toEqual({ code: "OPTION_INVALID" });
      const names = async () => (await ip(world, "link")).map(({ ifname }) => ifname);
      const before = await names();
      const own = { name: world.name, namespace: { name: world.name } };
      await controller.adoptSandbox({ ...own, networks: ["two"] });
      expect(await names()).toHaveLength(before.length + 1);
      await controller.disconnect("two", world.name);
      expect(await names()).toEqual(before);
    }));

  test("without a parent is a network of its sandboxes alone, on a link that leads nowhere", () =>
    withLab(async (lab) => {
      const { host, controller, create, named } = lab;
      const links = async () => (await ip(host, "link")).map(({ ifname }) => ifname);
      const before = await links();
      const { id } = await controller.createNetwork({
        ...{ name: "alone", driver: "macvlan", internal: true, ipv6: true },
      });
      const parent = `dm-${id.slice(0, 12)}`;
      expect(await links()).toEqual([...before, parent]);
      expect((await ip(host, "addr", "show", parent))[0].addr_info).toMatchObject([
        { family: "inet6", scope: "link" },
      ]);
      const a = await create("a", { networks: ["alone"] });
      const b = await create("b", { networks: ["alone"] });
      expect(await defaultsOf(a)).toEqual([]);
      for (const position of [0, 1]) {
        expect(await reaches(a, await addressOn(lab, b, "alone", position))).toBe(true);
      }
      expect(await reaches(a, lan.host, 1)).toBe(false);
      expect(await dig(a, named("b"))).toEqual([await addressOn(lab, b, "alone")]);
      expect(await controller.plan()).toEqual([]);

      // The kernel takes the sandboxes' links with it.
      await inside(host, "ip", "link", "del", parent);
      await controller.reconcile();
      expect(await controller.plan()).toEqual([]);
      expect(await reaches(a, await addressOn(lab, b, "alone"))).toBe(true);
      await inside(host, "ip", "link", "set", parent, "down");
      expect(await controller.plan()).toMatchObject([{ subject: 'network "alone"' }]);
      await controller.reconcile();
      expect(await reaches(a, await addressOn(lab, b, "alone"))).toBe(true);
      for (const { name } of [a, b]) await controller.deleteSandbox(name);
      await controller.deleteNetwork("alone");
      expect(await links()).toEqual(before);
    }));

  test("internal on a parent has no way out", () =>
    withLab(async (lab) => {
      const { controller, create } = lab;
      await controller.createNetwork({
        ...{ ...onLan, name: "lan", internal: true, options: { parent: "lan0" } },
      });
      const a = await create("a", { networks: ["lan"] });
      expect(await defaultsOf(a)).toEqual([]);
      expect(await reaches(a, lan.world)).toBe(true);
    }));

  test("tells of a parent that is down or gone, which is not its own to mend", () =>
    withLab(async ({ host, controller }) => {
      await inside(host, "ip", "link", "add", "lower", "type", "ifb");
      const options = { parent: "lower" };
      await controller.createNetwork({ name: "lan", driver: "macvlan", options });
      for (const what of ["down", "gone"]) {
        if (what === "gone") await inside(host, "ip", "link", "del", "lower");
        const [repair, ...more] = await controller.reconcile();
        expect(more).toEqual([]);
        expect(repair?.problem).toBe(`its parent lower is ${what}`);
        expect(repair?.error).toMatchObject({ code: "DRIVER_FAILED" });
      }
    }));

  test("can be several networks on one parent", () =>
    withLab(async (lab) => {
      const { controller, create } = lab;
      for (const name of ["one", "two"]) {
        await controller.createNetwork({ name, driver: "macvlan", options: { parent: "lan0" } });
      }
      const a = await create("a", { networks: ["one"] });
      const b = await create("b", { networks: ["two"] });
      expect(await reaches(a, await addressOn(lab, b, "two"), 1)).toBe(false);
    }));

  test("needs a parent that there is", () =>
    withLab(async ({ controller }) => {
      const attempt = (options: Record<string, string>) =>
        refused(() => controller.createNetwork({ name: "lan", driver: "macvlan", options }));
      expect(await attempt({})).toEqual({ code: "OPTION_INVALID" });
      expect(await attempt({ parent: "lan9" })).toEqual({
        ...{ code: "PARENT_MISSING", conflict: "lan9" },
      });
      expect(await attempt({ parent: "lan9.50" })).toMatchObject({ code: "PARENT_MISSING" });
      expect(await attempt({ parent: "lan0.5000" })).toMatchObject({ code: "PARENT_MISSING" });
      expect(await attempt({ parent: "lan0", macvlan_mode: "x" })).toEqual({
        code: "OPTION_INVALID",
      });
      expect(await controller.listNetworks()).toEqual([]);
    }));

  test("makes a VLAN of its parent where the kernel has them", async (context) => {
    await needs("vlan", context);
    await withLab(async ({ host, controller, create }) => {
      const options = { parent: "lan0.50" };
      await controller.createNetwork({ name: "lan", driver: "macvlan", options });
      expect(await ip(host, "link", "show", "lan0.50")).toMatchObject([
        { linkinfo: { info_kind: "vlan", info_data: { id: 50 } } },
      ]);
      await create("a", { networks: ["lan"] });
    });
  });

  test("has a VLAN that it made for as long as a network is on it", async (context) => {
    await needs("vlan", context);
    await withLab(async ({ host, controller }) => {
      const options = { parent: "lan0.50" };
      const make = (name: string) => controller.createNetwork({ name, driver: "macvlan", options });
      const links = async () => (await ip(host, "link")).map(({ ifname }) => ifname);
      await Promise.all([make("one"), make("two")]);
      await make("three");
      for (const name of ["one", "two"]) await controller.deleteNetwork(name);
      expect(await links()).toContain("lan0.50");
      await controller.deleteNetwork("three");
      expect(await links()).not.toContain("lan0.50");
      await inside(
        ...([host, "ip", "link", "add", "lan0.50", "link", "lan0", "type", "vlan"] as const),
        ...["id", "50"],
      );
      await make("one");
      await controller.deleteNetwork("one");
      expect(await links()).toContain("lan0.50");
      await inside(host, "ip", "link", "del", "lan0.50");
    });
  });

  test("publishes no ports", () =>
    withLab(async ({ controller, named }) => {
      const options = { parent: "lan0" };
      await controller.createNetwork({ name: "lan", driver: "macvlan", options });
      const sandbox = { name: named("a"), networks: ["lan"], ports: ["8080:80"] };
      expect(await refused(() => controller.createSandbox(sandbox))).toEqual({
        code: "MODE_CONFLICT",
      });
    }));
});
