// Damage that others do to a host: seen by plan(), mended by reconcile(), proved by real packets.

import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { inside, ip } from "../../support/sandbox.ts";
import {
  addressOn,
  curl,
  dig,
  fileIn,
  type Lab,
  lan,
  type Placed,
  reaches,
  serving,
  withLab,
} from "./lab.ts";

const run = promisify(execFile);

/** A host with a network, two sandboxes on it, and a published port. */
interface Scene extends Lab {
  readonly a: Placed;
  readonly b: Placed;
  readonly bridge: string;
  readonly port: string;
}

/** What somebody does, and a word that the problem is told with. */
type Damage = [what: string, damage: (scene: Scene) => Promise<unknown>, told: RegExp];

const damages: Damage[] = [
  [
    "the bridge is deleted",
    ({ host, bridge }) => inside(host, "ip", "link", "del", bridge),
    /gone/,
  ],
  [
    "the bridge is down",
    ({ host, bridge }) => inside(host, "ip", "link", "set", bridge, "down"),
    /down/,
  ],
  [
    "the bridge loses its address",
    ({ host, bridge }) => inside(host, "ip", "addr", "flush", "dev", bridge),
    /lacks the address/,
  ],
  ["a port is deleted", ({ host, port }) => inside(host, "ip", "link", "del", port), /gone/],
  [
    "a port is taken out of the bridge",
    ({ host, port }) => inside(host, "ip", "link", "set", port, "nomaster"),
    /no port/,
  ],
  ["a port is down", ({ host, port }) => inside(host, "ip", "link", "set", port, "down"), /down/],
  ["a sandbox's link is down", ({ a }) => inside(a, "ip", "link", "set", "eth0", "down"), /down/],
  [
    "a sandbox loses its address",
    ({ a }) => inside(a, "ip", "-4", "addr", "flush", "dev", "eth0"),
    /addresses/,
  ],
  [
    "a sandbox loses its default route",
    ({ a }) => inside(a, "ip", "route", "del", "default"),
    /default route/,
  ],
  ["the rules are flushed", ({ host }) => inside(host, "nft", "flush", "ruleset"), /table|rule/],
  [
    "our table is deleted",
    ({ host }) => inside(host, "nft", "delete", "table", "inet", "vethwork"),
    /table/,
  ],
  [
    "a published port is taken out",
    ({ host }) => inside(host, "nft", "flush", "map", "inet", "vethwork", "ports4"),
    /port/,
  ],
  [
    "forwarding is off",
    ({ host }) => inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=0"),
    /ip_forward/,
  ],
  [
    "the hosts file is overwritten",
    ({ a }) => writeFile(`/etc/netns/${a.name}/hosts`, "127.0.0.1 x\n"),
    /hosts/,
  ],
  [
    "the files are gone",
    ({ a }) => rm(`/etc/netns/${a.name}`, { recursive: true }),
    /resolv\.conf/,
  ],
  [
    "the questions for names are not led on",
    ({ a }) => inside(a, "nft", "flush", "ruleset"),
    /name/,
  ],
];

async function works(scene: Scene): Promise<void> {
  const { host, world, a, b } = scene;
  expect(await reaches(b, await addressOn(scene, a, "web"))).toBe(true);
  expect(await reaches(a, lan.world)).toBe(true);
  expect(await dig(a, b.name)).toEqual([await addressOn(scene, b, "web")]);
  expect(await dig(b, a.name)).toEqual([await addressOn(scene, a, "web")]);
  expect(await fileIn(a, "/etc/hosts")).toContain("172.17.0.2");
  await serving(a, 80, async () => {
    expect(await curl(world, lan.host, 8080)).toBe(lan.world);
    expect(await curl(host, "127.0.0.1", 8080)).toBe("172.17.0.1");
    expect(await curl(a, lan.host, 8080)).toBe("172.17.0.1");
  });
}

async function withScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  await withLab(async (lab) => {
    await lab.controller.createNetwork({ name: "web" });
    const a = await lab.create("a", { networks: ["web"], ports: ["8080:80"] });
    const b = await lab.create("b", { networks: ["web"] });
    const [connection] = (await lab.controller.inspectSandbox(a.name)).connections;
    const { network, endpoint } = connection ?? {};
    const bridge = String(network?.settings.link);
    await test({ ...lab, a, b, bridge, port: endpoint?.hostLink?.name ?? "" });
  });
}

test.each(damages)("%s", { timeout: 30_000 }, (_, damage, told) =>
  withScene(async (scene) => {
    const { controller } = scene;
    expect(await controller.plan()).toEqual([]);
    await damage(scene);
    const before = await ip(scene.host, "link");
    const planned = await controller.plan();
    expect(planned.map(({ problem }) => problem).join("; ")).toMatch(told);
    expect((await ip(scene.host, "link")).map(({ ifname }) => ifname)).toEqual(
      before.map(({ ifname }) => ifname),
    );
    const repairs = await controller.reconcile();
    expect(repairs.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(repairs.length).toBeGreaterThan(0);
    expect(await controller.plan()).toEqual([]);
    await works(scene);
  }),
);

test("a namespace is deleted: it comes again, with all that it had", () =>
  withScene(async (scene) => {
    const { controller, a, open } = scene;
    await run("ip", ["netns", "delete", a.name]);
    expect((await controller.plan())[0]?.problem).toMatch(/namespace is gone/);
    await controller.reconcile();
    expect(await controller.plan()).toEqual([]);
    const again = await open(a.planned);
    await works({ ...scene, a: again });
  }));

test("what others have on the host is no damage, and stays", () =>
  withScene(async (scene) => {
    const { host, controller } = scene;
    await inside(host, "nft", "add", "table", "inet", "theirs");
    await inside(host, "ip", "link", "add", "dev", "theirs", "type", "bridge");
    await inside(host, "ip", "route", "add", "10.200.0.0/24", "via", lan.world);
    expect(await controller.plan()).toEqual([]);
    expect(await controller.reconcile()).toEqual([]);
    expect(await inside(host, "nft", "list", "tables")).toContain("inet theirs");
    await inside(host, "nft", "delete", "table", "inet", "theirs");
    await inside(host, "ip", "link", "del", "theirs");
    await inside(host, "ip", "route", "del", "10.200.0.0/24");
    await works(scene);
  }));
