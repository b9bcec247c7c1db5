// Networks over hosts, by real packets: what crosses, what does not, and who answers.

import { describe, expect, test } from "vitest";
import { overlay } from "../../../lib/network/drivers/overlay.ts";
import type { Network } from "../../../lib/network/index.ts";
import { inside, ip, pings, type Sandbox } from "../../support/sandbox.ts";
import { curl, serving } from "../traffic.ts";
import {
  across,
  countSent,
  endpointAt,
  endpointOf,
  hostAddress,
  joinPart,
  type OverlayLab,
  type Part,
  remoteOf,
  type Underlay,
  withHosts,
} from "./overlay-lab.ts";

/** Two endpoints on two hosts that know of each other; the MTU of the network is as given. */
async function pairOf(
  { plan, part, sandboxes: [a, b] }: OverlayLab,
  underlay: Underlay = "IPv4",
  options: Readonly<Record<string, string>> = {},
): Promise<{ a: Sandbox; b: Sandbox; one: Part; two: Part; network: Network }> {
  const network = await plan("net", options);
  const [one, two] = [await part(network, 1), await part(network, 2)];
  await joinPart(one, a, 1);
  await joinPart(two, b, 2);
  const { ipv6 } = network;
  await across.setRemotes(one.host, one.network, [remoteOf(2, hostAddress(2, underlay), ipv6)]);
  await across.setRemotes(two.host, two.network, [remoteOf(1, hostAddress(1, underlay), ipv6)]);
  return { a, b, one, two, network };
}

/** Whether a ping with so many bytes, headers included, comes back when it may not be taken apart. */
async function fits(from: Sandbox, to: string, bytes: number): Promise<boolean> {
  const data = bytes - (to.includes(":") ? 48 : 28);
  const args = ["-n", "-c", "1", "-W", "2", "-M", "do", "-s", String(data), to];
  return await inside(from, "ping", ...args).then(
    () => true,
    () => false,
  );
}

/** How many fragments a host has made of packets of its own. */
async function fragmentsMade(host: Sandbox): Promise<number> {
  const [names = [], values = []] = (await inside(host, "cat", "/proc/net/snmp"))
    .split("\n")
    .filter((line) => line.startsWith("Ip:"))
    .map((line) => line.split(" "));
  const six = /Ip6FragCreates\s+(\d+)/.exec(await inside(host, "cat", "/proc/net/snmp6"));
  return Number(values[names.indexOf("FragCreates")]) + Number(six?.[1]);
}

describe.each([
  { underlay: "IPv4" as const, mtu: 1450 },
  { underlay: "IPv6" as const, mtu: 1430 },
])("an overlay over $underlay", ({ underlay, mtu }) => {
  test("has endpoints of two hosts reach each other, with packets as large as they get", () =>
    withHosts(async (lab) => {
      const { a, b, one } = await pairOf(lab, underlay);
      const { ip: four, ip6: six } = endpointOf(2);
      for (const address of [four, six]) {
        expect(await pings(a, address)).toBe(true);
        expect(await fits(a, address, mtu)).toBe(true);
        expect(await fits(a, address, mtu + 1)).toBe(false);
        await serving(b, 8000, async () => {
          const own = address === four ? endpointOf(1).ip : endpointOf(1).ip6;
          expect(await curl(a, address, 8000)).toBe(own);
        });
      }
      expect(await fragmentsMade(one.host)).toBe(0);
      const [vxlan] = await ip(one.room, "link", "show", "vxlan0");
      expect(vxlan).toMatchObject({ mtu, master: "br0", link_index: expect.any(Number) });
      const { info_data: data } = vxlan.linkinfo;
      const local = underlay === "IPv4" ? { local: "192.0.2.1" } : { local6: "fd00:2::1" };
      const { number } = one.network.settings;
      expect(data).toMatchObject({
        ...local,
        id: number,
        port: 4789,
        learning: false,
        proxy: true,
      });
      expect(data).not.toHaveProperty("group");
      expect(data).not.toHaveProperty("remote");
      for (const link of await ip(one.room, "link", "show", "master", "br0")) {
        expect(link.linkinfo.info_slave_data.learning).toBe(false);
      }
      const [end] = await ip(a, "link", "show", "eth0");
      expect(end).toMatchObject({ mtu, address: endpointOf(1).mac });
    }, underlay));

  test("answers for neighbours itself: nothing but the echoes crosses", () =>
    withHosts(async (lab) => {
      const { a, one, two } = await pairOf(lab, underlay);
      const [sent, answered] = [await countSent(one.host), await countSent(two.host)];
      for (const [done, address] of [endpointOf(2).ip, endpointOf(2).ip6].entries()) {
        await inside(a, "ping", "-n", "-c", "3", "-i", "0.2", address);
        expect(await sent()).toBe(3 * (done + 1));
        expect(await answered()).toBe(3 * (done + 1));
      }
    }, underlay));

  test("sends nothing to hosts for addresses that nobody has, nor broadcasts, nor groups", () =>
    withHosts(async (lab) => {
      const { a, one } = await pairOf(lab, underlay);
      const { sandboxes } = lab;
      const [, , c] = sandboxes;
      await joinPart(one, c, 3);
      await inside(c, "sysctl", "-q", "-w", "net.ipv4.icmp_echo_ignore_broadcasts=0");
      const sent = await countSent(one.host);
      for (const address of ["10.9.0.99", "fd00:9::99"]) {
        expect(await pings(a, address)).toBe(false);
      }
      const nobody = ["neigh", "add", "10.9.0.98", "lladdr", "02:42:0a:09:00:62", "dev", "eth0"];
      await inside(a, "ip", ...nobody);
      expect(await pings(a, "10.9.0.98")).toBe(false);
      const all = await inside(a, "ping", "-n", "-b", "-c", "1", "-W", "2", "10.9.0.255");
      expect(all).toContain(`from ${endpointOf(3).ip}`);
      const group = await inside(a, "ping", "-n", "-c", "2", "-i", "0.2", "-I", "eth0", "ff02::1");
      expect(group).toContain(" from fe80::42:aff:fe09:3%eth0");
      expect(await sent()).toBe(0);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      expect(await sent()).toBe(3);
    }, underlay));
});

describe("an overlay", () => {
  test("takes the user's word for the MTU between hosts, and another UDP port", () =>
    withHosts(async (lab) => {
      const options = { "com.docker.network.driver.mtu": "1300", port: "4790" };
      const { a, b, one } = await pairOf(lab, "IPv4", options);
      const sent = await countSent(one.host, 4790);
      expect(await fits(a, endpointOf(2).ip, 1250)).toBe(true);
      expect(await sent()).toBe(1);
      expect(await fits(a, endpointOf(2).ip, 1251)).toBe(false);
      for (const sandbox of [a, b]) {
        expect((await ip(sandbox, "link", "show", "eth0"))[0].mtu).toBe(1250);
      }
    }));

  test("shows no endpoint what is for another, be it here or on another host", () =>
    withHosts(async (lab) => {
      const { a, b, one } = await pairOf(lab);
      const [, , c] = lab.sandboxes;
      await joinPart(one, c, 3);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      const rules = `table netdev seen {
        chain in { type filter hook ingress device "eth0" priority 0; icmp type echo-request counter; }
      }`;
      for (const sandbox of [b, c]) await inside(sandbox, "nft", rules);
      const seen = async (sandbox: Sandbox) =>
        /counter packets (\d+)/.exec(await inside(sandbox, "nft", "list", "ruleset"))?.[1];
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      expect(await Promise.all([b, c].map(seen))).toEqual(["3", "0"]);
    }));

  test("leads to an endpoint that never said a word, and to nobody who takes its address", () =>
    withHosts(async (lab) => {
      const { a, one } = await pairOf(lab);
      const [, , c] = lab.sandboxes;
      await joinPart(one, c, 3);
      // The other one's MAC address is used by the third, whose packets say that it is behind its port.
      await inside(c, "ip", "link", "set", "eth0", "address", endpointOf(2).mac);
      await pings(c, endpointOf(1).ip);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
    }));

  test("follows an endpoint from host to host, whatever is heard late", () =>
    withHosts(async (lab) => {
      const { a, b, one, two, network } = await pairOf(lab);
      const three = await lab.part(network, 3);
      const { ip: address } = endpointOf(2);
      expect(await pings(a, address)).toBe(true);
      await overlay.disconnect({
        ...{ host: two.host, sandbox: b, network: two.network },
        endpoint: endpointAt(two.network, 2),
      });
      expect(await ip(two.room, "link", "show", "type", "veth")).toEqual([]);
      expect((await ip(b, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
      await joinPart(three, b, 2);
      await across.setRemotes(three.host, three.network, [remoteOf(1, hostAddress(1))]);
      const [before, after] = [remoteOf(2, hostAddress(2)), remoteOf(2, hostAddress(3))];
      await across.changeRemotes(one.host, one.network, { come: [after], gone: [] });
      await across.changeRemotes(one.host, one.network, { come: [], gone: [before] });
      const toTwo = await countSent(two.host);
      expect(await pings(a, address)).toBe(true);
      expect(await toTwo()).toBe(0);
      await across.changeRemotes(one.host, one.network, { come: [], gone: [after] });
      expect(await pings(a, address)).toBe(false);
    }));

  test("reaches other hosts again after its VXLAN was taken away", () =>
    withHosts(async (lab) => {
      const { a, one } = await pairOf(lab);
      const { ip: address } = endpointOf(2);
      expect(await pings(a, address)).toBe(true);
      await inside(one.room, "ip", "link", "del", "vxlan0");
      expect(await pings(a, address)).toBe(false);
      const remotes = [remoteOf(2, hostAddress(2))];
      for (const look of [
        () => overlay.inspectNetwork(one.host, one.network),
        () => across.inspectRemotes(one.host, one.network, remotes),
      ]) {
        for (const finding of await look()) await finding.repair();
      }
      expect(await pings(a, address)).toBe(true);
    }));

  test("hears neighbour solicitations also where an endpoint asks who is in which group", () =>
    withHosts(async (lab) => {
      const { a, one } = await pairOf(lab);
      const [, , c] = lab.sandboxes;
      await joinPart(one, c, 3);
      // A bridge that listens for groups believes whoever asks, and leads packets by the answers.
      const asking = `ip link add q type bridge mcast_startup_query_count 20 \\
          mcast_startup_query_interval 50 mcast_query_response_interval 100
        sysctl -q -w net.ipv6.conf.q.accept_dad=0
        nft 'table netdev asked { chain out {
          type filter hook egress device "eth0" priority 0; icmpv6 type mld-listener-query counter
        }
        }'
        ip link set eth0 master q
        ip link set q up
        ip link set q type bridge mcast_querier 1`;
      await inside(c, "sh", "-e", "-c", asking);
      const asked = async () =>
        Number(/packets (\d+)/.exec(await inside(c, "nft", "list", "ruleset"))?.[1]);
      await expect.poll(asked, { timeout: 30_000 }).toBeGreaterThan(5);
      const sent = await countSent(one.host);
      expect(await pings(a, endpointOf(2).ip6)).toBe(true);
      expect(await sent()).toBe(3);
    }));

  test("keeps two networks between the same hosts apart", () =>
    withHosts(async (lab) => {
      const { a } = await pairOf(lab);
      const other = await lab.plan("other");
      const [, , c] = lab.sandboxes;
      const two = await lab.part(other, 2);
      await joinPart(two, c, 3);
      await across.setRemotes(two.host, two.network, [remoteOf(1, hostAddress(1))]);
      expect(await pings(c, endpointOf(1).ip)).toBe(false);
      expect(await pings(a, endpointOf(3).ip)).toBe(false);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
    }));
});
