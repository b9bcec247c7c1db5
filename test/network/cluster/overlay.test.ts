// Networks across hosts, by real packets: sandboxes of several hosts on one of them.

import { describe, expect, test } from "vitest";
import { inside, ip } from "../../support/sandbox.ts";
import { dig, reaches } from "../model/lab.ts";
import { addressOf, known, settled, withCluster } from "./lab.ts";

describe("an overlay", () => {
  test("joins sandboxes of two hosts, by address and by name, and leads out", () =>
    withCluster(async ({ hosts, world }) => {
      const [one, two] = hosts;
      if (one === undefined || two === undefined) throw new Error("no hosts");
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const a = await one.create("a", { networks: ["web"] });
      const b = await two.create("b", { networks: [{ network: "web", aliases: ["db"] }] });
      await settled(hosts, "web");
      const [ofA, ofB] = [await addressOf(one, a, "web"), await addressOf(two, b, "web")];
      expect(ofA).not.toBe(ofB);
      expect(await reaches(a, ofB)).toBe(true);
      expect(await reaches(b, ofA)).toBe(true);
      expect(await dig(a, b.name)).toEqual([ofB]);
      expect(await dig(a, "db")).toEqual([ofB]);
      expect(await dig(b, "-x", ofA)).toEqual([`${a.name}.web.`]);
      expect(await reaches(a, "192.0.2.254")).toBe(true);
      expect(await inside(a, "ip", "route", "show", "default")).toContain("eth1");
      expect((await ip(a, "link", "show", "eth0"))[0]).toMatchObject({ mtu: 1450 });
      expect(await one.controller.plan()).toEqual([]);
      await two.controller.deleteSandbox(b.name);
      await settled(hosts, "web");
      expect(await known(one, "web")).toEqual([]);
      expect(await reaches(world, "192.0.2.1")).toBe(true);
    }));
});
