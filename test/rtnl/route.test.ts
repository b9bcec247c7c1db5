// Routes and look-ups, against `ip route`.

import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import {
  addAddress,
  addRoute,
  getRoute,
  type Link,
  listRoutes,
  type Route,
  type RouteLookup,
  type RouteSpec,
  type RouteType,
  removeRoute,
  replaceRoute,
  setLink,
} from "../../lib/index.ts";
import {
  ip,
  outOfRange,
  refusalOf,
  type Sandbox,
  withPair,
  wrongType,
} from "../support/sandbox.ts";

/** A pair of which eth0 is 10.0.0.1/24 and fd00::1/64. */
async function withAddresses(
  work: (sandbox: Sandbox, near: Link, far: Link) => Promise<void>,
): Promise<void> {
  await withPair(async (sandbox, near, far) => {
    await addAddress(sandbox, near, "10.0.0.1/24");
    await addAddress(sandbox, near, { address: "fd00::1/64", flags: ["noDad"] });
    await work(sandbox, near, far);
  });
}

/** What `ip` says of the routes that the kernel did not make by itself. */
async function shown(sandbox: Sandbox, family: "-4" | "-6" = "-4", table = "all") {
  const routes = await ip(sandbox, family, "route", "show", "table", table);
  return routes.filter(({ protocol }) => protocol !== "kernel");
}

async function listed(sandbox: Sandbox): Promise<Route[]> {
  const routes = await listRoutes(sandbox, { table: "all" });
  return routes.filter(({ protocol }) => protocol !== "kernel");
}

/** `ip -4|-6 route add WORDS`, as a shell would split them. */
async function ipRoute(sandbox: Sandbox, words: string): Promise<void> {
  await ip(sandbox, ...words.split(" "));
}

describe("what is added", () => {
  test("an IPv4 route has everything that was said of it", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, {
        to: "10.1.0.0/16",
        tos: 16,
        table: 777,
        protocol: "static",
        scope: "site",
        via: "10.0.0.9",
        device: near,
        onlink: true,
        source: "10.0.0.1",
        metric: 5,
        realm: 0x30004,
      });

      expect(await shown(sandbox)).toEqual([
        {
          type: "unicast",
          dst: "10.1.0.0/16",
          tos: "0x10",
          gateway: "10.0.0.9",
          dev: "eth0",
          table: "777",
          protocol: "static",
          scope: "site",
          prefsrc: "10.0.0.1",
          metric: 5,
          flags: ["onlink"],
          flow: { from: "3", to: "4" },
        },
      ]);
    }));

  test("an IPv6 route has everything that was said of it", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, {
        to: "fd01::/64",
        from: "fd04::/48",
        table: 777,
        protocol: "bird",
        via: "fd00::9",
        device: { name: "eth0" },
        source: "fd00::1",
        metric: 9,
        preference: "high",
        expires: 100,
      });
      await addRoute(sandbox, { to: "fd02::/64", device: near.index, preference: "low" });

      const [scoped, plain] = await shown(sandbox, "-6");
      expect(scoped).toMatchObject({
        dst: "fd01::/64",
        from: "fd04::/48",
        gateway: "fd00::9",
        dev: "eth0",
        table: "777",
        protocol: "bird",
        prefsrc: "fd00::1",
        metric: 9,
        pref: "high",
      });
      expect(scoped.expires).toBeOneOf([98, 99, 100]);
      expect(plain).toMatchObject({ dst: "fd02::/64", dev: "eth0", metric: 1024, pref: "low" });
    }));

  test("metrics are those of ip", () =>
    withAddresses(async (sandbox, near) => {
      const metrics = {
        lock: 1 << 2,
        mtu: 1400,
        window: 1,
        rtt: 8,
        rttvar: 8,
        ssthresh: 5,
        cwnd: 6,
        advmss: 1000,
        reordering: 7,
        hoplimit: 9,
        initcwnd: 10,
        features: 1,
        rtoMin: 300,
        initrwnd: 11,
        quickack: 1,
        congestionControl: "cubic",
        fastopenNoCookie: 1,
      };
      await addRoute(sandbox, { to: "10.1.0.0/16", device: near, metrics });

      const [route] = await shown(sandbox);
      expect(route.metrics).toEqual([
        {
          mtu: 1400,
          window: 1,
          rtt: 1, // ip divides by 8, and rttvar by 4
          rttvar: 2,
          ssthresh: 5,
          cwnd: 6,
          advmss: 1000,
          reordering: 7,
          hoplimit: 9,
          initcwnd: 10,
          ecn: null,
          rto_min: 300,
          initrwnd: 11,
          quickack: 1,
          congestion: "cubic",
          fastopen_no_cookie: 1,
        },
      ]);
      expect((await listed(sandbox))[0]?.metrics).toEqual(metrics);
    }));

  test.each<[RouteType, string]>([
    ["blackhole", "blackhole"],
    ["unreachable", "unreachable"],
    ["prohibit", "prohibit"],
    ["throw", "throw"],
  ])("a route of type %s needs no link", (type, shownType) =>
    withAddresses(async (sandbox) => {
      await addRoute(sandbox, { to: "10.1.0.0/16", type });
      await addRoute(sandbox, { to: "fd01::/64", type });

      expect(await shown(sandbox)).toMatchObject([{ type: shownType, dst: "10.1.0.0/16" }]);
      expect(await shown(sandbox, "-6")).toMatchObject([{ type: shownType, dst: "fd01::/64" }]);
      expect(await listed(sandbox)).toMatchObject([
        { family: "inet", type, to: "10.1.0.0/16" },
        { family: "inet6", type, to: "fd01::/64" },
      ]);
    }),
  );

  test.each<[RouteType, string]>([
    ["local", "host"],
    ["broadcast", "link"],
    ["multicast", "link"],
    ["anycast", "link"],
  ])("a route of type %s has the scope %s", (type, scope) =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, { to: "10.1.0.1", type, device: near, table: 5 });

      expect(await shown(sandbox, "-4", "5")).toMatchObject([{ type, scope, dst: "10.1.0.1" }]);
      expect(await listed(sandbox)).toMatchObject([{ type, scope, to: "10.1.0.1/32", table: 5 }]);
    }),
  );

  test("a route with several next hops shares them by weight", () =>
    withAddresses(async (sandbox, near, far) => {
      await addRoute(sandbox, {
        to: "10.1.0.0/16",
        nexthops: [
          { via: "10.0.0.2", weight: 3 },
          { via: "10.9.9.9", device: near, weight: 256, onlink: true },
          { device: { name: "far0" } },
        ],
      });
      await addRoute(sandbox, {
        to: "fd01::/64",
        nexthops: [{ via: "fd00::2", weight: 2 }, { via: "fd00::3" }],
      });

      const [four] = await shown(sandbox);
      expect(four.nexthops).toEqual([
        { gateway: "10.0.0.2", dev: "eth0", weight: 3, flags: [] },
        { gateway: "10.9.9.9", dev: "eth0", weight: 256, flags: ["onlink"] },
        { dev: "far0", weight: 1, flags: [] },
      ]);
      const [six] = await shown(sandbox, "-6");
      expect(six.nexthops).toMatchObject([
        { gateway: "fd00::2", weight: 2 },
        { gateway: "fd00::3", weight: 1 },
      ]);
      expect((await listed(sandbox)).map(({ nexthops }) => nexthops)).toEqual([
        [
          { device: near.index, weight: 3, onlink: false, via: "10.0.0.2" },
          { device: near.index, weight: 256, onlink: true, via: "10.9.9.9" },
          { device: far.index, weight: 1, onlink: false },
        ],
        [
          { device: near.index, weight: 2, onlink: false, via: "fd00::2" },
          { device: near.index, weight: 1, onlink: false, via: "fd00::3" },
        ],
      ]);
    }));

  test("an IPv4 route can lead by an IPv6 gateway", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, { to: "10.1.0.0/16", via: "fe80::9", device: near });
      await addRoute(sandbox, { to: "10.2.0.0/16", nexthops: [{ via: "fe80::9", device: near }] });

      const via = { family: "inet6", host: "fe80::9" };
      expect(await shown(sandbox)).toMatchObject([{ via }, { via }]);
      expect(await listed(sandbox)).toMatchObject([{ via: "fe80::9" }, { via: "fe80::9" }]);
    }));

  test("a route can lead by a next hop object", () =>
    withAddresses(async (sandbox) => {
      await ip(sandbox, ..."nexthop add id 5 via 10.0.0.5 dev eth0".split(" "));
      await addRoute(sandbox, { to: "10.1.0.0/16", nexthopId: 5 });

      expect(await shown(sandbox)).toMatchObject([{ nhid: 5, gateway: "10.0.0.5", dev: "eth0" }]);
      const [route] = await listed(sandbox);
      expect(route).toMatchObject({ nexthopId: 5, via: "10.0.0.5" });
    }));

  test("default is of the gateway's family, or IPv4's unless it is said", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, { to: "default", via: "10.0.0.254" });
      await addRoute(sandbox, { to: "default", via: "fd00::fe" });
      await addRoute(sandbox, { to: "default", device: near, metric: 7 });
      await addRoute(sandbox, { to: "default", device: near, metric: 7, family: "inet6" });

      expect(await shown(sandbox)).toMatchObject([
        { dst: "default", gateway: "10.0.0.254", protocol: "boot" },
        { dst: "default", dev: "eth0", metric: 7, scope: "link" },
      ]);
      expect(await shown(sandbox, "-6")).toMatchObject([
        { dst: "default", dev: "eth0", metric: 7 },
        { dst: "default", gateway: "fd00::fe", metric: 1024 },
      ]);
    }));

  test("bits behind the prefix are set to zero", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, { to: "10.1.2.3/15", device: near });
      await addRoute(sandbox, { to: "fd01::ff/121", device: near });

      expect(await shown(sandbox)).toMatchObject([{ dst: "10.0.0.0/15" }]);
      expect(await shown(sandbox, "-6")).toMatchObject([{ dst: "fd01::80/121" }]);
    }));

  test("every protocol and table has the name that ip gives it, or its number", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, {
        to: "10.1.0.0/16",
        device: near,
        protocol: "dhcp",
        table: "default",
      });
      await addRoute(sandbox, {
        to: "10.2.0.0/16",
        device: near,
        protocol: 77,
        table: 2 ** 32 - 1,
      });
      await addRoute(sandbox, { to: "10.3.0.0/16", device: near, protocol: "ospf", table: 255 });

      const routes = await shown(sandbox);
      expect(
        Object.fromEntries(routes.map(({ dst, protocol, table }) => [dst, [protocol, table]])),
      ).toEqual({
        "10.1.0.0/16": ["dhcp", "default"],
        "10.2.0.0/16": ["77", "4294967295"],
        "10.3.0.0/16": ["ospf", "local"],
      });
      const ours = await listed(sandbox);
      expect(
        Object.fromEntries(ours.map(({ to, protocol, table }) => [to, [protocol, table]])),
      ).toEqual({
        "10.1.0.0/16": ["dhcp", "default"],
        "10.2.0.0/16": [77, 4294967295],
        "10.3.0.0/16": ["ospf", "local"],
      });
    }));
});

describe("what is listed", () => {
  test("an IPv4 route that ip added is listed with everything that ip said", () =>
    withAddresses(async (sandbox, near) => {
      await ipRoute(
        sandbox,
        "route add 10.1.0.0/16 tos 0x10 via 10.0.0.9 dev eth0 src 10.0.0.1 metric 5 table 777 " +
          "proto static scope site realm 3/4 onlink mtu 1400 congctl reno",
      );
      expect(await listed(sandbox)).toEqual([
        {
          family: "inet",
          to: "10.1.0.0/16",
          tos: 16,
          table: 777,
          protocol: "static",
          scope: "site",
          type: "unicast",
          onlink: true,
          flags: ["onlink"],
          via: "10.0.0.9",
          device: near.index,
          source: "10.0.0.1",
          metric: 5,
          metrics: { mtu: 1400, congestionControl: "reno" },
          realm: 0x30004,
        },
      ]);
    }));

  test("an IPv6 route that ip added is listed with everything that ip said", () =>
    withAddresses(async (sandbox, near) => {
      await ipRoute(
        sandbox,
        "-6 route add fd01::/64 from fd04::/48 via fd00::9 dev eth0 src fd00::1 metric 9 " +
          "table 777 proto bird pref high expires 100 hoplimit 7",
      );
      expect(await listed(sandbox)).toEqual([
        {
          family: "inet6",
          to: "fd01::/64",
          from: "fd04::/48",
          table: 777,
          protocol: "bird",
          scope: "global",
          type: "unicast",
          onlink: false,
          flags: [],
          via: "fd00::9",
          device: near.index,
          source: "fd00::1",
          metric: 9,
          metrics: { hoplimit: 7 },
          preference: "high",
          expires: expect.toBeOneOf([99, 100]),
        },
      ]);
    }));

  test("a route by a link that lost its carrier says so", () =>
    withAddresses(async (sandbox, _near, far) => {
      await ipRoute(sandbox, "route add 10.1.0.0/16 dev eth0");
      await setLink(sandbox, far, { up: false });

      await vi.waitFor(async () => {
        expect(await shown(sandbox)).toMatchObject([{ flags: ["linkdown"] }]);
      });
      expect(await listed(sandbox)).toMatchObject([{ flags: ["linkdown"] }]);
    }));

  test("a filter chooses by family, table, link, protocol and type", () =>
    withAddresses(async (sandbox, near, far) => {
      await ipRoute(sandbox, "route add 10.1.0.0/16 dev eth0 proto static");
      await ipRoute(sandbox, "route add 10.2.0.0/16 dev far0 table 777");
      await ipRoute(sandbox, "route add blackhole 10.3.0.0/16 proto static table 5");
      await ipRoute(sandbox, "-6 route add fd01::/64 dev far0 proto static");
      const to = async (filter: Parameters<typeof listRoutes>[1]): Promise<string[]> =>
        (await listRoutes(sandbox, filter)).map((route) => route.to).sort();

      const kernels = ["10.0.0.0/24", "fd00::/64", "fe80::/64", "fe80::/64"];
      expect(await to(undefined)).toEqual(["10.1.0.0/16", "fd01::/64", ...kernels].sort());
      expect(await to({ family: "inet" })).toEqual(["10.0.0.0/24", "10.1.0.0/16"]);
      expect(await to({ table: 777 })).toEqual(["10.2.0.0/16"]);
      expect(await to({ table: "all", protocol: "static" })).toEqual([
        "10.1.0.0/16",
        "10.3.0.0/16",
        "fd01::/64",
      ]);
      expect(await to({ table: "all", type: "blackhole" })).toEqual(["10.3.0.0/16"]);
      expect(await to({ device: near, protocol: "static" })).toEqual(["10.1.0.0/16"]);
      expect(await to({ device: { name: "far0" } })).toEqual(["fd01::/64", "fe80::/64"]);
      expect(await to({ device: far.index, family: "inet", table: "all" })).toEqual([
        "10.2.0.0/16",
      ]);
      expect(await to({ table: "local", type: "broadcast" })).toContain("10.0.0.255/32");
    }));

  test("a table that does not exist has no routes", () =>
    withAddresses(async (sandbox) => {
      expect(await listRoutes(sandbox, { table: 4242 })).toEqual([]);
      expect(await listRoutes(sandbox, { table: 4242, family: "inet" })).toEqual([]);
      expect(await listRoutes(sandbox, { table: 4242, family: "inet6" })).toEqual([]);
    }));
});

describe("what is replaced", () => {
  test.each([
    ["10.1.0.0/16", "10.0.0.8", "10.0.0.9", "-4"],
    ["fd01::/64", "fd00::8", "fd00::9", "-6"],
  ] as const)("%s leads another way", (to, before, after, family) =>
    withAddresses(async (sandbox) => {
      await replaceRoute(sandbox, { to, via: before });
      expect(await shown(sandbox, family)).toMatchObject([{ dst: to, gateway: before }]);
      await replaceRoute(sandbox, { to, via: after });
      expect(await shown(sandbox, family)).toMatchObject([{ dst: to, gateway: after }]);
      expect(await shown(sandbox, family)).toHaveLength(1);
    }),
  );
});

describe("what is removed", () => {
  test("a spec that has part of what the route has will do", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, {
        to: "10.1.0.0/16",
        via: "10.0.0.9",
        metric: 5,
        protocol: "static",
      });
      await addRoute(sandbox, { to: "10.1.0.0/16", via: "10.0.0.8", metric: 6 });
      await addRoute(sandbox, { to: "fd01::/64", device: near, metric: 5 });

      await removeRoute(sandbox, { to: "10.1.0.0/16", via: "10.0.0.8" });
      expect(await shown(sandbox)).toMatchObject([{ metric: 5 }]);
      await removeRoute(sandbox, { to: "10.1.0.0/16" });
      await removeRoute(sandbox, { to: "fd01::/64" });
      expect(await listed(sandbox)).toEqual([]);
    }));

  test("a listed route will do, whatever it has", () =>
    withAddresses(async (sandbox) => {
      await ip(sandbox, ..."nexthop add id 5 via 10.0.0.5 dev eth0".split(" "));
      for (const words of [
        "route add 10.1.0.0/16 tos 0x10 via 10.0.0.9 dev eth0 onlink src 10.0.0.1 metric 5 table 9",
        "route add 10.2.0.0/16 dev eth0 mtu lock 1400 congctl reno realm 3/4 proto static",
        "route add 10.3.0.0/16 nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3",
        "route add 10.4.0.0/16 via inet6 fe80::1 dev eth0",
        "route add 10.5.0.0/16 nhid 5",
        "route add throw 10.6.0.0/16",
        "route add default via 10.0.0.9",
        "-6 route add fd01::/64 from fd04::/48 via fd00::9 metric 9 pref high expires 100",
        "-6 route add fd02::/64 nexthop via fd00::2 weight 3 nexthop via fd00::3",
        "-6 route add unreachable fd03::/64",
        "-6 route add default via fd00::9",
      ]) {
        await ipRoute(sandbox, words);
      }
      const routes = await listed(sandbox);
      expect(routes).toHaveLength(11);
      for (const route of routes) await removeRoute(sandbox, route);
      expect(await shown(sandbox)).toEqual([]);
      expect(await shown(sandbox, "-6")).toEqual([]);
    }));
});

describe("which way a packet goes", () => {
  test("to a neighbour, over a gateway, and to itself", () =>
    withAddresses(async (sandbox, near) => {
      await addRoute(sandbox, { to: "default", via: "10.0.0.254" });
      await addRoute(sandbox, { to: "fd01::/64", via: "fd00::fe" });

      const device = near.index;
      expect(await getRoute(sandbox, "10.0.0.7")).toMatchObject({
        to: "10.0.0.7/32",
        device,
        source: "10.0.0.1",
        table: "main",
      });
      const over = await getRoute(sandbox, "192.0.2.1");
      expect(over).toMatchObject({ device, via: "10.0.0.254", source: "10.0.0.1" });
      const [witness] = await ip(sandbox, "route", "get", "192.0.2.1");
      expect(witness).toMatchObject({ gateway: over.via, dev: "eth0", prefsrc: over.source });
      expect(await getRoute(sandbox, "10.0.0.1")).toMatchObject({ type: "local", device: 1 });
      expect(await getRoute(sandbox, "fd01::7")).toMatchObject({
        to: "fd01::7/128",
        device,
        via: "fd00::fe",
        source: "fd00::1",
      });
      expect(await getRoute(sandbox, "fd01::7")).not.toHaveProperty("from");
    }));

  test("depends on everything that can be said of it", () =>
    withAddresses(async (sandbox, near, far) => {
      const table = 100;
      // In a user namespace only root need be known.
      const everybody = /^\s*0\s+0\s+4294967295$/m.test(readFileSync("/proc/self/uid_map", "utf8"));
      const user = everybody ? 1234 : 0;
      await addRoute(sandbox, { to: "default", device: far, table });
      await addRoute(sandbox, { to: "default", device: far, table, family: "inet6" });
      await addRoute(sandbox, { to: "default", device: near });
      await addRoute(sandbox, { to: "default", device: near, family: "inet6" });
      const cases: [words: string, lookup: RouteLookup][] = [
        ["from 10.0.0.1", { from: "10.0.0.1" }],
        ["fwmark 7", { mark: 7 }],
        [`uidrange ${user}-${user}`, { uid: user }],
        ["ipproto tcp sport 5", { ipProtocol: 6, sourcePort: 5 }],
        ["ipproto udp dport 53", { ipProtocol: 17, destinationPort: 53 }],
        ["tos 0x10", { tos: 16 }],
      ];
      for (const [words, lookup] of cases) {
        const rule = [...words.split(" "), "lookup", `${table}`];
        await ip(sandbox, "rule", "add", ...rule);
        expect(await getRoute(sandbox, "192.0.2.1", lookup)).toMatchObject({ device: far.index });
        await ip(sandbox, "rule", "del", ...rule);
        expect(await getRoute(sandbox, "192.0.2.1", lookup)).toMatchObject({ device: near.index });
      }
      for (const [words, lookup] of cases.slice(1, -1)) {
        const rule = [...words.split(" "), "lookup", `${table}`];
        await ip(sandbox, "-6", "rule", "add", ...rule);
        expect(await getRoute(sandbox, "2001:db8::1", lookup)).toMatchObject({ device: far.index });
        await ip(sandbox, "-6", "rule", "del", ...rule);
      }
      const bound = { device: far };
      expect(await getRoute(sandbox, "10.0.0.7", bound)).toMatchObject({ device: far.index });
    }));

  test("of a packet that came in by a link", () =>
    withAddresses(async (sandbox, near, far) => {
      await ip(sandbox, "address", "add", "10.5.0.1/24", "dev", "far0");
      const lookup = { from: "10.5.0.9", inputDevice: { name: "far0" } };
      const own = await getRoute(sandbox, "10.0.0.1", lookup);
      expect(own).toMatchObject({ type: "local", inputDevice: far.index, from: "10.5.0.9/32" });
      const code = (await refusalOf(getRoute(sandbox, "10.0.0.7", lookup)))?.code;
      expect(code).toBe("EHOSTUNREACH"); // nothing is forwarded
      expect(await getRoute(sandbox, "10.0.0.7", { device: near })).toMatchObject({
        source: "10.0.0.1",
      });
    }));

  test("is refused where no route leads, and as a route says", () =>
    withAddresses(async (sandbox) => {
      const code = async (to: string): Promise<unknown> =>
        (await refusalOf(getRoute(sandbox, to)))?.code;
      expect(await code("192.0.2.1")).toBe("ENETUNREACH");
      expect(await code("2001:db8::1")).toBe("ENETUNREACH");
      for (const [type, expected] of [
        ["unreachable", "EHOSTUNREACH"],
        ["prohibit", "EACCES"],
        ["blackhole", "EINVAL"],
        ["throw", "ENETUNREACH"],
      ] as const) {
        await replaceRoute(sandbox, { to: "192.0.2.0/24", type });
        expect(await code("192.0.2.1")).toBe(expected);
      }
    }));

  test("is asked of one address, with what there is to be said of it", () =>
    withAddresses(async (sandbox) => {
      const refused = async (to: unknown, lookup?: unknown): Promise<unknown> =>
        await refusalOf(getRoute(sandbox, to as string, lookup as RouteLookup));
      expect(await refused("10.0.0.0/24")).toEqual(outOfRange("to"));
      expect(await refused("default")).toEqual(outOfRange("to"));
      expect(await refused("10.0.0.300")).toEqual(outOfRange("to"));
      expect(await refused(undefined)).toEqual(wrongType("to"));
      expect(await refused("10.0.0.7", { from: "fd00::1" })).toEqual(outOfRange("from"));
      expect(await refused("10.0.0.7", { mark: -1 })).toEqual(outOfRange("mark"));
      expect(await refused("10.0.0.7", { sourcePort: 65536 })).toEqual(outOfRange("sourcePort"));
      expect(await refused("10.0.0.7", { via: "10.0.0.9" })).toEqual(wrongType("via"));
      expect(await refused("10.0.0.7", { device: { name: "absent" } })).toEqual({
        code: "ENODEV",
        field: "device",
      });
      const other = { ipProtocol: 99 };
      expect(await refused("10.0.0.7", other)).toMatchObject({ code: "EOPNOTSUPP" });
    }));
});

describe("what is refused", () => {
  test.each<[RouteSpec, object]>([
    [{ to: "10.0.0.300/24", device: 2 }, outOfRange("to")],
    [{ to: "10.0.0.0/33", device: 2 }, outOfRange("to")],
    [{ to: "fd00::/129", device: 2 }, outOfRange("to")],
    [{ to: "10.0.0.0/1.5", device: 2 }, outOfRange("to")],
    [{ to: "10.0.0.0/-1", device: 2 }, outOfRange("to")],
    [{ to: "anywhere", device: 2 }, outOfRange("to")],
    [{ to: "10.1.0.0/16", family: "inet6", device: 2 }, outOfRange("to")],
    [{ to: "fd01::/64", from: "10.0.0.0/8", device: 2 }, outOfRange("from")],
    [{ to: "10.1.0.0/16", from: "10.0.0.0/8", device: 2 }, outOfRange("from")],
    [{ to: "10.1.0.0/16", via: "10.0.0.256" }, outOfRange("via")],
    [{ to: "10.1.0.0/16", device: 2, source: "fd00::1" }, outOfRange("source")],
    [{ to: "10.1.0.0/16", device: 2, source: "10.7.7.7" }, { code: "EINVAL" }],
    [{ to: "10.1.0.0/16", device: 2, metric: 1.5 }, outOfRange("metric")],
    [{ to: "10.1.0.0/16", device: 2, metric: -1 }, outOfRange("metric")],
    [{ to: "10.1.0.0/16", device: 2, metric: 2 ** 53 }, outOfRange("metric")],
    [{ to: "10.1.0.0/16", device: 2, tos: 256 }, outOfRange("tos")],
    [{ to: "10.1.0.0/16", device: 2, tos: 3 }, { code: "EINVAL" }],
    [{ to: "10.1.0.0/16", device: 2, table: 2 ** 32 }, outOfRange("table")],
    [{ to: "10.1.0.0/16", device: 2, protocol: 256 }, outOfRange("protocol")],
    [{ to: "10.1.0.0/16", device: 2, scope: -1 }, outOfRange("scope")],
    [{ to: "10.1.0.0/16", device: 2, metrics: { mtu: 2 ** 32 } }, outOfRange("metrics.mtu")],
    [{ to: "10.1.0.0/16", device: 2, metrics: { congestionControl: "x" } }, { code: "EINVAL" }],
    [
      { to: "10.1.0.0/16", nexthops: [{ via: "10.0.0.9", weight: 0 }] },
      outOfRange("nexthops[0].weight"),
    ],
    [
      { to: "10.1.0.0/16", nexthops: [{ via: "10.0.0.9", weight: 257 }] },
      outOfRange("nexthops[0].weight"),
    ],
    [{ to: "10.1.0.0/16", nexthops: [{ via: "10.0.0" }] }, outOfRange("nexthops[0].via")],
    [
      { to: "10.1.0.0/16", nexthops: [] },
      { code: "ERANGE", field: "nexthops" },
    ],
    [{ to: "10.1.0.0/16", nexthopId: 99 }, { code: "EINVAL" }],
    [{ to: "10.1.0.0/16", via: "172.16.0.1" }, { code: "ENETUNREACH" }],
    [{ to: "fd01::/64", via: "fd99::1" }, { code: "EHOSTUNREACH" }],
    [{ to: "10.1.0.0/16", device: 999 }, { code: "ENODEV" }],
    [
      { to: "10.1.0.0/16", device: { name: "absent" } },
      { code: "ENODEV", field: "device" },
    ],
    [
      { to: "10.1.0.0/16", nexthops: [{ device: { name: "absent" } }] },
      { code: "ENODEV", field: "nexthops[0].device" },
    ],
    [{ to: "default" }, { code: "ENODEV" }],
  ])("%o, and nothing is changed", (spec, refusal) =>
    withAddresses(async (sandbox, near) => {
      const route = spec.device === 2 ? { ...spec, device: near } : spec;
      for (const work of [addRoute, replaceRoute]) {
        expect(await refusalOf(work(sandbox, route))).toMatchObject(refusal);
      }
      expect(await shown(sandbox)).toEqual([]);
      expect(await shown(sandbox, "-6")).toEqual([]);
    }),
  );

  test("what is no route spec by its type", () =>
    withAddresses(async (sandbox, near) => {
      const to = "10.1.0.0/16";
      const device = near;
      const refused = async (spec: unknown): Promise<unknown> =>
        await refusalOf(addRoute(sandbox, spec as RouteSpec));
      expect(await refused({ device })).toEqual(wrongType("to"));
      expect(await refused({ to, device, colour: 1 })).toEqual(wrongType("colour"));
      expect(await refused({ to, device, flags: [] })).toEqual(wrongType("flags"));
      expect(await refused({ to, device, mark: 1 })).toEqual(wrongType("mark"));
      expect(await refused({ to, device, table: "all" })).toEqual(outOfRange("table"));
      expect(await refused({ to, device, type: "tunnel" })).toEqual(outOfRange("type"));
      expect(await refused({ to, device, metrics: { x: 1 } })).toEqual(wrongType("metrics.x"));
      expect(await refused({ to, nexthops: {} })).toEqual(wrongType("nexthops"));
      expect(await refused({ to, nexthops: [{ x: 1 }] })).toEqual(wrongType("nexthops[0].x"));
      expect(await refused({ to, device: null })).toEqual(wrongType("device"));
      expect(await shown(sandbox)).toEqual([]);
    }));

  test("a route that there is", () =>
    withAddresses(async (sandbox) => {
      for (const [to, via] of [
        ["10.1.0.0/16", "10.0.0.9"],
        ["fd01::/64", "fd00::9"],
      ] as const) {
        await addRoute(sandbox, { to, via });
        expect(await refusalOf(addRoute(sandbox, { to, via }))).toMatchObject({ code: "EEXIST" });
      }
      expect(await listed(sandbox)).toHaveLength(2);
    }));

  test("a route by a link that is down", () =>
    withAddresses(async (sandbox, near) => {
      await setLink(sandbox, near, { up: false });
      for (const to of ["10.1.0.0/16", "fd01::/64"]) {
        const work = addRoute(sandbox, { to, device: near });
        expect(await refusalOf(work)).toMatchObject({ code: "ENETDOWN" });
      }
    }));

  test("the removal of a route that there is not, or not so", () =>
    withAddresses(async (sandbox) => {
      await addRoute(sandbox, { to: "10.1.0.0/16", via: "10.0.0.9", metric: 5 });
      await addRoute(sandbox, { to: "fd01::/64", via: "fd00::9" });
      for (const spec of [
        { to: "10.2.0.0/16" },
        { to: "10.1.0.0/16", metric: 6 },
        { to: "10.1.0.0/16", via: "10.0.0.8" },
        { to: "10.1.0.0/16", protocol: "static" },
        { to: "10.1.0.0/16", type: "blackhole" },
        { to: "10.1.0.0/16", table: 4242 },
        { to: "fd02::/64" },
        { to: "fd01::/64", metric: 6 },
      ] as const) {
        expect(await refusalOf(removeRoute(sandbox, spec))).toMatchObject({ code: "ESRCH" });
      }
      const unknown = { to: "10.1.0.0/16", colour: 1 };
      expect(await refusalOf(removeRoute(sandbox, unknown))).toEqual(wrongType("colour"));
      expect(await listed(sandbox)).toHaveLength(2);
    }));

  test("a filter that is none", () =>
    withAddresses(async (sandbox) => {
      const refused = async (filter: object): Promise<unknown> =>
        await refusalOf(listRoutes(sandbox, filter));
      expect(await refused({ device: { name: "absent" } })).toEqual({
        code: "ENODEV",
        field: "device",
      });
      expect(await refused({ device: 999 })).toMatchObject({ code: "ENODEV" });
      expect(await refused({ family: "ipx" })).toEqual(outOfRange("family"));
      expect(await refused({ metric: 1 })).toEqual(wrongType("metric"));
    }));
});
