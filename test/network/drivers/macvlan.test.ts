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
    withLab(async ({ controller, create, named }) => {
      const options = { parent: "lan0", mode: "passthru" };
      await controller.createNetwork({ name: "lan", driver: "macvlan", options });
      const a = await create("a", { networks: ["lan"] });
      const more = { name: named("b"), networks: ["lan"] };
      expect(await refused(() => controller.createSandbox(more))).toEqual({ code: "NETWORK_FULL" });
      await controller.deleteSandbox(a.name);
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
