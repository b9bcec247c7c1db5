// Parts of a routed network whose blocks a routing daemon carries: three hosts in two subnets.

import { expect, test } from "vitest";
import { addAddress, addRoute, createLink, setForwarding, setLink } from "../../../lib/index.ts";
import { routed } from "../../../lib/network/drivers/routed.ts";
import { type BirdSpec, configsIn, withBirds } from "../../support/bird.ts";
import { needs } from "../../support/features.ts";
import { inside, ip, pings } from "../../support/sandbox.ts";
import { curl, serving } from "../traffic.ts";
import {
  across,
  type Join,
  type Lab,
  leave,
  ownRoutes,
  type Place,
  remotesOf,
  tellAll,
  withHosts,
} from "./routed-lab.ts";

/** Two hosts on the router's left, one on its right. */
const sides = [
  { name: "left", four: "192.0.2", six: "2001:db8:1" },
  { name: "right", four: "198.51.100", six: "2001:db8:2" },
] as const;

const sideOf = (n: number) => sides[n < 3 ? 0 : 1];

const byRouter: Join = async (router, host, n) => {
  const noDad = { flags: ["noDad"] as const };
  if (n === 1) {
    for (const family of ["inet", "inet6"] as const) await setForwarding(router, true, { family });
    for (const { name, four, six } of sides) {
      const link = await createLink(router, { kind: "bridge", name, up: true });
      await addAddress(router, link, `${four}.254/24`);
      await addAddress(router, link, { address: `${six}::fe/64`, ...noDad });
    }
  }
  const { name, four, six } = sideOf(n);
  const peer = { name: "lan0", namespace: host };
  const port = { kind: "veth", name: `port${n}`, up: true, master: { name } } as const;
  await createLink(router, { ...port, peer });
  const lan0 = { name: "lan0" };
  await setLink(host, lan0, { up: true });
  await addAddress(host, lan0, `${four}.${n}/24`);
  await addAddress(host, lan0, { address: `${six}::${n}/64`, ...noDad });
  await addRoute(host, { to: "default", via: `${four}.254` });
  await addRoute(host, { to: "default", via: `${six}::fe` });
  return { four: `${four}.${n}`, six: `${six}::${n}` };
};

/** The document's configurations, the host's with the names and numbers of each. */
async function specsOf({ places, between }: Lab): Promise<BirdSpec[]> {
  const [ofHost = "", ofRouter = ""] = await configsIn("bgp.md");
  const hosts = places.map(({ host, joint }, n) => {
    const { four, six } = sideOf(n + 1);
    const config = ofHost
      .replace("OWN_ID = 192.0.2.1;", `OWN_ID = ${joint.four};`)
      .replace("OWN_AS = 65001;", `OWN_AS = ${65_001 + n};`)
      .replace("ROUTER = 192.0.2.254;", `ROUTER = ${four}.254;`)
      .replace("ROUTER6 = 2001:db8:1::fe;", `ROUTER6 = ${six}::fe;`)
      // It would wait for some seconds.
      .replaceAll("local as OWN_AS;", "local as OWN_AS; connect delay time 1;");
    return { sandbox: host, config };
  });
  return [{ sandbox: between, config: ofRouter }, ...hosts];
}

/** What no daemon has brought to a host of the others' blocks, as it is told. */
async function lacking(place: Place, all: readonly Place[]): Promise<string[]> {
  const others = all.filter((other) => other !== place).flatMap(remotesOf);
  const findings = await across.inspectRemotes(place.host, place.part, others);
  return findings.map(({ problem }) => problem);
}

/** The blocks to which a daemon has brought routes, and by whom they lead. */
async function broughtTo({ host }: Pick<Place, "host">): Promise<string[]> {
  const families = ["-4", "-6"].map((family) => ip(host, family, "route", "show", "proto", "bird"));
  return (await Promise.all(families))
    .flat()
    .map(({ dst, gateway }) => `${dst} ${gateway}`)
    .toSorted();
}

const patience = { timeout: 30_000, interval: 100 };

test("blocks are carried by BIRD, and a block that is given back is nowhere known any more", async (context) => {
  await needs("bird", context);
  await withHosts(
    async (lab) => {
      const { places, between } = lab;
      const [one, two, three] = places;
      expect(await lacking(one, places)).toHaveLength(4);
      expect((await lacking(one, places))[0]).toBe(
        "no routing daemon has brought a route to 10.5.2.0/24, which 2001:db8:1::2 has",
      );
      await withBirds(await specsOf(lab), async (stop) => {
        await tellAll(places);
        for (const place of places) {
          await expect.poll(() => lacking(place, places), patience).toEqual([]);
        }
        expect(await ownRoutes(one.host)).toEqual([
          "unreachable 10.5.0.0/16 - 118",
          "unreachable 10.5.1.0/24 - 119",
          "unreachable fd05::/64 - 118",
          "unreachable fd05::1:0:0:0/80 - 119",
        ]);
        expect(await broughtTo(one)).toEqual([
          "10.5.2.0/24 192.0.2.2",
          "10.5.3.0/24 192.0.2.254",
          expect.stringMatching(/^fd05::2:0:0:0\/80 /),
          expect.stringMatching(/^fd05::3:0:0:0\/80 /),
        ]);
        for (const from of places) {
          for (const to of places.filter((other) => other !== from)) {
            await expect.poll(() => pings(from.sandbox, to.four), patience).toBe(true);
            await expect.poll(() => pings(from.sandbox, to.six), patience).toBe(true);
          }
        }
        await serving(three.sandbox, 80, async () => {
          expect(await curl(one.sandbox, three.four, 80)).toBe(one.four);
          expect(await curl(one.sandbox, three.six, 80)).toBe(one.six);
        });
        await serving(between, 80, async () => {
          expect(await curl(one.sandbox, "198.51.100.254", 80)).toBe(one.joint.four);
        });

        await leave(two);
        for (const place of [{ host: between }, one, three]) {
          const brought = async () => (await broughtTo(place)).join();
          await expect.poll(brought, patience).not.toMatch(/10\.5\.2\.|fd05::2:/);
        }
        for (const place of [one, three]) expect(await lacking(place, places)).toHaveLength(2);
        expect(await pings(one.sandbox, three.four)).toBe(true);

        // A daemon that ends takes its host's block with it, and what it has brought there.
        await stop(3);
        await expect.poll(() => broughtTo(one), patience).toEqual([]);
        expect(await broughtTo(three)).toEqual([]);
        expect(await lacking(one, [one, three])).toHaveLength(2);
      });
    },
    { by: "six", options: { announce: "bgp" } },
    byRouter,
  );
});

test("a host reaches sandboxes of others if its daemon knows its address in the network", async (context) => {
  await needs("bird", context);
  await withHosts(
    async (lab) => {
      const { places } = lab;
      const [one, , three] = places;
      const [, , filters = ""] = await configsIn("bgp.md");
      const specs = await specsOf(lab);
      const withFilters = ({ sandbox, config }: BirdSpec): BirdSpec => {
        const halves = config.split("export where source = RTS_BGP;");
        const [head = "", middle = "", tail = ""] = halves;
        const by = (n: 4 | 6) => `export filter by_own_address${n};`;
        return { sandbox, config: [filters, head, by(4), middle, by(6), tail].join("") };
      };
      const reached = async () => [
        await pings(one.host, three.four),
        await pings(one.host, three.six),
      ];
      const arrived = async () => {
        const found = await Promise.all(places.map((place) => lacking(place, places)));
        return found.flat();
      };
      await withBirds(specs, async () => {
        await expect.poll(arrived, patience).toEqual([]);
        await expect.poll(() => pings(one.sandbox, three.six), patience).toBe(true);
        expect(await reached()).toEqual([false, false]);
        await serving(three.sandbox, 80, async () => {
          const own = await inside(
            ...[one.host, "curl", "-sS", "--interface", "10.5.1.1"],
            `http://${three.four}/`,
          );
          expect(own).toBe("10.5.1.1");
        });
      });
      const told = specs.map((spec, n) => (n === 1 ? withFilters(spec) : spec));
      await withBirds(told, async () => {
        await expect.poll(arrived, patience).toEqual([]);
        await expect.poll(reached, patience).toEqual([true, true]);
        const routes = await ip(one.host, "route", "show", "proto", "bird");
        expect(routes.map(({ prefsrc }) => prefsrc)).toEqual(["10.5.1.1", "10.5.1.1"]);
      });
    },
    { by: "six", options: { announce: "bgp" } },
    byRouter,
  );
});

test("a route to several blocks at once brings them all, and one to more than the network none", () =>
  withHosts(
    async ({ places }) => {
      const [one, , three] = places;
      const add = (to: string) =>
        inside(one.host, "ip", "route", "add", to, "via", three.address, "proto", "zebra");
      await add("10.0.0.0/8");
      expect(await lacking(one, places)).toHaveLength(2);
      await add("10.5.2.0/23");
      expect(await lacking(one, places)).toEqual([]);
      await inside(one.host, "ip", "route", "flush", "proto", "zebra");
    },
    { options: { announce: "bgp" } },
  ));

test("the announced route of a block is found missing, and made anew", () =>
  withHosts(
    async ({ places: [one] }) => {
      const before = await ownRoutes(one.host);
      const args = ["route", "del", "unreachable", "10.5.1.0/24", "proto", "119"];
      await inside(one.host, "ip", ...args);
      const findings = await routed.inspectNetwork(one.host, one.part);
      expect(findings.map(({ problem }) => problem)).toEqual([
        'the host lacks the route "unreachable 10.5.1.0/24" of protocol 119',
      ]);
      for (const { repair } of findings) await repair();
      expect(await ownRoutes(one.host)).toEqual(before);
      expect(await pings(one.sandbox, "10.5.1.1")).toBe(true);
    },
    { options: { announce: "bgp" } },
  ));
