// Kinds of bridge networks: internal, without talk among sandboxes, without masquerade, of IPv6.

import { describe, expect, test } from "vitest";
import { getSysctl } from "../../../lib/index.ts";
import { inside, ip } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, curl, defaultsOf, fileAt, lan, reaches, serving, withLab } from "./lab.ts";

describe("an internal network", () => {
  test("leads nobody out or in, but its sandboxes to each other", () =>
    withLab(async (lab) => {
      const { host, world, controller, create } = lab;
      await controller.createNetwork({ name: "inner", internal: true });
      const a = await create("a", { networks: ["inner"] });
      const b = await create("b", { networks: ["inner"] });
      const stranger = await create("c");
      const address = await addressOn(lab, b, "inner");
      expect(await defaultsOf(a)).toEqual([]);
      expect(await reaches(a, address)).toBe(true);
      expect(await reaches(host, address)).toBe(true);
      expect(await reaches(stranger, address, 1)).toBe(false);
      await inside(a, "ip", "route", "add", "default", "via", "172.17.0.1");
      expect(await reaches(a, lan.world, 1)).toBe(false);
      await inside(world, "ip", "route", "add", "172.17.0.0/16", "via", lan.host);
      expect(await reaches(world, address, 1)).toBe(false);
    }));

  test("publishes no ports", () =>
    withLab(async ({ controller, named }) => {
      await controller.createNetwork({ name: "inner", internal: true });
      const options = { name: named("a"), networks: ["inner"], ports: ["8080:80"] };
      expect(await refused(() => controller.createSandbox(options))).toEqual({
        code: "MODE_CONFLICT",
      });
    }));

  test("changes no setting of the host", () =>
    withLab(async ({ host, controller, create }) => {
      await controller.createNetwork({ name: "inner", internal: true });
      await create("a", { networks: ["inner"] });
      expect(await getSysctl(host, "net.ipv4.ip_forward")).toBe("0");
      expect(await controller.listSettings()).toEqual([]);
    }));
});

describe("a network without talk among its sandboxes", () => {
  test("leads them out and to what is published, not to each other", () =>
    withLab(async (lab) => {
      const { controller, create } = lab;
      const options = { "com.docker.network.bridge.enable_icc": "false" };
      await controller.createNetwork({ name: "quiet", options });
      const a = await create("a", { networks: ["quiet"], ports: ["8080:80"] });
      const b = await create("b", { networks: ["quiet"] });
      await serving(a, 80, async () => {
        const address = await addressOn(lab, a, "quiet");
        expect(await curl(b, address, 80)).toBeUndefined();
        expect(await reaches(b, address, 1)).toBe(false);
        expect(await reaches(b, "172.17.0.1")).toBe(true);
        expect(await reaches(b, lan.world)).toBe(true);
        expect(await curl(b, lan.host, 8080)).toBeDefined();
      });
    }));
});

describe("a network without masquerade", () => {
  test("shows the world its sandboxes' addresses", () =>
    withLab(async (lab) => {
      const { world, controller, create } = lab;
      const options = { "com.docker.network.bridge.enable_ip_masquerade": "false" };
      await controller.createNetwork({ name: "open", options });
      const a = await create("a", { networks: ["open"] });
      await inside(world, "ip", "route", "add", "172.17.0.0/16", "via", lan.host);
      await serving(world, 8000, async () => {
        expect(await curl(a, lan.world, 8000)).toBe(await addressOn(lab, a, "open"));
      });
    }));
});

describe("a network with a binding of its own", () => {
  test("publishes on that address unless another is named", () =>
    withLab(async ({ host, world, controller, create }) => {
      const options = { "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1" };
      await controller.createNetwork({ name: "local", options });
      const a = await create("a", { networks: ["local"], ports: ["8080:80"] });
      expect(a.planned.ports).toMatchObject([{ hostAddress: "127.0.0.1" }]);
      await serving(a, 80, async () => {
        expect(await curl(host, "127.0.0.1", 8080)).toBeDefined();
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
      });
    }));
});

describe("a network of IPv6", () => {
  test("has a subnet of the site's own, a gateway, a default route, and the way out", () =>
    withLab(async (lab) => {
      const { host, world, controller, create } = lab;
      const { subnets } = await controller.createNetwork({ name: "six", ipv6: true });
      const [, six] = subnets;
      expect(six?.subnet).toMatch(/^fd[0-9a-f:]+::\/64$/);
      const a = await create("a", { networks: ["six"] });
      const b = await create("b", { networks: ["six"] });
      expect(await defaultsOf(a, "-6")).toEqual([`${six?.gateway} eth0`]);
      const [, own] = (await ip(a, "addr", "show", "eth0"))[0].addr_info;
      expect(own).toMatchObject({ family: "inet6", prefixlen: 64, scope: "global" });
      expect(await reaches(a, await addressOn(lab, b, "six", 1))).toBe(true);
      expect(await reaches(a, six?.gateway ?? "")).toBe(true);
      await serving(world, 8000, async () => {
        expect(await curl(a, lan.world6, 8000)).toBe(lan.host6);
      });
      expect(await getSysctl(host, "net.ipv6.conf.all.forwarding")).toBe("1");
    }));

  test("takes a subnet that is named, and addresses of it", () =>
    withLab(async ({ controller, create }) => {
      await controller.createNetwork({ name: "six", subnets: [{ subnet: "fd00:17::/64" }] });
      const networks = [{ network: "six", addresses: ["fd00:17::99"] }];
      const a = await create("a", { networks });
      const { endpoint } = (await controller.inspectSandbox(a.name)).connections[0] ?? {};
      expect(endpoint?.addresses).toEqual(["172.17.0.2/16", "fd00:17::99/64"]);
      expect(await reaches(a, "fd00:17::1")).toBe(true);
    }));

  test("is not on links of other networks of the sandbox", () =>
    withLab(async ({ controller, create }) => {
      await controller.createNetwork({ name: "four" });
      await controller.createNetwork({ name: "six", ipv6: true });
      const a = await create("a", { networks: ["four", "six"] });
      const addresses = async (link: string) =>
        (await ip(a, "-6", "addr", "show", link)).flatMap(({ addr_info: list }) => list ?? []);
      expect(await addresses("eth0")).toEqual([]);
      expect((await addresses("eth1")).length).toBeGreaterThan(0);
    }));
});

describe("settings", () => {
  test("of the host are changed when needed, listed, and put back with the last network", () =>
    withLab(async ({ host, controller }) => {
      const forwarding = () => getSysctl(host, "net.ipv4.ip_forward");
      await controller.createNetwork({ name: "one" });
      await controller.createNetwork({ name: "two" });
      expect(await forwarding()).toBe("1");
      expect(await controller.listSettings()).toEqual([
        { name: "net.ipv4.ip_forward", before: "0", value: "1" },
      ]);
      await controller.deleteNetwork("one");
      expect(await forwarding()).toBe("1");
      await controller.deleteNetwork("two");
      expect(await forwarding()).toBe("0");
      expect(await controller.listSettings()).toEqual([]);
    }));

  test("of the host that were so before stay", () =>
    withLab(async ({ host, controller }) => {
      await inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=1");
      await controller.createNetwork({ name: "one" });
      expect(await controller.listSettings()).toEqual([]);
      await controller.deleteNetwork("one");
      expect(await getSysctl(host, "net.ipv4.ip_forward")).toBe("1");
      await inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=0");
    }));

  test("of a sandbox are as they were asked for, and as containers have them", () =>
    withLab(async ({ create }) => {
      const a = await create("a", { sysctls: { "net.ipv4.tcp_syncookies": "0" } });
      expect(await getSysctl(a, "net.ipv4.tcp_syncookies")).toBe("0");
      expect(await getSysctl(a, "net.ipv4.ip_unprivileged_port_start")).toBe("0");
      // In a user namespace of one group there is no range of others.
      const groups = await fileAt("/proc/self/gid_map");
      const all = /^\s*0\s+0\s+4294967295$/m.test(groups);
      const range = await getSysctl(a, "net.ipv4.ping_group_range");
      if (all) expect(range).toBe("0\t2147483647");
    }));
});
