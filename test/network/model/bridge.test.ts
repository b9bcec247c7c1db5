// Sandboxes on a bridge: the predefined network and those that users make, as Docker has them.

import { describe, expect, test } from "vitest";
import { bridge, ip, linkInUse } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, curl, defaultsOf, dig, fileIn, lan, reaches, serving, withLab } from "./lab.ts";

describe("the predefined network", () => {
  test("is a bridge with the first address of the first pool", () =>
    withLab(async ({ host, create }) => {
      await create("a");
      const link = await linkInUse(host, "vethwork0");
      expect(link).toMatchObject({
        mtu: 1500,
        linkinfo: { info_kind: "bridge", info_data: { stp_state: 0, vlan_filtering: 0 } },
      });
      expect(link.addr_info[0]).toMatchObject({
        ...{ family: "inet", local: "172.17.0.1", prefixlen: 16, broadcast: "172.17.255.255" },
      });
    }));

  test("has sandboxes with eth0, the lowest free address and a default route", () =>
    withLab(async ({ host, create, controller }) => {
      const a = await create("a");
      const b = await create("b");
      const link = await linkInUse(a, "eth0");
      expect(link).toMatchObject({ mtu: 1500, qdisc: "noqueue" });
      expect(link.addr_info.filter(({ family }: { family: string }) => family === "inet")).toEqual([
        expect.objectContaining({
          ...{ local: "172.17.0.2", prefixlen: 16, broadcast: "172.17.255.255" },
        }),
      ]);
      expect(await ip(a, "route")).toEqual([
        {
          ...{ type: "unicast", dst: "default", gateway: "172.17.0.1", dev: "eth0" },
          ...{ protocol: "boot", scope: "global", flags: [] },
        },
        expect.objectContaining({ dst: "172.17.0.0/16", protocol: "kernel", scope: "link" }),
      ]);
      const { connections } = await controller.inspectSandbox(a.name);
      expect(connections[0]?.endpoint.mac).toBe(link.address);
      expect(await ip(b, "-4", "addr", "show", "eth0")).toMatchObject([
        { addr_info: [{ local: "172.17.0.3" }] },
      ]);
      const far = (await ip(host, "link", "show", "master", "vethwork0"))[0];
      expect(far.ifname).toMatch(/^veth[0-9a-f]{7}$/);
      expect(far.link_index).toBe(link.ifindex);
    }));

  test("leads its sandboxes to each other, to the host and out, under the host's address", () =>
    withLab(async (lab) => {
      const { world, create, named } = lab;
      const a = await create("a");
      const b = await create("b");
      expect(await reaches(a, await addressOn(lab, b, "bridge"))).toBe(true);
      expect(await reaches(a, "172.17.0.1")).toBe(true);
      expect(await reaches(a, lan.host)).toBe(true);
      await serving(world, 8000, async () => {
        expect(await curl(a, lan.world, 8000)).toBe(lan.host);
      });
      expect(await refused(() => lab.controller.createSandbox({ name: named("a") }))).toEqual({
        code: "SANDBOX_EXISTS",
      });
    }));

  test("has no names, and its sandboxes the host's resolv.conf", () =>
    withLab(async ({ create }) => {
      const a = await create("a", { hostname: "myhost" });
      expect(await fileIn(a, "/etc/resolv.conf")).not.toContain("127.0.0.11");
      expect(await fileIn(a, "/etc/hosts")).toMatch(/^172\.17\.0\.2\tmyhost$/m);
      expect(await fileIn(a, "/etc/hosts")).toMatch(/^127\.0\.0\.1\s+localhost$/m);
    }));

  test("takes no fixed addresses and no aliases, and cannot be removed", () =>
    withLab(async ({ controller, named }) => {
      const on = (options: object) => () =>
        controller.createSandbox({
          name: named("a"),
          networks: [{ network: "bridge", ...options }],
        });
      const conflict = { code: "MODE_CONFLICT" };
      expect(await refused(on({ addresses: ["172.17.0.9"] }))).toEqual(conflict);
      expect(await refused(on({ aliases: ["web"] }))).toEqual(conflict);
      expect(await refused(on({}))).toBeUndefined();
      for (const name of ["bridge", "host", "none"]) {
        const predefined = { code: "NETWORK_PREDEFINED" };
        expect(await refused(() => controller.createNetwork({ name }))).toEqual(predefined);
      }
      expect(await refused(() => controller.deleteNetwork("bridge"))).toEqual({
        code: "NETWORK_PREDEFINED",
      });
    }));
});

describe("a network of a user's", () => {
  test("is a bridge named by its id, there before anybody is connected, gone with it", () =>
    withLab(async ({ host, controller }) => {
      const { id } = await controller.createNetwork({ name: "web" });
      const name = `br-${id.slice(0, 12)}`;
      const [link] = await ip(host, "-4", "addr", "show", name);
      expect(link.linkinfo.info_kind).toBe("bridge");
      expect(link.addr_info).toMatchObject([{ local: "172.17.0.1", prefixlen: 16 }]);
      expect(await controller.inspectNetwork(id.slice(0, 10))).toMatchObject({
        ...{ id, name: "web", driver: "bridge", internal: false, ipv6: false, connections: [] },
        subnets: [{ subnet: "172.17.0.0/16", gateway: "172.17.0.1" }],
      });
      await controller.deleteNetwork(id);
      expect((await ip(host, "link")).map(({ ifname }) => ifname)).not.toContain(name);
    }));

  test("gives names by a server that is in resolv.conf, and no port has to be published", () =>
    withLab(async (lab) => {
      const { controller, create, named } = lab;
      await controller.createNetwork({ name: "web" });
      const names = { search: ["corp.example"] };
      const a = await create("a", { networks: ["web"], names });
      const b = await create("b", {
        networks: [{ network: "web", aliases: ["db"] }],
        hostname: "myhost",
      });
      const address = await addressOn(lab, b, "web");
      expect(await fileIn(a, "/etc/resolv.conf")).toMatch(
        /^nameserver 127\.0\.0\.11\nsearch corp\.example\noptions .*\bndots:0$/m,
      );
      const shortId = b.planned.id.slice(0, 12);
      for (const name of [named("b"), "db", shortId, "myhost", `db.web`, "DB"]) {
        expect([name, await dig(a, name)]).toEqual([name, [address]]);
      }
      await serving(b, 4321, async () => {
        expect(await curl(a, "db", 4321)).toBe(await addressOn(lab, a, "web"));
      });
    }));

  test("takes another MTU, MAC address and prefix of links, all in the links themselves", () =>
    withLab(async ({ host, controller, create }) => {
      await controller.createNetwork({
        name: "web",
        options: {
          "com.docker.network.driver.mtu": "1400",
          "com.docker.network.bridge.name": "mybridge",
          "com.docker.network.container_iface_prefix": "net",
        },
      });
      const mac = "02:00:5e:10:00:01";
      const a = await create("a", { networks: [{ network: "web", mac }] });
      expect(await ip(a, "link", "show", "net0")).toMatchObject([{ mtu: 1400, address: mac }]);
      expect(await ip(host, "link", "show", "mybridge")).toMatchObject([{ mtu: 1400 }]);
      const ports = await ip(host, "link", "show", "master", "mybridge");
      expect(ports).toMatchObject([{ mtu: 1400 }]);
    }));

  test("leads the ports of its bridge into no loop and learns from them", () =>
    withLab(async ({ host, create }) => {
      await create("a");
      const [port] = await bridge(host, "link", "show");
      expect(port).toMatchObject({ hairpin: false, learning: true, flood: true, isolated: false });
    }));

  test("takes fixed addresses, also outside of the range, and those alone that are free", () =>
    withLab(async (lab) => {
      const { controller, create, named } = lab;
      const subnet = { subnet: "10.20.0.0/24", range: "10.20.0.128/25", gateway: "10.20.0.254" };
      await controller.createNetwork({
        name: "web",
        subnets: [{ ...subnet, auxiliary: { printer: "10.20.0.129" } }],
      });
      const a = await create("a", {
        networks: [{ network: "web", addresses: ["10.20.0.5"] }],
      });
      expect(await ip(a, "-4", "addr", "show", "eth0")).toMatchObject([
        { addr_info: [{ local: "10.20.0.5", prefixlen: 24 }] },
      ]);
      expect(await defaultsOf(a)).toEqual(["10.20.0.254 eth0"]);
      const second = async (addresses: string[]) =>
        await refused(() =>
          controller.createSandbox({
            name: named("b"),
            networks: [{ network: "web", addresses }],
          }),
        );
      expect(await second(["10.20.0.5"])).toMatchObject({ code: "ADDRESS_TAKEN" });
      expect(await second(["10.20.0.129"])).toMatchObject({ code: "ADDRESS_TAKEN" });
      expect(await second(["10.20.0.254"])).toMatchObject({ code: "ADDRESS_TAKEN" });
      expect(await second(["10.20.0.255"])).toEqual({ code: "ADDRESS_RESERVED" });
      expect(await second(["10.20.1.5"])).toEqual({ code: "ADDRESS_OUTSIDE" });
      expect(await second(["fd00::5"])).toEqual({ code: "ADDRESS_OUTSIDE" });
      const b = await create("b", { networks: ["web"] });
      expect(await ip(b, "-4", "addr", "show", "eth0")).toMatchObject([
        { addr_info: [{ local: "10.20.0.128" }] },
      ]);
      const c = await create("c", { networks: ["web"] });
      expect(await addressOn(lab, c, "web")).toBe("10.20.0.130");
    }));

  test("is not removed while somebody is connected, who is named", () =>
    withLab(async ({ controller, create }) => {
      await controller.createNetwork({ name: "web" });
      const a = await create("a", { networks: ["web"] });
      const inUse = { code: "NETWORK_IN_USE", conflict: a.name };
      expect(await refused(() => controller.deleteNetwork("web"))).toEqual(inUse);
      expect(await reaches(a, "172.17.0.1")).toBe(true);
      await controller.deleteSandbox(a.name);
      await controller.deleteNetwork("web");
      expect(await refused(() => controller.getNetwork("web"))).toEqual({
        code: "NETWORK_MISSING",
      });
    }));

  test("of a name that is taken is refused", () =>
    withLab(async ({ controller }) => {
      const { id } = await controller.createNetwork({ name: "web" });
      expect(await refused(() => controller.createNetwork({ name: "web" }))).toEqual({
        ...{ code: "NETWORK_EXISTS", conflict: id },
      });
      const all = [1, 2, 3, 4].map(() =>
        refused(() => controller.createNetwork({ name: "many" })).then((one) => one?.code),
      );
      expect((await Promise.all(all)).toSorted()).toEqual([
        ...["NETWORK_EXISTS", "NETWORK_EXISTS", "NETWORK_EXISTS", undefined],
      ]);
    }));
});
