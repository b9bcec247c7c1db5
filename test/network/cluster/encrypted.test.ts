// Encrypted networks across hosts: secrets as hosts come, go and take their places anew.

import { describe, expect, test } from "vitest";
import { lacks } from "../../support/features.ts";
import { inside, type Sandbox } from "../../support/sandbox.ts";
import { reaches } from "../model/lab.ts";
import { refused } from "../refused.ts";
import { addressOf, type ClusterLab, type Host, withCluster } from "./lab.ts";

const web = { name: "web", driver: "overlay", options: { encrypted: "true" } };
const isWithoutEsp = await lacks("esp");

/** The states of a host, as ip(8) says, each with its source, destination and number. */
async function statesOf({ host }: Host): Promise<string[]> {
  const text = await inside(host, "ip", "xfrm", "state");
  return Array.from(
    text.matchAll(/^src (\S+) dst (\S+)\n\s+proto esp spi (\S+)/gm),
    ([, source, destination, spi]) => `${source} ${destination} ${spi}`,
  ).sort();
}

/** Between which hosts there are states, without their numbers. */
async function waysOf(host: Host): Promise<string[]> {
  return (await statesOf(host)).map((state) => state.split(" ").slice(0, 2).join(" to "));
}

async function policiesOf({ host }: Host): Promise<number> {
  const text = await inside(host, "ip", "xfrm", "policy");
  return text.split("\n").filter((line) => line.startsWith("src")).length;
}

/** A sandbox of a host on the network, and its address. */
async function place(host: Host, word: string): Promise<{ sandbox: Sandbox; address: string }> {
  const sandbox = await host.create(word, { networks: ["web"] });
  return { sandbox, address: await addressOf(host, sandbox, "web") };
}

/** Waits until one reaches the other. */
async function reached(from: { sandbox: Sandbox }, to: { address: string }): Promise<void> {
  await expect.poll(() => reaches(from.sandbox, to.address), { timeout: 20_000 }).toBe(true);
}

/** The hosts of a lab, which has that many. */
function hostsOf<N extends 2 | 3>({ hosts }: ClusterLab, count: N) {
  if (hosts.length !== count) throw new Error(`${count} hosts`);
  return hosts as unknown as N extends 2 ? readonly [Host, Host] : readonly [Host, Host, Host];
}

test.runIf(isWithoutEsp)("a host whose kernel has no ESP refuses them, and makes nothing", () =>
  withCluster(async (lab) => {
    const [one] = hostsOf(lab, 2);
    for (const encrypted of ["", "true", "1"]) {
      const creation = one.controller.createNetwork({ ...web, options: { encrypted } });
      await expect(creation).rejects.toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringContaining("the kernel has no"),
      });
    }
    expect(await one.controller.listNetworks({ scope: ["cluster"] })).toEqual([]);
    expect(await policiesOf(one)).toBe(0);
  }),
);

describe.skipIf(isWithoutEsp)("an encrypted network", { timeout: 120_000 }, () => {
  test("has all hosts share secrets, each pair its own, until the last endpoint is gone", () =>
    withCluster(
      async (lab) => {
        const [one, two, three] = hostsOf(lab, 3);
        await one.controller.createNetwork(web);
        expect(await waysOf(one)).toEqual([]);
        const a = await place(one, "a");
        const b = await place(two, "b");
        await reached(a, b);
        const ways = (own: number) =>
          [1, 2, 3]
            .filter((n) => n !== own)
            .flatMap((n) => [`192.0.2.${own} to 192.0.2.${n}`, `192.0.2.${n} to 192.0.2.${own}`])
            .sort();
        await expect.poll(() => waysOf(one)).toEqual(ways(1));
        await expect.poll(() => waysOf(two)).toEqual(ways(2));
        expect(await waysOf(three)).toEqual([]);
        const shared = (await statesOf(one)).filter((state) => state.includes("192.0.2.2 "));
        expect((await statesOf(two)).filter((state) => state.includes("192.0.2.1 "))).toEqual(
          shared,
        );
        const c = await place(three, "c");
        for (const [from, to] of [
          [a, c],
          [c, b],
          [b, a],
        ] as const) {
          await reached(from, to);
        }
        for (const { controller } of [one, two, three]) {
          await expect.poll(() => controller.plan()).toEqual([]);
        }
        await three.controller.deleteSandbox(c.sandbox.name);
        expect([await waysOf(three), await policiesOf(three)]).toEqual([[], 0]);
        await reached(a, b);
        const again = await place(three, "again");
        await reached(a, again);
        await reached(again, b);
      },
      { count: 3 },
    ));

  test("goes on when a host's controller is another one, by another secret", () =>
    withCluster(async (lab) => {
      const [one, two] = hostsOf(lab, 2);
      await one.controller.createNetwork(web);
      const [a, b] = [await place(one, "a"), await place(two, "b")];
      await reached(a, b);
      const before = await statesOf(two);
      await one.controller.close();
      await one.open();
      await expect.poll(() => statesOf(two)).not.toEqual(before);
      await reached(a, b);
      await reached(b, a);
      expect((await statesOf(one)).filter((state) => before.includes(state))).toEqual([]);
    }));

  test("has other secrets when somebody has taken them out of a kernel", () =>
    withCluster(async (lab) => {
      const [one, two] = hostsOf(lab, 2);
      await one.controller.createNetwork(web);
      const [a, b] = [await place(one, "a"), await place(two, "b")];
      await reached(a, b);
      const before = await statesOf(one);
      await inside(one.host, "ip", "xfrm", "state", "flush");
      const others = async () => (await statesOf(one)).filter((state) => !before.includes(state));
      await expect.poll(others, { timeout: 20_000 }).toHaveLength(2);
      await reached(a, b);
      expect(await statesOf(one)).toHaveLength(2);
    }));

  test("is closed again when somebody has opened its port", () =>
    withCluster(async (lab) => {
      const [one, two] = hostsOf(lab, 2);
      await one.controller.createNetwork(web);
      const [a, b] = [await place(one, "a"), await place(two, "b")];
      await reached(a, b);
      await inside(one.host, "ip", "xfrm", "policy", "flush");
      await expect.poll(() => policiesOf(one), { timeout: 20_000 }).toBe(2);
      await reached(a, b);
      expect(await one.controller.plan()).toEqual([]);
    }));

  test("shares nothing with a host that is gone", () =>
    withCluster(
      async (lab) => {
        const [one, two, three] = hostsOf(lab, 3);
        await one.controller.createNetwork(web);
        const [a, b] = [await place(one, "a"), await place(two, "b")];
        await place(three, "c");
        await reached(a, b);
        const withThree = (ways: readonly string[]) =>
          ways.some((way) => way.includes(three.address));
        await expect.poll(async () => withThree(await waysOf(one))).toBe(true);
        await three.controller.close();
        await expect
          .poll(async () => withThree([...(await waysOf(one)), ...(await waysOf(two))]), {
            timeout: 20_000,
          })
          .toBe(false);
        await reached(a, b);
        await three.open();
      },
      { count: 3 },
    ));

  test("has a port to itself, beside networks that are not encrypted", () =>
    withCluster(async (lab) => {
      const [one, two] = hostsOf(lab, 2);
      const create = (name: string, options: Readonly<Record<string, string>>) =>
        one.controller.createNetwork({ name, driver: "overlay", options });
      await one.controller.createNetwork(web);
      await create("plain", {});
      const invalid = { code: "OPTION_INVALID" };
      expect(await refused(() => create("no", { port: "4790" }))).toMatchObject(invalid);
      const taken = { port: "4789", encrypted: "1" };
      expect(await refused(() => create("no", taken))).toMatchObject(invalid);
      const [a, b] = [await place(one, "a"), await place(two, "b")];
      for (const [host, { sandbox }] of [
        [one, a],
        [two, b],
      ] as const) {
        await host.controller.connect("plain", sandbox.name);
      }
      const address = await addressOf(two, b.sandbox, "plain");
      await reached(a, { address });
      await inside(two.host, "ip", "xfrm", "state", "flush");
      expect(await reaches(a.sandbox, address)).toBe(true);
      await reached(a, b);
    }));
});
