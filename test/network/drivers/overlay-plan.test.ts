// What an overlay is planned with: options, the underlay's MTU, and what is each host's own.

import { describe, expect, test } from "vitest";
import { overlay } from "../../../lib/network/drivers/overlay.ts";
import { inside, withSandboxes } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { across, hostAddress, roomsOf, withHosts } from "./overlay-lab.ts";

/** Plans a network with some options on a host that has 192.0.2.1 on a link of so many bytes. */
const planned = (
  options: Readonly<Record<string, string>>,
  { mtu = 1500, address = "192.0.2.1" as string | null } = {},
) =>
  withSandboxes(1, async ([host]) => {
    await inside(host, "ip", "link", "add", "eth0", "mtu", String(mtu), "type", "ifb");
    for (const one of ["192.0.2.1/24", ...(mtu < 1280 ? [] : ["fd00:2::1/64"])]) {
      await inside(host, "ip", "addr", "add", one, "dev", "eth0", "nodad");
    }
    await inside(host, "ip", "addr", "add", "192.0.2.9/32", "dev", "lo");
    const whole = { name: "net", id: "0".repeat(64), predefined: false, internal: true };
    const request = {
      ...whole,
      options,
      others: [],
      ...(address === null ? {} : { address }),
    };
    return await overlay.planNetwork(host, request);
  });

describe("the plan of an overlay", () => {
  test("has the numbers, the port and the MTU of Docker, if nothing is said", async () => {
    const settings = await planned({});
    expect(settings).toMatchObject({ mtu: 1450, port: 4789, linkPrefix: "eth" });
    expect(across.numbers?.(settings)).toEqual([{ first: 4096, last: 16777215 }]);
    expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
  });

  test("takes the MTU of the host's link, or of the user's word, less what the underlay takes", async () => {
    const six = "fd00:2:0::1";
    const mtuOf = async (...args: Parameters<typeof planned>) => (await planned(...args)).mtu;
    expect(await mtuOf({}, { address: six })).toBe(1430);
    expect(await mtuOf({}, { mtu: 9000 })).toBe(8950);
    expect(await mtuOf({ mtu: "1300" })).toBe(1250);
    expect(await mtuOf({ "com.docker.network.driver.mtu": "1300" }, { address: six })).toBe(1230);
    expect(await mtuOf({ mtu: "118" })).toBe(68);
    expect(await mtuOf({ mtu: "1500" }, { address: "192.0.2.9" })).toBe(1450);
  });

  test.each([
    ["1", [{ first: 1, last: 1 }]],
    [
      "4097,5000-5010",
      [
        { first: 4097, last: 4097 },
        { first: 5000, last: 5010 },
      ],
    ],
    ["16777215", [{ first: 16777215, last: 16777215 }]],
  ])("takes the numbers %s", async (text, numbers) => {
    const docker = "com.docker.network.driver.overlay.vxlanid_list";
    for (const option of ["vxlanid_list", docker]) {
      const settings = await planned({ [option]: text });
      expect(across.numbers?.(settings)).toEqual(numbers);
    }
  });

  test.each([
    ...["", "0", "16777216", "4098-4097", "1,", "1-2-3", "-1", "1 ", "0x10", "1,0"].map((text) => ({
      vxlanid_list: text,
    })),
    ...["0", "65536", "", "x", "-1"].map((port) => ({ port })),
    ...["67", "117", "65536", "1e3"].map((mtu) => ({ mtu })),
    ...["yes", "2", "TRUE"].map((encrypted) => ({ encrypted })),
    { parent: "eth0" },
  ] as Record<string, string>[])("refuses %o", async (options) => {
    expect(await refused(() => planned(options))).toEqual({ code: "OPTION_INVALID" });
  });

  test("has no encryption, also by that word", async () => {
    const settings = await planned({});
    expect(settings.encrypted).toBe(false);
    for (const encrypted of ["false", "0"]) expect(await planned({ encrypted })).toEqual(settings);
  });

  test("refuses hosts without an address, or a loopback's, or with too small a link", async () => {
    const attempt = (more: Parameters<typeof planned>[1]) => refused(() => planned({}, more));
    const invalid = { code: "OPTION_INVALID" };
    expect(await attempt({ address: null })).toEqual(invalid);
    expect(await attempt({ address: "192.0.2.77" })).toEqual(invalid);
    expect(await attempt({ address: "192.0.2.9" })).toEqual(invalid);
    expect(await attempt({ mtu: 117 })).toEqual(invalid);
    expect(await attempt({ mtu: 118 })).toBeUndefined();
  });

  test("is another one for each host", () =>
    withHosts(async ({ hosts: [host], plan }) => {
      const network = await plan("net");
      const parts = [1, 2].map(() => across.planPart(host, network, hostAddress(1)));
      const [one, two] = await Promise.all(parts);
      expect(one?.namespace).toMatch(new RegExp(`^vethwork-${network.id.slice(0, 12)}-`));
      expect(one?.namespace).not.toBe(two?.namespace);
      expect(one?.mac).not.toBe(two?.mac);
      expect(await roomsOf(network)).toEqual([]);
    }));

  test("is refused on a host where the network cannot be", () =>
    withHosts(async ({ hosts: [, host], plan }) => {
      const attempt = (network: Parameters<typeof across.planPart>[1], address: string) =>
        refused(() => across.planPart(host, network, address));
      const invalid = { code: "OPTION_INVALID" };
      const [network, told] = [await plan("net"), await plan("told", { mtu: "1500" })];
      expect(await attempt(network, hostAddress(2))).toBeUndefined();
      expect(await attempt(network, hostAddress(2, "IPv6"))).toEqual(invalid);
      expect(await attempt(network, hostAddress(1))).toEqual(invalid);
      await inside(host, "ip", "link", "set", "eth0", "mtu", "1400");
      expect(await attempt(network, hostAddress(2))).toEqual(invalid);
      expect(await attempt(told, hostAddress(2))).toBeUndefined();
    }));
});
