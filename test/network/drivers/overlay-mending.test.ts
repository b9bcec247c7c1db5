// Parts of overlays that somebody has changed: what is told of it, and that it is mended.

import { describe, expect, test } from "vitest";
import { openNamespace } from "../../../lib/index.ts";
import { overlay } from "../../../lib/network/drivers/overlay.ts";
import { bridge, inside, ip, pings, type Sandbox } from "../../support/sandbox.ts";
import {
  configure,
  endpointAt,
  endpointOf,
  joinPart,
  type OverlayLab,
  type Part,
  withHosts,
} from "./overlay-lab.ts";

const look = ({ host, network }: Part) => overlay.inspectNetwork(host, network);

/** One host's part with two endpoints, which reach each other. */
async function twoOn({ plan, part, sandboxes: [a, b] }: OverlayLab) {
  const one = await part(await plan("net"), 1);
  await joinPart(one, a, 1);
  await joinPart(one, b, 2);
  expect(await pings(a, endpointOf(2).ip)).toBe(true);
  return { one, a, b };
}

/** What inspection tells of an endpoint. */
const lookAt = ({ host, network }: Part, sandbox: Sandbox, n: number) =>
  overlay.inspectEndpoint({ host, sandbox, network, endpoint: endpointAt(network, n) });

const portName = ({ network }: Part, n: number) => `veth${endpointAt(network, n).id.slice(0, 11)}`;

/** What tells that a part is as it was, by a witness. */
async function shapeOf({ room }: Part) {
  return (await ip(room, "link"))
    .map(({ ifname, mtu, master, flags, linkinfo }) => ({
      ...{ ifname, mtu, master, up: flags.includes("UP") },
      ...{ kind: linkinfo?.info_kind, local: linkinfo?.info_data?.local },
      learning: linkinfo?.info_slave_data?.learning,
      flood: linkinfo?.info_slave_data?.flood,
    }))
    .sort((left, right) => (left.ifname < right.ifname ? -1 : 1));
}

/** Spoils something of a part, expects it to be found, and has it mended. */
async function expectMended(
  lab: OverlayLab,
  problem: string,
  spoil: (part: Part) => Promise<unknown>,
): Promise<void> {
  const { one, a, b } = await twoOn(lab);
  const before = await shapeOf(one);
  await spoil(one);
  const findings = await look(one);
  expect(findings[0]).toMatchObject({ subject: 'network "net"' });
  expect(findings.map((each) => each.problem)).toContainEqual(expect.stringContaining(problem));
  for (const finding of findings) await finding.repair();
  expect(await look(one)).toEqual([]);
  for (const [n, sandbox] of [a, b].entries()) {
    for (const finding of await lookAt(one, sandbox, n + 1)) await finding.repair();
  }
  expect(await shapeOf(one)).toEqual(before);
  expect(await pings(a, endpointOf(2).ip)).toBe(true);
}

describe("a part of an overlay that others have changed", () => {
  test.each([
    ["link set br0 down", "br0 is down"],
    ["link set br0 mtu 1400", "the MTU of br0 is 1400, not 1450"],
    ["link set br0 address 02:00:00:00:00:01", "br0 has the MAC address 02:00:00:00:00:01"],
    ["link set br0 type bridge mcast_snooping 1", "br0 listens for multicast groups"],
    ["link del br0", "its bridge br0 is gone"],
    ["link set vxlan0 down", "vxlan0 is down"],
    ["link set vxlan0 mtu 1400", "the MTU of vxlan0 is 1400, not 1450"],
    ["link set vxlan0 type vxlan local 192.0.2.77", "vxlan0 sends from 192.0.2.77"],
    ["link set vxlan0 nomaster", "vxlan0 is no port of br0"],
    ["link set vxlan0 type bridge_slave flood off", "vxlan0 is another kind of port"],
    ["link set vxlan0 type bridge_slave learning on", "vxlan0 is another kind of port"],
    ["link del vxlan0", "its VXLAN vxlan0 is gone"],
  ])("is mended after ip %s", (command, problem) =>
    withHosts((lab) =>
      expectMended(lab, problem, ({ room }) => inside(room, "ip", ...command.split(" "))),
    ),
  );

  test.each([
    "id 77 dstport 4789 local 192.0.2.1 nolearning proxy",
    "id NUMBER dstport 4790 local 192.0.2.1 nolearning proxy",
    "id NUMBER dstport 4789 local 192.0.2.1 nolearning",
    "id NUMBER dstport 4789 local 192.0.2.1 proxy",
    "id NUMBER dstport 4789 local fd00:2::1 nolearning proxy",
    "id NUMBER dstport 4789 local 192.0.2.1 remote 192.0.2.2 nolearning proxy",
  ])("has its VXLAN again where another one is: %s", (options) =>
    withHosts((lab) =>
      expectMended(lab, "vxlan0 is not the VXLAN", async ({ host, room, network }) => {
        await inside(room, "ip", "link", "del", "vxlan0");
        const words = options.replace("NUMBER", String(network.settings.number)).split(" ");
        const vxlan = ["link", "add", "vxlan0", "netns", room.name, "type", "vxlan"];
        await inside(host, "ip", ...vxlan, ...words);
      }),
    ),
  );

  test("is made anew when all of it is gone, and its endpoints are connected anew", () =>
    withHosts(async (lab) => {
      const { one, a, b } = await twoOn(lab);
      // Somebody's handle keeps the old one alive, with its links.
      await using handle = await openNamespace({ name: one.room.name });
      await inside(one.host, "ip", "netns", "del", one.room.name);
      const [finding, ...more] = await look(one);
      expect(more).toEqual([]);
      expect(finding?.problem).toContain("is gone");
      expect(await lookAt(one, a, 1)).toEqual([]);
      // The old one has the number, until it is gone.
      await expect(finding?.repair()).rejects.toMatchObject({ code: "DRIVER_FAILED" });
      await handle.close();
      await expect.poll(() => inside(one.host, "ss", "-Hlun"), { timeout: 20_000 }).toBe("");
      await finding?.repair();
      expect(await look(one)).toEqual([]);
      for (const [n, sandbox] of [a, b].entries()) await joinPart(one, sandbox, n + 1);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
    }));

  test("is not mended where the host has lost its address", () =>
    withHosts(async ({ plan, part }) => {
      const one = await part(await plan("net"), 1);
      await inside(one.host, "ip", "addr", "del", "192.0.2.1/24", "dev", "eth0");
      const [finding, ...more] = await look(one);
      expect(more).toEqual([]);
      expect(finding?.problem).toBe("the host does not have its address 192.0.2.1");
      await expect(finding?.repair()).rejects.toThrow("does not have");
    }));
});

describe("an endpoint on an overlay that others have changed", () => {
  test.each([
    ["link set PORT down", /is down/],
    ["link set PORT mtu 1400", /is 1400, not 1450/],
    ["link set PORT nomaster", /is no port of br0/],
    ["link set PORT type bridge_slave learning on", /learns addresses/],
    ["link set PORT type bridge_slave flood on", /gets what is for others/],
    ["fdb del MAC dev PORT master", /does not know 02:42:0a:09:00:02/],
  ])("is mended after %s", (command, problem) =>
    withHosts(async (lab) => {
      const { one, a, b } = await twoOn(lab);
      expect(await lookAt(one, b, 2)).toEqual([]);
      const words = command
        .replace("PORT", portName(one, 2))
        .replace("MAC", endpointOf(2).mac)
        .split(" ");
      await inside(one.room, words[0] === "fdb" ? "bridge" : "ip", ...words);
      const [finding, ...more] = await lookAt(one, b, 2);
      expect(more).toEqual([]);
      expect(finding).toMatchObject({
        ...{ subject: 'network "net"', problem: expect.stringMatching(problem) },
      });
      await finding?.repair();
      expect(await lookAt(one, b, 2)).toEqual([]);
      const [port] = await ip(one.room, "link", "show", portName(one, 2));
      expect(port).toMatchObject({ mtu: 1450, master: "br0" });
      expect(port.linkinfo.info_slave_data).toMatchObject({ learning: false, flood: false });
      const entries = await bridge(one.room, "fdb", "show", "dev", portName(one, 2));
      expect(entries).toContainEqual(
        expect.objectContaining({ mac: endpointOf(2).mac, state: "static" }),
      );
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
    }),
  );

  test("is taken away where its link leads elsewhere, for the controller to connect it anew", () =>
    withHosts(async (lab) => {
      const { one, a, b } = await twoOn(lab);
      await inside(one.room, "ip", "link", "set", portName(one, 2), "name", "stray");
      const [finding, ...more] = await lookAt(one, b, 2);
      expect(more).toEqual([]);
      expect(finding?.problem).toContain("leads elsewhere");
      await finding?.repair();
      expect((await ip(b, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
      const endpoint = endpointAt(one.network, 2);
      await overlay.connect({ host: one.host, sandbox: b, network: one.network, endpoint });
      await configure(b, endpoint);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
    }));

  test("is disconnected by either end, and twice", () =>
    withHosts(async (lab) => {
      const { one, a, b } = await twoOn(lab);
      const ports = async () => (await ip(one.room, "link", "show", "type", "veth")).length;
      const disconnect = (n: number, sandbox?: Sandbox) =>
        overlay.disconnect({
          ...{ host: one.host, network: one.network, endpoint: endpointAt(one.network, n) },
          ...(sandbox === undefined ? {} : { sandbox }),
        });
      await disconnect(1);
      expect(await ports()).toBe(1);
      expect((await ip(a, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
      await disconnect(1, a);
      await disconnect(2, b);
      await disconnect(2);
      expect(await ports()).toBe(0);
      expect((await ip(b, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
      // A link of somebody else's in its place stays.
      await inside(b, "ip", "link", "add", "eth0", "type", "ifb");
      await disconnect(2, b);
      expect((await ip(b, "link")).map(({ ifname }) => ifname)).toEqual(["lo", "eth0"]);
    }));
});
