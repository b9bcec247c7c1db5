// Parts of overlays: made, used to the full, and taken away without a trace.

import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { openNamespace } from "../../../lib/index.ts";
import { overlay } from "../../../lib/network/drivers/overlay.ts";
import type { Driver } from "../../../lib/network/index.ts";
import { inside, ip, type Sandbox } from "../../support/sandbox.ts";
import { lan } from "../model/lab.ts";
import { refused } from "../refused.ts";
import { testDriver } from "./contract.ts";
import { across, endpointAt, networkOf, type Part, roomsOf, withHosts } from "./overlay-lab.ts";

let number = 9000;

const { across: _, ...verbs } = overlay;

/** The driver on one host, as a controller sees it that knows of no others. */
const alone: Driver = {
  ...verbs,
  planNetwork: async (host, request) => {
    const address = lan.host;
    const settings = await overlay.planNetwork(host, { ...request, address });
    const { id } = request;
    const own = await across.planPart(host, { ...networkOf("net", settings), id }, address);
    number += 1;
    return { ...settings, ...own, number };
  },
};

testDriver("overlay on one host", { driver: alone, network: { ipv6: true, internal: true } });

/** What of a host an overlay could change. */
async function stateOf(host: Sandbox) {
  return {
    links: (await ip(host, "link")).map(({ ifname }) => ifname),
    ports: await inside(host, "ss", "-Hlun"),
    rules: await inside(host, "nft", "list", "ruleset"),
  };
}

const make = ({ host, network }: Part) => overlay.createNetwork(host, network);
const remove = ({ host, network }: Part) => overlay.deleteNetwork(host, network, []);
const look = ({ host, network }: Part) => overlay.inspectNetwork(host, network);

describe("a part of an overlay", () => {
  test("is gone without a trace, also where somebody still looks into it, and twice", () =>
    withHosts(async ({ hosts: [host], sandboxes: [a], plan, part, join }) => {
      const before = await stateOf(host);
      const one = await part(await plan("net"), 1);
      await join(one, a, 1);
      const made = await stateOf(host);
      expect(made).toEqual({ ...before, ports: expect.stringContaining(":4789") });
      await using handle = await openNamespace({ name: one.room.name });
      await remove(one);
      expect(handle.inode).toBeGreaterThan(0);
      expect(await roomsOf(one.network)).toEqual([]);
      expect(await stateOf(host)).toEqual(before);
      expect((await ip(a, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
      await remove(one);
      // The number and the port are free at once.
      await make(one);
      expect(await look(one)).toEqual([]);
    }));

  test("is made twice without a change, and out of what is half there", () =>
    withHosts(async ({ plan, part }) => {
      const one = await part(await plan("net"), 1);
      const { room } = one;
      const indexes = async () =>
        (await ip(room, "link")).map(({ ifname, ifindex }) => `${ifname} ${ifindex}`);
      const before = await indexes();
      await make(one);
      expect(await indexes()).toEqual(before);
      // As after a crash: a name without a namespace, an empty one, one with a bridge.
      await remove(one);
      await mkdir("/run/netns", { recursive: true });
      await writeFile(`/run/netns/${room.name}`, "");
      expect(await look(one)).toMatchObject([{ problem: expect.stringContaining("is gone") }]);
      await make(one);
      expect(await look(one)).toEqual([]);
      for (const name of ["vxlan0", "br0"]) {
        await inside(room, "ip", "link", "del", name);
        await make(one);
        expect(await look(one)).toEqual([]);
        expect(await indexes()).toHaveLength(before.length);
      }
      await remove(one);
      await writeFile(`/run/netns/${room.name}`, "");
      await remove(one);
      expect(await roomsOf(one.network)).toEqual([]);
    }));

  test("names what is in its way: the number or the port of somebody else", () =>
    withHosts(async ({ hosts: [host], plan, part }) => {
      const [one, two] = [await plan("one"), await plan("two", { port: "4790" })];
      const vxlan = ["link", "add", "theirs", "type", "vxlan", "dstport", "4789", "id"];
      await inside(host, "ip", ...vxlan, String(one.settings.number));
      const reason = `another VXLAN of the number ${one.settings.number} at UDP port 4789`;
      await expect(part(one, 1)).rejects.toMatchObject({
        ...{ code: "DRIVER_FAILED", message: expect.stringContaining(reason) },
      });
      // One that takes what it is from each packet has the port to itself.
      const external = ["link", "add", "metadata", "up", "type", "vxlan", "dstport", "4790"];
      await inside(host, "ip", ...external, "external");
      await expect(part(two, 1)).rejects.toMatchObject({
        ...{ code: "DRIVER_FAILED", message: expect.stringContaining("UDP port 4790") },
      });
      const links = (await ip(host, "link")).map(({ ifname }) => ifname);
      expect(links).toEqual(expect.arrayContaining(["theirs", "metadata"]));
    }));

  test("takes no more endpoints than its bridge has ports", () =>
    withHosts(async ({ sandboxes: [a], plan, part }) => {
      const one = await part(await plan("net"), 1);
      const most = overlay.mostEndpoints?.(one.network);
      expect(most).toBe(1022);
      const lines = Array.from({ length: 1022 }, (_, n) => `link add v${n} master br0 type ifb`);
      const script = `ip -batch - <<'END'\n${lines.join("\n")}\nEND`;
      await inside(one.room, "sh", "-c", script);
      const place = { host: one.host, sandbox: a, network: one.network };
      const connect = () => overlay.connect({ ...place, endpoint: endpointAt(one.network, 1) });
      expect(await refused(connect)).toEqual({ code: "NETWORK_FULL" });
      expect((await ip(a, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
      await inside(one.room, "ip", "link", "del", "v0");
      await connect();
    }));

  test("calls the links in the sandboxes as it is told", () =>
    withHosts(async ({ plan }) => {
      const network = await plan("net", { linkPrefix: "net" });
      expect(overlay.linkPrefix?.(network)).toBe("net");
    }));
});
