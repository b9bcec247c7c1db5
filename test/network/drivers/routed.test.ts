// Parts of a routed network on three hosts, by real packets.

import { describe, expect, test } from "vitest";
import { routed } from "../../../lib/network/drivers/routed.ts";
import { bridge, inside, ip, pings } from "../../support/sandbox.ts";
import { curl, serving } from "../traffic.ts";
import { across, leave, ownRoutes, remotesOf, tellAll, underlay, withHosts } from "./routed-lab.ts";

describe("sandboxes on three hosts", () => {
  test("reach each other by their own addresses, and the world by their host's", () =>
    withHosts(async ({ places, between }) => {
      await tellAll(places);
      for (const from of places) {
        for (const to of places.filter((other) => other !== from)) {
          expect(await pings(from.sandbox, to.four)).toBe(true);
          await serving(to.sandbox, 80, async () => {
            expect(await curl(from.sandbox, to.four, 80)).toBe(from.four);
          });
        }
        await serving(between, 80, async () => {
          expect(await curl(from.sandbox, underlay.between, 80)).toBe(from.address);
        });
      }
    }));

  test("do so by both families where the hosts reach each other by IPv6", () =>
    withHosts(
      async ({ places, between }) => {
        await tellAll(places);
        const [one, two] = places;
        await serving(two.sandbox, 80, async () => {
          expect(await curl(one.sandbox, two.four, 80)).toBe(one.four);
          expect(await curl(one.sandbox, two.six, 80)).toBe(one.six);
        });
        await serving(between, 80, async () => {
          expect(await curl(one.sandbox, underlay.between6, 80)).toBe(one.address);
        });
        expect(await ownRoutes(one.host)).toEqual([
          "unicast 10.5.2.0/24 2001:db8::2 118",
          "unicast 10.5.3.0/24 2001:db8::3 118",
          "unicast fd05::2:0:0:0/80 2001:db8::2 118",
          "unicast fd05::3:0:0:0/80 2001:db8::3 118",
          "unreachable 10.5.0.0/16 - 118",
          "unreachable fd05::/64 - 118",
        ]);
      },
      { by: "six" },
    ));

  test("reach nobody outside where the network is internal, but each other", () =>
    withHosts(
      async ({ places, between }) => {
        await tellAll(places);
        const [one, two] = places;
        await serving(two.sandbox, 80, async () => {
          expect(await curl(one.sandbox, two.four, 80)).toBe(one.four);
        });
        await serving(between, 80, async () => {
          expect(await curl(one.host, underlay.between, 80)).toBe(one.address);
          expect(await curl(one.sandbox, underlay.between, 80)).toBeUndefined();
        });
      },
      { internal: true },
    ));

  test("do not reach each other without talk among endpoints, nor leave without it", () =>
    withHosts(
      async ({ places, between }) => {
        await tellAll(places);
        const [one, two] = places;
        await serving(two.sandbox, 80, async () => {
          expect(await curl(two.host, two.four, 80)).toBe("10.5.2.1");
          expect(await curl(one.sandbox, two.four, 80)).toBeUndefined();
        });
        await inside(between, "ip", "route", "add", "10.5.1.0/24", "via", one.address);
        await serving(between, 80, async () => {
          expect(await curl(one.sandbox, underlay.between, 80)).toBe(one.four);
        });
      },
      { options: { icc: "false", masquerade: "false" } },
    ));
});

describe("a host itself", () => {
  test("reaches sandboxes of others as one of the network, by both families, and is reached", () =>
    withHosts(
      async ({ places }) => {
        await tellAll(places);
        for (const [n, from] of places.entries()) {
          const own = { four: `10.5.${n + 1}.1`, six: `fd05::${n + 1}:0:0:1` };
          for (const to of places.filter((other) => other !== from)) {
            for (const family of ["four", "six"] as const) {
              expect(await pings(from.host, to[family])).toBe(true);
              await serving(to.sandbox, 80, async () => {
                expect(await curl(from.host, to[family], 80)).toBe(own[family]);
              });
              await serving(from.host, 80, async () => {
                expect(await curl(to.sandbox, own[family], 80)).toBe(to[family]);
                expect(await curl(to.host, own[family], 80)).toMatch(/^(10\.5\.|fd05::)/);
              });
            }
          }
        }
      },
      { by: "six" },
    ));

  test("does so on an internal network, and where hosts reach each other by IPv4", () =>
    withHosts(
      async ({ places }) => {
        await tellAll(places);
        const [one, two] = places;
        await serving(two.sandbox, 80, async () => {
          expect(await curl(one.host, two.four, 80)).toBe("10.5.1.1");
        });
      },
      { internal: true },
    ));

  test("reaches none without talk among endpoints, other than its own", () =>
    withHosts(
      async ({ places }) => {
        await tellAll(places);
        const [one, two] = places;
        await serving(two.sandbox, 80, async () => {
          expect(await curl(two.host, two.four, 80)).toBe("10.5.2.1");
          expect(await curl(one.host, two.four, 80)).toBeUndefined();
        });
      },
      { options: { icc: "false" } },
    ));
});

test("what nobody has of the network is unreachable, and does not leave by the default route", () =>
  withHosts(async ({ places, between }) => {
    const [one, two] = places;
    // Whoever is between would answer for it.
    await inside(between, "ip", "address", "add", "10.5.9.9/32", "dev", "lo");
    await inside(between, "ip", "route", "add", "10.5.1.0/24", "via", one.address);
    expect(await pings(one.sandbox, underlay.between)).toBe(true);
    const output = inside(one.sandbox, "sh", "-c", "ping -n -c 1 -W 1 10.5.9.9 || true");
    expect(await output).toContain("From 10.5.1.1 icmp_seq=1 Destination Host Unreachable");
    // So is a block that is not known yet.
    expect(await pings(one.sandbox, two.four)).toBe(false);
    await inside(one.host, "ip", "route", "del", "unreachable", "10.5.0.0/16");
    expect(await pings(one.sandbox, "10.5.9.9")).toBe(true);
  }));

test("bridge and links have the MTU of the link that leads to the other hosts", () =>
  withHosts(async ({ places }) => {
    await tellAll(places);
    const [one, two] = places;
    const name = String(one.part.settings.link);
    expect(name).toBe(`br-${one.part.id.slice(0, 12)}`);
    const ports = await bridge(one.host, "link", "show", "master", name);
    for (const link of [name, ...ports.map(({ ifname }) => ifname)]) {
      expect(await ip(one.host, "link", "show", link)).toMatchObject([{ mtu: underlay.mtu }]);
    }
    expect(ports).toHaveLength(1);
    expect(await ip(one.sandbox, "link", "show", "eth0")).toMatchObject([{ mtu: underlay.mtu }]);
    const whole = ["-n", "-c", "1", "-W", "2", "-M", "do", "-s", String(underlay.mtu - 28)];
    expect(await inside(one.sandbox, "ping", ...whole, two.four)).toContain(" 0% packet loss");
  }));

test("another MTU is that of bridge and links", () =>
  withHosts(
    async ({ places: [one] }) => {
      const name = String(one.part.settings.link);
      expect(await ip(one.host, "link", "show", name)).toMatchObject([{ mtu: 1400 }]);
      expect(await ip(one.sandbox, "link", "show", "eth0")).toMatchObject([{ mtu: 1400 }]);
    },
    { options: { mtu: "1400" } },
  ));

test("packets larger than the way between the hosts takes are cut, or refused to who sends them", () =>
  withHosts(
    async ({ places }) => {
      await tellAll(places);
      const [one, two] = places;
      const send = (how: "do" | "dont") => {
        const line = `ping -n -c 1 -W 2 -M ${how} -s ${1500 - 28} ${two.four} || true`;
        return inside(one.sandbox, "sh", "-c", line);
      };
      const refusal = `From 10.5.1.1 icmp_seq=1 Frag needed and DF set (mtu = ${underlay.mtu})`;
      expect(await send("do")).toContain(refusal);
      expect(await send("dont")).toContain(" 0% packet loss");
    },
    { options: { mtu: "1500" } },
  ));

describe("a part", () => {
  test("goes with all its routes, twice, and nobody else's route goes with it", () =>
    withHosts(async ({ places }) => {
      await tellAll(places);
      const [one, two] = places;
      const foreign = ["10.5.77.0/24", "via", two.address, "proto", "static"];
      await inside(one.host, "ip", "route", "add", ...foreign);
      const other = ["10.77.0.0/24", "via", two.address, "proto", "118"];
      await inside(one.host, "ip", "route", "add", ...other);
      await leave(one);
      await leave(one);
      expect(await ownRoutes(one.host)).toEqual(["unicast 10.77.0.0/24 192.0.2.2 118"]);
      const left = await ip(one.host, "route", "show", "proto", "static");
      expect(left).toMatchObject([{ dst: "10.5.77.0/24", gateway: two.address }]);
      expect((await ip(one.host, "link")).map(({ ifname }) => ifname)).toEqual(["lo", "lan0"]);
      await inside(one.host, "ip", "route", "del", ...foreign);
      await inside(one.host, "ip", "route", "del", ...other);
    }));

  test("that others have taken apart is made anew, and leads packets again", () =>
    withHosts(async ({ places }) => {
      await tellAll(places);
      const [one, two] = places;
      const { host, part, endpoint, sandbox } = one;
      const name = String(part.settings.link);
      const place = { host, sandbox, network: part, endpoint };
      const found = async () => [
        ...(await routed.inspectNetwork(host, part)),
        ...(await routed.inspectEndpoint(place)),
      ];
      expect(await found()).toEqual([]);
      await inside(host, "ip", "link", "del", name);
      await inside(host, "ip", "route", "del", "unreachable", "10.5.0.0/16");
      const findings = await routed.inspectNetwork(host, part);
      expect(findings.map(({ problem }) => problem)).toEqual([
        `its bridge ${name} is gone`,
        'the host lacks the route "unreachable 10.5.0.0/16" of protocol 118',
      ]);
      for (const { repair } of findings) await repair();
      const loose = await routed.inspectEndpoint(place);
      expect(loose.map(({ problem }) => problem)).toEqual([
        `${endpoint.hostLink?.name} is no port of ${name}`,
      ]);
      for (const { repair } of loose) await repair();
      expect(await found()).toEqual([]);
      // What others are to be sent as is gone with the bridge, and the routes with that.
      const remotes = places.filter((other) => other !== one).flatMap(remotesOf);
      const lost = await across.inspectRemotes(host, part, remotes);
      expect(lost.map(({ problem }) => problem)).toEqual([
        "no route of ours leads to 10.5.2.0/24 by 192.0.2.2, as 10.5.1.1",
        "no route of ours leads to 10.5.3.0/24 by 192.0.2.3, as 10.5.1.1",
      ]);
      for (const { repair } of lost) await repair();
      await expect.poll(() => pings(two.sandbox, one.four), { timeout: 10_000 }).toBe(true);
    }));

  test("is reached again when the link to the other hosts was down", () =>
    withHosts(async ({ places }) => {
      await tellAll(places);
      const [one, two, three] = places;
      const remotes = [two, three].flatMap(remotesOf);
      await inside(one.host, "ip", "link", "set", "lan0", "down");
      await inside(one.host, "ip", "link", "set", "lan0", "up");
      const findings = await across.inspectRemotes(one.host, one.part, remotes);
      expect(findings.map(({ problem }) => problem)).toEqual([
        "no route of ours leads to 10.5.2.0/24 by 192.0.2.2, as 10.5.1.1",
        "no route of ours leads to 10.5.3.0/24 by 192.0.2.3, as 10.5.1.1",
      ]);
      for (const { repair } of findings) await repair();
      expect(await across.inspectRemotes(one.host, one.part, remotes)).toEqual([]);
      await expect.poll(() => pings(one.sandbox, two.four), { timeout: 10_000 }).toBe(true);
      const again = [
        `route add default via ${underlay.between}`,
        `address add ${one.joint.six}/64 dev lan0 nodad`,
        `route add default via ${underlay.between6}`,
      ];
      for (const line of again) await inside(one.host, "ip", ...line.split(" "));
    }));
});
