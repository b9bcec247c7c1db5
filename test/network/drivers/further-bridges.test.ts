// A network on several bridges: one to those who are on it, who are more than one bridge takes.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inside, ip } from "../../support/sandbox.ts";
import {
  addressOn,
  curl,
  type Lab,
  lan,
  type Placed,
  reaches,
  serving,
  withLab,
} from "../model/lab.ts";
import { refused } from "../refused.ts";
import { showBridged } from "./bridged.ts";

interface Scene extends Lab {
  readonly hub: string;
  readonly parts: readonly string[];
  /** The first two are on different bridges. */
  readonly sandboxes: readonly [Placed, Placed, ...Placed[]];
}

/** The bridge of a sandbox's port, as ip(8) sees it. */
async function masterOf({ controller, host }: Lab, sandbox: Placed): Promise<string> {
  const [connection] = (await controller.inspectSandbox(sandbox.name)).connections;
  const [port] = await ip(host, "link", "show", connection?.endpoint.hostLink?.name ?? "");
  return port.master;
}

async function withScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  await withLab(async (lab) => {
    await showBridged(lab.host, 0);
    const { id } = await lab.controller.createNetwork({
      ...{ name: "wide", ipv6: true, options: { bridges: "3", mtu: "1400" } },
    });
    const part = (n: number) => `br-${id.slice(0, 8)}-${n}`;
    const a = await lab.create("a", { networks: ["wide"], ports: ["8080:80"] });
    const others: Placed[] = [];
    const elsewhere = async (one: Placed) =>
      (await masterOf(lab, one)) !== (await masterOf(lab, a));
    // By chance; that all of so many are on one bridge does not happen.
    for (let n = 0; n < 40; n += 1) {
      others.unshift(await lab.create(`s${n}`, { networks: ["wide"] }));
      if (others[0] !== undefined && (await elsewhere(others[0]))) break;
    }
    const [b, ...more] = others;
    if (b === undefined) throw new Error("there is no other sandbox");
    const scene = { hub: `br-${id.slice(0, 12)}`, parts: [part(1), part(2)] };
    await test({ ...lab, ...scene, sandboxes: [a, b, ...more] });
  });
}

async function works(scene: Scene): Promise<void> {
  const { host, world, controller, sandboxes } = scene;
  const [a, b] = sandboxes;
  for (const position of [0, 1]) {
    expect(await reaches(b, await addressOn(scene, a, "wide", position))).toBe(true);
  }
  for (const each of sandboxes) {
    expect(await reaches(each, "172.17.0.1")).toBe(true);
    expect(await reaches(each, lan.world)).toBe(true);
  }
  await serving(a, 80, async () => {
    expect(await curl(world, lan.host, 8080)).toBe(lan.world);
    expect(await curl(host, "127.0.0.1", 8080)).toBe("172.17.0.1");
    expect(await curl(b, lan.host, 8080)).toBeDefined();
  });
  expect(await controller.plan()).toEqual([]);
}

describe("a network on several bridges", () => {
  test("is one network, whose bridges are joined to the first, without circles", () =>
    withScene(async (scene) => {
      const { host, hub, parts } = scene;
      await works(scene);
      for (const name of [hub, ...parts]) {
        const [link] = await ip(host, "addr", "show", name);
        expect(link).toMatchObject({ mtu: 1400, linkinfo: { info_kind: "bridge" } });
        // The host is on the first alone.
        if (name !== hub) expect(link.addr_info).toEqual([]);
      }
      const near = (await ip(host, "link", "show", "master", hub)).filter(({ ifname }) =>
        ifname.startsWith("bn-"),
      );
      expect(near).toHaveLength(2);
      const names = (await ip(host, "link")).map(({ ifname }) => ifname);
      await scene.controller.purge();
      const left = (await ip(host, "link")).map(({ ifname }) => ifname);
      expect(left).toEqual(["lo", "lan0"]);
      expect(names.length).toBeGreaterThan(left.length);
      await scene.controller.createNetwork({ name: "wide" });
    }));

  test("is not where bridged packets are shown to the firewall, and says so", () =>
    withScene(async ({ host, controller }) => {
      await showBridged(host, 1);
      const shown = await inside(host, "sysctl", "-a");
      if (!shown.includes("bridge-nf-call-iptables")) return;
      const options = { bridges: "2" };
      const attempt = () => controller.createNetwork({ name: "more", options });
      expect(await refused(attempt)).toEqual({ code: "OPTION_INVALID" });
      const problems = (await controller.plan()).map(({ problem }) => problem);
      expect(problems).toContain("net.bridge.bridge-nf-call-iptables is 1");
      expect((await controller.reconcile())[0]?.error).toMatchObject({ code: "DRIVER_FAILED" });
    }));

  test("is mended, whatever of it others take away", () =>
    withScene(async (scene) => {
      const { host, hub, parts, controller, sandboxes } = scene;
      const part = parts[0] ?? "";
      const [connection] = (await controller.inspectSandbox(sandboxes[0].name)).connections;
      const damages = [
        ["del", part],
        ["set", part, "down"],
        ["set", part, "mtu", "1300"],
        ["del", part.replace("br-", "bn-")],
        ["set", part.replace("br-", "bf-"), "nomaster"],
        ["set", connection?.endpoint.hostLink?.name ?? "", "nomaster"],
        ["del", hub],
      ];
      for (const damage of damages) {
        await inside(host, "ip", "link", ...damage);
        expect([damage, await controller.plan()]).not.toEqual([damage, []]);
        const repairs = await controller.reconcile();
        expect(repairs.filter(({ error }) => error !== undefined)).toEqual([]);
        await works(scene);
      }
    }));

  test("takes endpoints on any of them, until all are full", { timeout: 60_000 }, () =>
    withScene(async (scene) => {
      const { host, hub, parts, controller, create, named } = scene;
      const directory = await mkdtemp(join(tmpdir(), "vethwork-"));
      const fill = async (master: string) => {
        const present = (await ip(host, "link", "show", "master", master)).length;
        const lines = Array.from(
          { length: 1023 - present },
          (_, n) => `link add f${master.slice(-2)}${n} master ${master} group 7 type ifb`,
        );
        await writeFile(join(directory, "batch"), lines.join("\n"));
        await inside(host, "ip", "-batch", join(directory, "batch"));
      };
      try {
        await fill(hub);
        await fill(parts[0] ?? "");
        const late = [await create("x", { networks: ["wide"] })];
        for (const word of ["y", "z"]) late.push(await create(word, { networks: ["wide"] }));
        for (const each of late) {
          expect(await masterOf(scene, each)).toBe(parts[1]);
          expect(await reaches(each, await addressOn(scene, scene.sandboxes[0], "wide"))).toBe(
            true,
          );
        }
        await fill(parts[1] ?? "");
        const more = { name: named("full"), networks: ["wide"] };
        expect(await refused(() => controller.createSandbox(more))).toEqual({
          code: "NETWORK_FULL",
        });
      } finally {
        await rm(directory, { recursive: true });
        await inside(host, "ip", "link", "del", "group", "7");
      }
    }),
  );
});

test("numbers of bridges that there cannot be are refused, and isolation on several", () =>
  withLab(async ({ host, controller }) => {
    await showBridged(host, 0);
    const before = await ip(host, "link");
    for (const options of [
      { bridges: "0" },
      { bridges: "17" },
      { bridges: "two" },
      { bridges: "2", icc: "false" },
    ]) {
      const attempt = () => controller.createNetwork({ name: "wide", options });
      expect(await refused(attempt)).toEqual({ code: "OPTION_INVALID" });
    }
    expect(await ip(host, "link")).toEqual(before);
  }));
