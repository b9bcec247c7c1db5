// What gets through the firewall of a host that has but a part of a network: real traffic.

import { describe, expect, test } from "vitest";
import { addAddress, addRoute } from "../../../lib/index.ts";
import type { FirewalledNetwork } from "../../../lib/network/nat/firewall.ts";
import { inside } from "../../support/sandbox.ts";
import { at, curl, type Lab, lan, other, published, serving, web, withLab } from "./lab.ts";

const part: FirewalledNetwork = { ...web, whole: ["10.11.0.0/16", "fd11::/48"] };

/** What the world has, as if it were another host, with sandboxes of the network and without. */
const far = { four: "10.11.7.2", six: "fd11:0:0:7::2", outside: "10.99.7.2" };

/** Has the world be another host with a part of the network. */
async function joinParts({ host, world }: Lab): Promise<void> {
  const lo = { name: "lo" };
  for (const address of [far.four, far.outside]) await addAddress(world, lo, `${address}/32`);
  await addAddress(world, lo, { address: `${far.six}/128`, flags: ["noDad"] });
  await addRoute(host, { to: "10.11.7.0/24", via: lan.world });
  await addRoute(host, { to: "fd11:0:0:7::/64", via: lan.world6 });
  await addRoute(world, { to: "10.11.0.0/24", via: lan.host });
  await addRoute(world, { to: "fd11::/64", via: lan.host6 });
}

/** Who asks a server on port 80, from an address of its own choice; `undefined` if nobody answers. */
async function curlFrom(lab: Lab, source: string, to: string): Promise<string | undefined> {
  const where = to.includes(":") ? `[${to}]` : to;
  const args = ["-sS", "-g", "--max-time", "1.5", "--interface", source, `http://${where}/`];
  return await inside(lab.world, "curl", ...args).catch(() => undefined);
}

describe("what goes from one host's part of a network to another's", () => {
  test("keeps its address, both ways, and what leaves the network is masqueraded", () =>
    withLab(
      async (lab) => {
        await joinParts(lab);
        const { world, a } = lab;
        await serving(world, 80, async () => {
          expect(await curl(a, far.four, 80)).toBe(at.a.four);
          expect(await curl(a, far.six, 80)).toBe(at.a.six);
          expect(await curl(a, lan.world, 80)).toBe(lan.host);
          expect(await curl(a, lan.world6, 80)).toBe(lan.host6);
        });
        await serving(a, 80, async () => {
          expect(await curlFrom(lab, far.four, at.a.four)).toBe(far.four);
          expect(await curlFrom(lab, far.six, at.a.six)).toBe(far.six);
        });
      },
      [part, other],
    ));

  test("gets in by no other address, and not from another network of the host", () =>
    withLab(
      async (lab) => {
        await joinParts(lab);
        const { host, a, c } = lab;
        await addAddress(c, { name: "lo" }, "10.11.9.2/32");
        await addRoute(host, { to: "10.11.9.2/32", via: at.c.four });
        await serving(a, 80, async () => {
          expect(await curlFrom(lab, lan.world, at.a.four)).toBeUndefined();
          expect(await curl(c, at.a.four, 80)).toBeUndefined();
          const feigned = ["--max-time", "1.5", "--interface", "10.11.9.2"];
          const attempt = inside(c, "curl", "-sS", ...feigned, `http://${at.a.four}/`);
          expect(await attempt.catch(() => undefined)).toBeUndefined();
        });
      },
      [part, other],
    ));

  test("gets in where the network is internal, and nothing else does, or out", () =>
    withLab(
      async (lab) => {
        await joinParts(lab);
        const { world, a } = lab;
        await addRoute(world, { to: "10.12.0.0/24", via: lan.host });
        await serving(world, 80, async () => {
          expect(await curl(a, far.four, 80)).toBe(at.a.four);
          expect(await curl(a, far.six, 80)).toBe(at.a.six);
          for (const address of [lan.world, lan.world6, far.outside]) {
            expect(await curl(a, address, 80)).toBeUndefined();
          }
        });
        await serving(a, 80, async () => {
          expect(await curlFrom(lab, far.four, at.a.four)).toBe(far.four);
          expect(await curlFrom(lab, lan.world, at.a.four)).toBeUndefined();
        });
      },
      [{ ...part, internal: true }, other],
    ));

  test("does not get in where endpoints may not reach each other, but for published ports", () =>
    withLab(
      async (lab) => {
        await joinParts(lab);
        const { a, firewall } = lab;
        await firewall.publish([published()]);
        await serving(a, 80, async () => {
          expect(await curlFrom(lab, far.four, at.a.four)).toBeUndefined();
          expect(await curl(lab.world, lan.host, 8080)).toBe(lan.world);
        });
      },
      [{ ...part, icc: false }, other],
    ));
});

test("the firewall knows a part's rules again, and a whole that is another", () =>
  withLab(
    async ({ firewall }) => {
      const networks = [part, other];
      expect(await firewall.differences({ networks, ports: [] })).toEqual([]);
      const moved = { ...part, whole: ["10.11.0.0/17", "fd11::/48"] };
      expect(await firewall.differences({ networks: [moved, other], ports: [] })).toEqual([
        "the chain into-0123456789ab has other rules",
        "the chain leaving-0123456789ab has other rules",
      ]);
      await firewall.restore({ networks: [moved, other], ports: [] });
      expect(await firewall.differences({ networks: [moved, other], ports: [] })).toEqual([]);
    },
    [part, other],
  ));
