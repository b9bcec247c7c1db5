// What the options of a routed network come to, what is refused, and the contract of drivers.

import { describe, expect, test } from "vitest";
import { blockSizeOf } from "../../../lib/network/drivers/routed/settings.ts";
import { routed } from "../../../lib/network/drivers/routed.ts";
import type { Driver } from "../../../lib/network/index.ts";
import { inside, ip, type Sandbox, withSandboxes } from "../../support/sandbox.ts";
import { lan } from "../model/lab.ts";
import { refused } from "../refused.ts";
import { testDriver } from "./contract.ts";
import { across, partOf, planned } from "./routed-lab.ts";

const address = "192.0.2.1";

/** A host that others reach by an address on a link with an MTU of 1420. */
const withHost = (work: (host: Sandbox) => Promise<void>) =>
  withSandboxes(1, async ([host]) => {
    const lines = [
      "link add lan0 mtu 1420 type veth peer name far0",
      "link set lan0 up",
      `address add ${address}/24 dev lan0`,
      "address add 2001:db8::1/64 dev lan0 nodad",
    ];
    for (const line of lines) await inside(host, "ip", ...line.split(" "));
    const before = await ip(host, "address");
    await work(host);
    expect(await ip(host, "address")).toEqual(before);
  });

describe("planNetwork", () => {
  test("takes the MTU of the link with the host's address, and has a value for every option", () =>
    withHost(async (host) => {
      const { settings } = await planned(host, address);
      expect(settings).toEqual({
        ...{ icc: true, masquerade: true, hostBinding: "0.0.0.0", linkPrefix: "eth" },
        ...{ mtu: 1420, blockSize: 24, blockSize6: 80, announce: "direct" },
      });
      expect(blockSizeOf(settings, "inet")).toBe(24);
      expect(blockSizeOf(settings, "inet6")).toBe(80);
      expect((await planned(host, "2001:db8::1")).settings).toMatchObject({ mtu: 1420 });
      expect((await planned(host, "192.0.2.9")).settings).toMatchObject({ mtu: null });
    }));

  test("takes options by both of their names", () =>
    withHost(async (host) => {
      const options = { "com.docker.network.driver.mtu": "1300", blockSize: "28", announce: "bgp" };
      const { settings } = await planned(host, address, { options });
      expect(settings).toMatchObject({ mtu: 1300, blockSize: 28, announce: "bgp" });
    }));

  test.each([
    ["an option that there is not", { nope: "1" }],
    ["a name for the bridge, which is on every host", { name: "lan7" }],
    ["blocks that are too small", { blockSize: "31" }],
    ["blocks that are too large", { blockSize: "8" }],
    ["blocks of no size", { blockSize: "" }],
    ["blocks of IPv6 without a place for anybody", { blockSize6: "127" }],
    ["another way to announce", { announce: "ospf" }],
    ["an MTU below the least", { mtu: "67" }],
  ])("refuses %s", (_, options: Record<string, string>) =>
    withHost(async (host) => {
      const attempt = () => planned(host, address, { options });
      expect(await refused(attempt)).toEqual({ code: "OPTION_INVALID" });
    }),
  );
});

describe("planPart", () => {
  test("chooses a bridge with a MAC address of its own on every host", () =>
    withHost(async (host) => {
      const network = await planned(host, address);
      const [one, two] = [
        await across.planPart(host, network, address),
        await across.planPart(host, network, address),
      ];
      expect(one).toEqual({
        ...{ link: `br-${network.id.slice(0, 12)}`, whole: ["10.5.0.0/16"] },
        mac: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
      });
      expect(two.mac).not.toBe(one.mac);
    }));

  test("refuses what other hosts could have no routes to", () =>
    withHost(async (host) => {
      const attempt = async (by: "four" | "six", own: string, options = {}) => {
        const network = await planned(host, own, { by, options });
        return await refused(() => across.planPart(host, network, own));
      };
      const invalid = { code: "OPTION_INVALID" };
      expect(await attempt("four", "192.0.2.9")).toEqual(invalid);
      expect(await attempt("six", address)).toEqual(invalid);
      expect(await attempt("four", address)).toBeUndefined();
      expect(await attempt("six", "2001:db8::1")).toBeUndefined();
      // A routing daemon goes by its own peers.
      expect(await attempt("six", "192.0.2.9", { announce: "bgp" })).toBeUndefined();
    }));

  test("refuses a link that is there", () =>
    withHost(async (host) => {
      const network = await planned(host, address);
      const link = `br-${network.id.slice(0, 12)}`;
      await inside(host, "ip", "link", "add", link, "type", "bridge");
      const attempt = () => partOf(network, host, address, 1);
      expect(await refused(attempt)).toEqual({ code: "LINK_TAKEN", conflict: link });
      await inside(host, "ip", "link", "del", link);
    }));
});

const { across: _, ...verbs } = routed;

/** The driver for networks of one host, each of which is a part by itself. */
const alone: Driver = {
  ...verbs,
  planNetwork: async (host, request) => {
    const settings = await routed.planNetwork(host, { ...request, address: lan.host });
    const { id, name } = request;
    const network = { ...(await planned(host, lan.host)), id, name, settings, subnets: [] };
    return { ...settings, ...(await across.planPart(host, network, lan.host)) };
  },
};

testDriver("routed", { driver: alone, network: {} });
