// What a host is told of other hosts' blocks, and the routes that it has then.

import { describe, expect, test } from "vitest";
import type { Remote } from "../../../lib/network/drivers/driver.ts";
import { inside, ip, pings } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { across, ownRoutes, type Place, remotesOf, withHosts } from "./routed-lab.ts";

const remote = (host: string, ...addresses: string[]): Remote => ({
  ...{ id: addresses.join(), host, addresses },
});

const last = "unreachable 10.5.0.0/16 - 118";

const problemsOf = async ({ host, part }: Place, remotes: readonly Remote[]) =>
  (await across.inspectRemotes(host, part, remotes)).map(({ problem }) => problem);

describe("setRemotes", () => {
  test("makes routes to the blocks that are handed in and to no others, once and twice", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      const both = [two, three].flatMap(remotesOf);
      const expected = [
        "unicast 10.5.2.0/24 192.0.2.2 118",
        "unicast 10.5.3.0/24 192.0.2.3 118",
        last,
      ];
      for (const _ of [1, 2]) {
        await across.setRemotes(host, part, both);
        expect(await ownRoutes(host)).toEqual(expected);
      }
      // A block is another host's now, one has gone, one has come.
      await across.setRemotes(host, part, [remote("192.0.2.3", "10.5.2.0/24", "10.5.4.0/24")]);
      expect(await ownRoutes(host)).toEqual([
        "unicast 10.5.2.0/24 192.0.2.3 118",
        "unicast 10.5.4.0/24 192.0.2.3 118",
        last,
      ]);
      await across.setRemotes(host, part, []);
      expect(await ownRoutes(host)).toEqual([last]);
    }));

  test("takes nothing for a block that is not the network's, or is this host's", () =>
    withHosts(async ({ places: [one, two] }) => {
      const strange = ["0.0.0.0/0", "10.4.0.0/24", "10.0.0.0/8", "10.5.1.0/24", "10.5.1.64/26"];
      await across.setRemotes(one.host, one.part, [
        ...remotesOf(two),
        remote("192.0.2.3", ...strange, "fd05::/64"),
      ]);
      expect(await ownRoutes(one.host)).toEqual(["unicast 10.5.2.0/24 192.0.2.2 118", last]);
      expect(await pings(one.sandbox, "10.5.1.1")).toBe(true);
    }));

  test("leaves routes of others alone, even to the same block", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      const theirs = [
        ["10.5.2.0/24", "via", three.address, "proto", "static", "metric", "5"],
        ["10.5.2.0/24", "via", three.address, "proto", "bird", "metric", "500"],
        ["10.5.60.0/24", "via", three.address, "proto", "zebra"],
      ];
      for (const route of theirs) await inside(host, "ip", "route", "add", ...route);
      const foreign = async () =>
        (await ip(host, "route")).filter(({ protocol }) =>
          ["static", "bird", "zebra"].includes(protocol),
        );
      const before = await foreign();
      expect(before).toHaveLength(3);
      await across.setRemotes(host, part, remotesOf(two));
      await across.setRemotes(host, part, []);
      await across.changeRemotes(host, part, { come: remotesOf(two), gone: [] });
      expect(await foreign()).toEqual(before);
      expect(await ownRoutes(host)).toContain("unicast 10.5.2.0/24 192.0.2.2 118");
      for (const route of theirs) await inside(host, "ip", "route", "del", ...route);
    }));

  test("does not put its route in the place of somebody else's", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      const theirs = ["10.5.2.0/24", "via", three.address, "proto", "static", "metric", "118"];
      await inside(host, "ip", "route", "add", ...theirs);
      const attempt = across.setRemotes(host, part, [two, three].flatMap(remotesOf));
      await expect(attempt).rejects.toMatchObject({ code: "EEXIST" });
      expect(await ownRoutes(host)).toEqual(["unicast 10.5.3.0/24 192.0.2.3 118", last]);
      expect(await ip(host, "route", "show", "10.5.2.0/24")).toMatchObject([
        { gateway: three.address, protocol: "static" },
      ]);
      expect(await problemsOf(one, remotesOf(two))).toContain(
        "the route to 10.5.2.0/24 of protocol static is in the way of ours by 192.0.2.2",
      );
      await inside(host, "ip", "route", "del", ...theirs);
      await across.setRemotes(host, part, remotesOf(two));
      expect(await problemsOf(one, remotesOf(two))).toEqual([]);
    }));

  test("tells of a host that no link leads to, and does what else there is to do", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      await across.setRemotes(host, part, remotesOf(three));
      const far = remote("203.0.113.9", "10.5.9.0/24");
      const attempt = () => across.setRemotes(host, part, [far, ...remotesOf(two)]);
      expect(await refused(attempt)).toEqual({ code: "DRIVER_FAILED", conflict: "203.0.113.9" });
      expect(await ownRoutes(host)).toEqual(["unicast 10.5.2.0/24 192.0.2.2 118", last]);
      expect(await problemsOf(one, [far, ...remotesOf(two)])).toEqual([
        "no route of ours leads to 10.5.9.0/24 by 203.0.113.9, as 10.5.1.1",
      ]);
    }));
});

describe("changeRemotes", () => {
  test("brings blocks in, in the place of what was known of them, and takes others out", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      await across.setRemotes(host, part, [two, three].flatMap(remotesOf));
      const change = { come: [remote(two.address, "10.5.3.0/24")], gone: remotesOf(two) };
      for (const _ of [1, 2]) {
        await across.changeRemotes(host, part, change);
        expect(await ownRoutes(host)).toEqual(["unicast 10.5.3.0/24 192.0.2.2 118", last]);
      }
    }));

  test("does so by IPv6, with one route to a block at any time", () =>
    withHosts(
      async ({ places: [one, two, three] }) => {
        const { host, part } = one;
        const come = [remote(three.address, "10.5.2.0/24", "fd05:0:0:0:2::/80")];
        await across.changeRemotes(host, part, { come: remotesOf(two), gone: [] });
        for (const _ of [1, 2]) {
          await across.changeRemotes(host, part, { come, gone: [] });
          expect(await ownRoutes(host)).toEqual([
            "unicast 10.5.2.0/24 2001:db8::3 118",
            "unicast fd05::2:0:0:0/80 2001:db8::3 118",
            last,
            "unreachable fd05::/64 - 118",
          ]);
          expect(await problemsOf(one, come)).toEqual([]);
        }
        await across.changeRemotes(host, part, { come: [], gone: come });
        expect(await ownRoutes(host)).toEqual([last, "unreachable fd05::/64 - 118"]);
      },
      { by: "six" },
    ));

  test("leaves a block with the host that has it now, in whatever order it is told", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      const former = remotesOf(two);
      const next = [remote(three.address, "10.5.2.0/24")];
      const expected = ["unicast 10.5.2.0/24 192.0.2.3 118", last];
      await across.changeRemotes(host, part, { come: former, gone: [] });
      await across.changeRemotes(host, part, { come: next, gone: [] });
      await across.changeRemotes(host, part, { come: [], gone: former });
      expect(await ownRoutes(host)).toEqual(expected);
      await across.setRemotes(host, part, former);
      await across.changeRemotes(host, part, { come: next, gone: former });
      expect(await ownRoutes(host)).toEqual(expected);
    }));
});

describe("inspectRemotes", () => {
  test("finds and mends routes that are gone, lead elsewhere, or nobody has asked for", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      const remotes = [two, three].flatMap(remotesOf);
      await across.setRemotes(host, part, remotes);
      const before = await ownRoutes(host);
      expect(await problemsOf(one, remotes)).toEqual([]);
      const own = ["proto", "118", "metric", "118"];
      await inside(host, "ip", "route", "del", "10.5.2.0/24");
      await inside(host, "ip", "route", "replace", "10.5.3.0/24", "via", two.address, ...own);
      await inside(host, "ip", "route", "add", "10.5.8.0/24", "via", two.address, ...own);
      const findings = await across.inspectRemotes(host, part, remotes);
      expect(findings.map(({ subject, problem }) => [subject, problem])).toEqual([
        ['network "web"', "no route of ours leads to 10.5.2.0/24 by 192.0.2.2, as 10.5.1.1"],
        ['network "web"', "no route of ours leads to 10.5.3.0/24 by 192.0.2.3, as 10.5.1.1"],
        ['network "web"', "a route of ours leads to 10.5.8.0/24, which no other host has"],
      ]);
      for (const { repair } of findings) await repair();
      for (const { repair } of findings) await repair();
      expect(await ownRoutes(host)).toEqual(before);
      expect(await problemsOf(one, remotes)).toEqual([]);
    }));

  test.each(["four", "six"] as const)("finds and mends routes without a sender, by %s", (by) =>
    withHosts(
      async ({ places: [one, two] }) => {
        const { host, part } = one;
        const remotes = remotesOf(two);
        await across.setRemotes(host, part, remotes);
        await across.setRemotes(two.host, two.part, remotesOf(one));
        expect(await pings(host, two[by])).toBe(true);
        const [block = ""] = two.blocks.slice(by === "four" ? 0 : 1);
        const [family = "", source] = { four: ["-4", "10.5.1.1"], six: ["-6", "fd05::1:0:0:1"] }[
          by
        ];
        const own = ["via", two.address, "proto", "118", "metric", "118"];
        await inside(host, "ip", family, "route", "replace", block, ...own);
        // Their firewall lets in the network alone.
        expect(await pings(host, two[by])).toBe(false);
        expect(await pings(one.sandbox, two[by])).toBe(true);
        const findings = await across.inspectRemotes(host, part, remotes);
        expect(findings.map(({ problem }) => problem)).toEqual([
          `no route of ours leads to ${block} by ${two.address}, as ${source}`,
        ]);
        for (const { repair } of findings) await repair();
        expect(await ip(host, family, "route", "show", block)).toMatchObject([{ prefsrc: source }]);
        expect(await pings(host, two[by])).toBe(true);
      },
      { by },
    ),
  );

  test("tells of routes of others that are in the way, and of none that is not", () =>
    withHosts(async ({ places: [one, two, three] }) => {
      const { host, part } = one;
      await across.setRemotes(host, part, remotesOf(two));
      await across.setRemotes(two.host, two.part, remotesOf(one));
      const add = (...route: string[]) => inside(host, "ip", "route", "add", ...route);
      const remove = (...route: string[]) => inside(host, "ip", "route", "del", ...route);
      const harmless = ["10.5.2.0/24", "via", three.address, "proto", "bird", "metric", "119"];
      const wide = ["10.5.0.0/17", "via", three.address, "proto", "static"];
      for (const route of [harmless, wide]) await add(...route);
      expect(await problemsOf(one, remotesOf(two))).toEqual([]);
      expect(await pings(one.host, two.four)).toBe(true);
      for (const [route, protocol] of [
        [["10.5.2.0/24", "via", three.address, "proto", "bird", "metric", "32"], "bird"],
        [["10.5.2.2/32", "via", three.address, "proto", "static", "metric", "900"], "static"],
      ] as const) {
        await add(...route);
        const findings = await across.inspectRemotes(host, part, remotesOf(two));
        const [to] = route;
        expect(findings.map(({ problem }) => problem)).toEqual([
          `the route to ${to} of protocol ${protocol} is in the way of ours by 192.0.2.2`,
        ]);
        const [lookup] = await ip(host, "route", "get", two.four);
        expect(lookup).toMatchObject({ gateway: three.address });
        await expect(findings[0]?.repair()).rejects.toThrow(/in the way/);
        await remove(...route);
      }
      for (const route of [harmless, wide]) await remove(...route);
    }));
});
