// The options of the bridge driver, by both of their names, in links, rules and ports.

import { describe, expect, test } from "vitest";
import { bridge, inside, ip, type Testimony } from "../../support/sandbox.ts";
import { addressOn, curl, lan, reaches, serving, withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";

const short = {
  ...{ name: "lan7", mtu: "1400", linkPrefix: "net", icc: "false", masquerade: "0" },
  hostBinding: "127.0.0.1",
};

const long = {
  "com.docker.network.bridge.name": "lan7",
  "com.docker.network.driver.mtu": "1400",
  "com.docker.network.container_iface_prefix": "net",
  "com.docker.network.bridge.enable_icc": "0",
  "com.docker.network.bridge.enable_ip_masquerade": "false",
  "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
};

const dual = [{ subnet: "10.70.0.0/24" }, { subnet: "fd70::/64" }];

describe.each([
  ["short", short],
  ["Docker's", long],
])("options by %s names", (_which, options) => {
  test("are in bridge, ports, rules and sandboxes, and lead real packets", () =>
    withLab(async (lab) => {
      const { host, world, controller, create } = lab;
      await controller.createNetwork({ name: "web", options, subnets: dual });
      const a = await create("a", { networks: ["web"], ports: ["8080:80"] });
      const b = await create("b", { networks: ["web"] });
      const [master] = await ip(host, "addr", "show", "lan7");
      expect(master).toMatchObject({ mtu: 1400, linkinfo: { info_kind: "bridge" } });
      expect(master.addr_info).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ local: "10.70.0.1", prefixlen: 24 }),
          expect.objectContaining({ local: "fd70::1", prefixlen: 64 }),
        ]),
      );
      const ports = await bridge(host, "link", "show", "master", "lan7");
      expect(ports).toHaveLength(2);
      for (const { ifname } of ports) {
        expect(await ip(host, "link", "show", ifname)).toMatchObject([{ mtu: 1400 }]);
      }
      for (const each of [a, b]) {
        expect(await ip(each, "link", "show", "net0")).toMatchObject([{ mtu: 1400 }]);
      }
      const rules = JSON.parse(await inside(host, "nft", "-j", "list", "ruleset")).nftables;
      const leaving = rules.filter(({ rule }: Testimony) => rule?.chain.startsWith("leaving-"));
      expect(leaving).toEqual([]);

      for (const position of [0, 1]) {
        expect(await reaches(a, await addressOn(lab, b, "web", position), 1)).toBe(false);
      }
      expect(await reaches(a, "10.70.0.1")).toBe(true);
      expect(await reaches(a, "fd70::1")).toBe(true);
      await inside(world, "ip", "route", "add", "10.70.0.0/24", "via", lan.host);
      await inside(world, "ip", "-6", "route", "add", "fd70::/64", "via", lan.host6);
      await serving(world, 8000, async () => {
        expect(await curl(a, lan.world, 8000)).toBe(await addressOn(lab, a, "web"));
        expect(await curl(a, lan.world6, 8000)).toBe(await addressOn(lab, a, "web", 1));
      });
      await serving(a, 80, async () => {
        expect(await curl(host, "127.0.0.1", 8080)).toBeDefined();
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
      });
      expect(await controller.plan()).toEqual([]);
    }));
});

test("without options a network masquerades both families, and its sandboxes meet", () =>
  withLab(async (lab) => {
    const { world, controller, create } = lab;
    await controller.createNetwork({ name: "web", subnets: dual });
    const a = await create("a", { networks: ["web"] });
    const b = await create("b", { networks: ["web"] });
    await serving(world, 8000, async () => {
      expect(await curl(a, lan.world, 8000)).toBe(lan.host);
      expect(await curl(a, lan.world6, 8000)).toBe(lan.host6);
    });
    for (const position of [0, 1]) {
      expect(await reaches(a, await addressOn(lab, b, "web", position))).toBe(true);
    }
  }));

test("MTUs that others change are mended, on the bridge and at its ports", () =>
  withLab(async ({ host, controller, create }) => {
    await controller.createNetwork({ name: "web", options: { name: "lan7", mtu: "1400" } });
    await create("a", { networks: ["web"] });
    const [port] = await bridge(host, "link", "show", "master", "lan7");
    for (const name of ["lan7", port.ifname]) {
      await inside(host, "ip", "link", "set", name, "mtu", "1300");
      const problems = (await controller.plan()).map(({ problem }) => problem);
      expect(problems).toContain(`the MTU of ${name} is 1300, not 1400`);
      await controller.reconcile();
      expect(await ip(host, "link", "show", name)).toMatchObject([{ mtu: 1400 }]);
    }
    expect(await controller.plan()).toEqual([]);
  }));

const refusals: [what: string, options: Record<string, string>][] = [
  ["an option that there is not", { nope: "1" }],
  ["one by both of its names", { mtu: "1400", "com.docker.network.driver.mtu": "1400" }],
  ["a flag that is a word", { icc: "yes" }],
  ["an MTU below the least", { mtu: "67" }],
  ["an MTU above the most", { mtu: "65536" }],
  ["an MTU that is no number", { mtu: "1e3" }],
  ["a name that is too long", { name: "x".repeat(16) }],
  ["a name with a slash", { name: "a/b" }],
  ["the name of all links' settings", { name: "all" }],
  ["a prefix that leaves no digits", { linkPrefix: "abcdefghijk" }],
  ["a binding that is no address", { hostBinding: "999.0.0.1" }],
  ["a binding of IPv6", { hostBinding: "::1" }],
];

test("options that it does not take are refused before anything is made", () =>
  withLab(async ({ host, controller, store }) => {
    const state = async () => ({
      links: (await ip(host, "link")).map(({ ifname }) => ifname),
      rules: await inside(host, "nft", "list", "ruleset"),
      plan: (await store.list("ipam/")).entries,
    });
    const before = await state();
    for (const [what, options] of refusals) {
      const outcome = await refused(() => controller.createNetwork({ name: "web", options }));
      expect([what, outcome]).toEqual([what, { code: "OPTION_INVALID" }]);
    }
    const six = { name: "web", options: { mtu: "1279" }, ipv6: true };
    expect(await refused(() => controller.createNetwork(six))).toEqual({ code: "OPTION_INVALID" });
    const taken = { name: "web", options: { name: "lan0" } };
    expect(await refused(() => controller.createNetwork(taken))).toEqual({
      ...{ code: "LINK_TAKEN", conflict: "lan0" },
    });
    expect(await state()).toEqual(before);
  }));
