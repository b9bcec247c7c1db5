// Routed networks across hosts, by real packets: blocks for each host, routes between them.

import { expect, test } from "vitest";
import { inside, ip, type Sandbox } from "../../support/sandbox.ts";
import { dig, reaches } from "../model/lab.ts";
import { refused } from "../refused.ts";
import { curl, serving } from "../traffic.ts";
import { addressOf, type Host, withCluster } from "./lab.ts";

const whole = { name: "net", driver: "routed", subnets: [{ subnet: "10.5.0.0/16" }] };

test("sandboxes of three hosts see each other's addresses, and have names for each other", () =>
  withCluster(
    async ({ hosts }) => {
      const [first, ...others] = hosts;
      if (first === undefined) throw new Error("no hosts");
      await first.controller.createNetwork(whole);
      const a = await first.create("a", { networks: ["net"] });
      const rest: { one: Host; sandbox: Sandbox }[] = [];
      // One after the other: whoever comes first has the lower block.
      for (const one of others) {
        rest.push({ one, sandbox: await one.create(`b${one.number}`, { networks: ["net"] }) });
      }
      const own = await addressOf(first, a, "net");
      expect(own).toBe("10.5.0.2");
      await serving(a, 8000, async () => {
        for (const { one, sandbox } of rest) {
          const address = await addressOf(one, sandbox, "net");
          expect(address).toBe(`10.5.${one.number - 1}.2`);
          await expect.poll(() => reaches(a, address), { timeout: 10_000 }).toBe(true);
          expect(await curl(sandbox, own, 8000)).toBe(address);
          expect(await dig(sandbox, a.name)).toEqual([own]);
          expect(await dig(a, sandbox.name)).toEqual([address]);
          expect(await reaches(sandbox, "192.0.2.254")).toBe(true);
        }
      });
      expect((await ip(a, "link")).map(({ ifname }) => ifname)).toEqual(["lo", "eth0"]);
      const routes = (await ip(first.host, "route")).map(({ dst, gateway }) => `${dst} ${gateway}`);
      expect(routes).toContain("10.5.1.0/24 192.0.2.2");
      expect(routes).toContain("10.5.2.0/24 192.0.2.3");
      for (const { controller } of hosts) expect(await controller.plan()).toEqual([]);
    },
    { count: 3 },
  ));

test("a block is given back with the last sandbox of a host, and given to the next", () =>
  withCluster(async ({ hosts }) => {
    const [one, two] = hosts;
    if (one === undefined || two === undefined) throw new Error("no hosts");
    await one.controller.createNetwork(whole);
    const a = await one.create("a", { networks: ["net"] });
    const b = await two.create("b", { networks: ["net"] });
    const block = async () => (await addressOf(two, b, "net")).replace(/\d+$/, "0/24");
    expect(await block()).toBe("10.5.1.0/24");
    await one.controller.deleteSandbox(a.name);
    await expect
      .poll(async () => (await ip(two.host, "route")).map(({ dst }) => dst), { timeout: 10_000 })
      .not.toContain("10.5.0.0/24");
    await two.controller.disconnect("net", b.name);
    await two.controller.connect("net", b.name);
    expect(await block()).toBe("10.5.0.0/24");
  }));

test("a network is refused that leaves no two blocks, and a host for which there is none", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one, two, three] = hosts;
      if (one === undefined || two === undefined || three === undefined)
        throw new Error("no hosts");
      const keys = async () =>
        (await store.list("")).entries
          .map(({ key }) => key)
          .filter((key) => !/\/(turn|lock)$/.test(key));
      const before = await keys();
      const small = { ...whole, subnets: [{ subnet: "10.6.0.0/24" }] };
      expect(await refused(() => one.controller.createNetwork(small))).toMatchObject({
        code: "SUBNET_INVALID",
      });
      expect(await keys()).toEqual(before);
      await one.controller.createNetwork({ ...small, options: { blockSize: "25" } });
      await one.create("a", { networks: ["net"] });
      await two.create("b", { networks: ["net"] });
      const full = await keys();
      expect(await refused(() => three.create("c", { networks: ["net"] }))).toMatchObject({
        code: "POOL_EXHAUSTED",
      });
      expect(await keys()).toEqual(full);
    },
    { count: 3 },
  ));

test("other hosts are reached by it, too, where another network leads out, or none does", () =>
  withCluster(
    async ({ hosts }) => {
      const [one, two] = hosts;
      if (one === undefined || two === undefined) throw new Error("no hosts");
      await one.controller.createNetwork({ ...whole, internal: true });
      await one.controller.createNetwork({ name: "aaa" });
      const a = await one.create("a", { networks: ["net", "aaa"] });
      const b = await two.create("b", { networks: ["net"] });
      const addresses = [await addressOf(one, a, "net"), await addressOf(two, b, "net")] as const;
      expect(await reaches(a, addresses[1])).toBe(true);
      expect(await reaches(b, addresses[0])).toBe(true);
      expect(await reaches(a, "192.0.2.254")).toBe(true);
      expect(await reaches(b, "192.0.2.254", 1)).toBe(false);
      await inside(b, "ip", "route", "del", "10.5.0.0/16");
      expect(await two.controller.plan()).toHaveLength(1);
      await two.controller.reconcile();
      expect(await reaches(b, addresses[0])).toBe(true);
      await one.controller.disconnect("net", a.name);
      expect((await ip(a, "route")).map(({ dst }) => dst)).not.toContain("10.5.0.0/16");
    },
    { count: 2 },
  ));

test("a host reaches sandboxes of others from its first endpoint on the network to its last", () =>
  withCluster(
    async ({ hosts }) => {
      const [one, two, three] = hosts as [Host, Host, Host];
      const subnets = [{ subnet: "10.5.0.0/16" }, { subnet: "fd05::/64" }];
      const { id } = await one.controller.createNetwork({ ...whole, ipv6: true, subnets });
      const a = await one.create("a", { networks: ["net"] });
      const b = await two.create("b", { networks: ["net"] });
      const reached = async (from: Host, to: Host, sandbox: Sandbox, seconds = 3) => {
        const addresses = [0, 1].map((position) => addressOf(to, sandbox, "net", position));
        const all = (await Promise.all(addresses)).map((one) => reaches(from.host, one, seconds));
        return await Promise.all(all);
      };
      const both = (from: Host, to: Host, sandbox: Sandbox) =>
        expect.poll(() => reached(from, to, sandbox), { timeout: 10_000 }).toEqual([true, true]);
      await both(one, two, b);
      await both(two, one, a);
      // It has no block, and no route.
      expect(await reached(three, two, b, 1)).toEqual([false, false]);
      const c = await three.create("c", { networks: ["net"] });
      await both(three, two, b);
      await both(one, three, c);

      // With its own address, the kernel takes the routes of IPv4, and the sender of those of IPv6.
      const bridge = ["dev", `br-${id.slice(0, 12)}`];
      for (const address of ["10.5.0.1/24", "fd05::1/80"]) {
        await inside(one.host, "ip", "address", "del", address, ...bridge);
      }
      expect(await reached(one, two, b, 1)).toEqual([false, false]);
      await one.controller.reconcile();
      await both(one, two, b);

      // Blocks change hands: the host's own address is another one then.
      await one.controller.deleteSandbox(a.name);
      await two.controller.disconnect("net", b.name);
      await two.controller.connect("net", b.name);
      expect(await addressOf(two, b, "net")).toBe("10.5.0.2");
      const again = await one.create("again", { networks: ["net"] });
      expect(await addressOf(one, again, "net")).toBe("10.5.1.2");
      await both(one, two, b);
      await both(two, one, again);
      await both(three, two, b);
      await both(three, one, again);
      const routes = await ip(two.host, "route", "show", "proto", "118");
      const sources = routes.flatMap(({ prefsrc }) => prefsrc ?? []);
      expect(sources).toEqual(["10.5.0.1", "10.5.0.1"]);
      for (const { controller } of hosts) expect(await controller.plan()).toEqual([]);

      await three.controller.deleteSandbox(c.name);
      expect(await reached(three, two, b, 1)).toEqual([false, false]);
    },
    { count: 3, underlay: "IPv6" },
  ));
