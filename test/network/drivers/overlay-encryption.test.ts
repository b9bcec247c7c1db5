// Networks over hosts that are encrypted: what is on the wire, and what is not taken from it.

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Peer } from "../../../lib/network/drivers/driver.ts";
import { overlay } from "../../../lib/network/drivers/overlay.ts";
import { lacks } from "../../support/features.ts";
import { inside, pings, type Sandbox } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import {
  across,
  endpointOf,
  hostAddress,
  joinPart,
  type OverlayLab,
  type Part,
  remoteOf,
  type Underlay,
  withHosts,
} from "./overlay-lab.ts";

const encryption = across.encryption ?? expect.unreachable("overlays can be encrypted");

/** The port that encrypted networks have if nothing is said. */
const port = "4790";

/** Two endpoints on two hosts that know of each other. */
async function pairOf(
  { plan, part, sandboxes: [a, b] }: OverlayLab,
  options: Readonly<Record<string, string>>,
  underlay: Underlay = "IPv4",
): Promise<{ a: Sandbox; b: Sandbox; one: Part; two: Part }> {
  const network = await plan("net", options);
  const [one, two] = [await part(network, 1), await part(network, 2)];
  await joinPart(one, a, 1);
  await joinPart(two, b, 2);
  await across.setRemotes(one.host, one.network, [remoteOf(2, hostAddress(2, underlay))]);
  await across.setRemotes(two.host, two.network, [remoteOf(1, hostAddress(1, underlay))]);
  return { a, b, one, two };
}

/** The same part as that of an encrypted network, which a kernel without ESP has none of. */
function closed({ network, ...part }: Part): Part {
  return { ...part, network: { ...network, settings: { ...network.settings, encrypted: true } } };
}

/** The policies of a host, as ip(8) says: direction, selector, template. */
async function policiesOf(host: Sandbox): Promise<string[]> {
  const text = await inside(host, "ip", "xfrm", "policy");
  return text
    .split(/\n(?=src )/)
    .filter((one) => one !== "")
    .map((one) => one.replace(/\s+/g, " ").trim())
    .sort();
}

/** Counts what comes in by a host's cable from now on. */
async function countCome(host: Sandbox): Promise<() => Promise<{ esp: number; plain: number }>> {
  const rules = `table netdev come {
    chain wire {
      type filter hook ingress device eth0 priority 0;
      meta l4proto esp counter comment "esp"
      udp dport 4789-4790 counter comment "plain"
    }
  }`;
  await inside(host, "nft", "delete", "table", "netdev", "come").catch(() => undefined);
  await inside(host, "nft", rules);
  return async () => {
    const text = await inside(host, "nft", "list", "table", "netdev", "come");
    const count = (word: string) =>
      Number(new RegExp(`packets (\\d+) bytes \\d+ comment "${word}"`).exec(text)?.[1]);
    return { esp: count("esp"), plain: count("plain") };
  };
}

describe("the UDP port of an encrypted network", () => {
  test("sends nothing as it is, and takes nothing, whatever there is no secret for", () =>
    withHosts(async (lab) => {
      const { a, b, one, two } = await pairOf(lab, { port });
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      await overlay.createNetwork(one.host, closed(one).network);
      const come = [await countCome(one.host), await countCome(two.host)] as const;
      expect(await pings(a, endpointOf(2).ip)).toBe(false);
      expect(await come[1]()).toEqual({ esp: 0, plain: 0 });
      expect(await pings(b, endpointOf(1).ip)).toBe(false);
      expect((await come[0]()).plain).toBeGreaterThan(0);
      expect(await come[1]()).toEqual({ esp: 0, plain: 0 });
      await overlay.deleteNetwork(one.host, closed(one).network, []);
      expect(await policiesOf(one.host)).toEqual([]);
    }));

  test("is the only one for which anything is other than before", () =>
    withHosts(async (lab) => {
      const { a, one } = await pairOf(lab, {});
      const other = await lab.part(await lab.plan("other", { port }), 1);
      await overlay.createNetwork(other.host, closed(other).network);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      const template = "tmpl src 0.0.0.0 dst 0.0.0.0 proto esp reqid 1449464502 mode transport";
      expect(await policiesOf(one.host)).toEqual([
        `src 0.0.0.0/0 dst 192.0.2.1/32 proto udp dport 4790 dir in priority 100 ptype main ${template}`,
        `src 192.0.2.1/32 dst 0.0.0.0/0 proto udp dport 4790 dir out priority 100 ptype main ${template}`,
      ]);
    }));

  test("is closed until the last of its networks is gone; what others have told the kernel stays", () =>
    withHosts(async ({ plan, part, hosts: [host] }) => {
      const foreign = ["src", "198.51.100.1/32", "dst", "198.51.100.2/32", "dir", "out"];
      const theirs = ["tmpl", "proto", "esp", "reqid", "7", "mode", "transport"];
      await inside(host, "ip", "xfrm", "policy", "add", ...foreign, ...theirs);
      const before = await policiesOf(host);
      const parts: Part[] = [];
      for (const name of ["first", "second"]) {
        parts.push(closed(await part(await plan(name, { port }), 1)));
      }
      for (const { network } of parts) await overlay.createNetwork(host, network);
      expect(await policiesOf(host)).toHaveLength(3);
      const [first, second] = parts.map(({ network }) => network);
      if (first === undefined || second === undefined) throw new Error("two networks");
      await overlay.deleteNetwork(host, first, [second]);
      expect(await policiesOf(host)).toHaveLength(3);
      await overlay.deleteNetwork(host, second, []);
      expect(await policiesOf(host)).toEqual(before);
    }));

  test("is found open, and closed again", () =>
    withHosts(async ({ plan, part, hosts: [host] }) => {
      const { network } = closed(await part(await plan("net", { port }), 1));
      const problems = async () =>
        (await overlay.inspectNetwork(host, network)).map(({ problem }) => problem);
      await overlay.createNetwork(host, network);
      expect(await problems()).toEqual([]);
      await inside(host, "ip", "xfrm", "policy", "flush");
      expect(await problems()).toEqual([
        "the host sends packets of UDP port 4790 that are not encrypted",
        "the host takes packets of UDP port 4790 that are not encrypted",
      ]);
      for (const { repair } of await overlay.inspectNetwork(host, network)) await repair();
      expect(await problems()).toEqual([]);
      expect(await policiesOf(host)).toHaveLength(2);
      await overlay.deleteNetwork(host, network, []);
    }));
});

const isWithoutEsp = await lacks("esp");

test.runIf(isWithoutEsp)("a kernel without ESP has no encrypted network", () =>
  withHosts(async ({ plan }) => {
    const attempt = plan("net", { encrypted: "true" });
    await expect(attempt).rejects.toThrow('option "encrypted": the kernel has no');
    expect(await refused(() => plan("net", { encrypted: "" }))).toEqual({ code: "OPTION_INVALID" });
  }),
);

describe.skipIf(isWithoutEsp).each([
  { underlay: "IPv4" as const, mtu: 1416 },
  { underlay: "IPv6" as const, mtu: 1396 },
])("an encrypted overlay over $underlay", ({ underlay, mtu }) => {
  const peer = (n: number, secret: Uint8Array): Peer => ({
    address: hostAddress(n, underlay),
    secret,
  });
  const options = { encrypted: "true" };

  /** Has two parts share a secret. */
  async function share(one: Part, two: Part, secret: Uint8Array = randomBytes(32)): Promise<void> {
    await encryption.setPeers(one.host, one.network, [peer(2, secret)]);
    await encryption.setPeers(two.host, two.network, [peer(1, secret)]);
  }

  /** Whether a ping of so many bytes comes back when it may not be taken apart. */
  const fits = (from: Sandbox, bytes: number) =>
    inside(
      ...([from, "ping", "-n", "-c", "1", "-W", "2", "-M", "do"] as const),
      ...["-s", String(bytes - 28), endpointOf(2).ip],
    ).then(
      () => true,
      () => false,
    );

  test("has nothing but ESP between its hosts, with packets as large as they get", () =>
    withHosts(async (lab) => {
      const { a, one, two } = await pairOf(lab, options, underlay);
      expect(one.network.settings).toMatchObject({ mtu, port: 4790, encrypted: true });
      expect(await pings(a, endpointOf(2).ip)).toBe(false);
      await share(one, two);
      const come = await countCome(two.host);
      for (const bytes of [100, mtu - 3, mtu - 2, mtu - 1, mtu]) {
        expect(await fits(a, bytes)).toBe(true);
      }
      expect(await fits(a, mtu + 1)).toBe(false);
      expect(await come()).toEqual({ esp: 5, plain: 0 });
      expect(await pings(a, endpointOf(2).ip6)).toBe(true);
    }, underlay));

  test("takes nothing by another secret, nor from hosts that are gone", () =>
    withHosts(async (lab) => {
      const { a, one, two } = await pairOf(lab, options, underlay);
      await share(one, two);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      await encryption.setPeers(two.host, two.network, [peer(1, randomBytes(32))]);
      expect(await pings(a, endpointOf(2).ip)).toBe(false);
      await share(one, two);
      expect(await pings(a, endpointOf(2).ip)).toBe(true);
      await encryption.setPeers(two.host, two.network, []);
      expect(await pings(a, endpointOf(2).ip)).toBe(false);
      expect((await inside(two.host, "ip", "xfrm", "state")).trim()).toBe("");
    }, underlay));

  test("tells what of its secrets is not in the kernel, or is there besides", () =>
    withHosts(async (lab) => {
      const { one, two } = await pairOf(lab, options, underlay);
      const secret = randomBytes(32);
      await share(one, two, secret);
      const look = async (peers: readonly Peer[]) =>
        (await encryption.inspectPeers(one.host, one.network, peers)).toSorted();
      const own = hostAddress(1, underlay);
      const other = hostAddress(2, underlay);
      expect(await look([peer(2, secret)])).toEqual([]);
      expect(await look([])).toEqual([
        `another ESP from ${own} to ${other}`,
        `another ESP from ${other} to ${own}`,
      ]);
      await inside(one.host, "ip", "xfrm", "state", "flush");
      expect(await look([peer(2, secret)])).toEqual([
        `no ESP from ${own} to ${other}`,
        `no ESP from ${other} to ${own}`,
      ]);
      const remotes = [remoteOf(2, other)];
      const findings = await across.inspectRemotes(one.host, one.network, remotes);
      expect(findings.map(({ problem }) => problem)).toEqual([
        `the host shares no secret with the host ${other}`,
      ]);
    }, underlay));

  test("leaves nothing in the kernel, and takes nothing of others away", () =>
    withHosts(async (lab) => {
      const { one, two } = await pairOf(lab, options, underlay);
      const addresses = ["src", hostAddress(1, underlay), "dst", hostAddress(3, underlay)];
      const keyed = ["reqid", "9", "mode", "transport", "aead", "rfc4106(gcm(aes))"];
      const theirs = ["proto", "esp", "spi", "0x1234", ...keyed, `0x${"ab".repeat(20)}`, "128"];
      await inside(one.host, "ip", "xfrm", "state", "add", ...addresses, ...theirs);
      const before = await inside(one.host, "ip", "xfrm", "state");
      await share(one, two);
      await overlay.deleteNetwork(one.host, one.network, []);
      expect(await inside(one.host, "ip", "xfrm", "state")).toBe(before);
      expect(await policiesOf(one.host)).toEqual([]);
    }, underlay));
});
