// Several controllers on one store and host, and what one leaves to the next.

import { expect, test } from "vitest";
import { openController } from "../../../lib/network/index.ts";
import { ip } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, curl, dig, lan, reaches, serving, withLab } from "./lab.ts";

test("two take turns, and see what the other has made", () =>
  withLab(async (lab) => {
    const { host, store, controller, named } = lab;
    await using other = await openController({ host, store, name: "lab" });
    await controller.createNetwork({ name: "web" });
    expect((await other.listNetworks()).map(({ name }) => name)).toEqual(["web"]);
    const words = Array.from({ length: 20 }, (_, number) => `s${number}`);
    await Promise.all(
      words.map((word, number) =>
        (number % 2 === 0 ? controller : other).createSandbox({
          ...{ name: named(word), networks: ["web"], ports: ["80"] },
        }),
      ),
    );
    const all = await controller.listSandboxes();
    expect(all.map(({ name }) => name)).toEqual(words.map(named).toSorted());
    const ports = all.flatMap((one) => one.ports.map(({ hostPort }) => hostPort));
    expect(new Set(ports).size).toBe(20);
    const { connections } = await other.inspectNetwork("web");
    expect(new Set(connections.flatMap(({ endpoint }) => endpoint.addresses)).size).toBe(20);
    expect(await other.plan()).toEqual([]);
    expect(await controller.plan()).toEqual([]);
    // Names of what the other has made are served, too.
    const s1 = await lab.open(await controller.inspectSandbox(named("s1")));
    expect(await dig(s1, named("s2"))).toHaveLength(1);
    const code = await refused(() => other.createSandbox({ name: named("s0") }));
    expect(code).toEqual({ code: "SANDBOX_EXISTS" });
  }));

test("the next serves names when the first is closed, and all goes on meanwhile", () =>
  withLab(async (lab) => {
    const { host, world, store, named } = lab;
    const first = await openController({ host, store, name: "second-plan", table: "second" });
    await first.createNetwork({ name: "web", subnets: [{ subnet: "10.50.0.0/24" }] });
    const networks = ["web"];
    await first.createSandbox({ name: named("a"), networks, ports: ["8080:80"] });
    await first.createSandbox({ name: named("b"), networks });
    const next = await openController({ host, store, name: "second-plan", table: "second" });
    const a = Object.assign(await next.openSandbox(named("a")), { name: named("a") });
    try {
      expect(await dig(a, named("b"))).toEqual(["10.50.0.3"]);
      await first.close();
      expect(await refused(() => first.createNetwork({ name: "more" }))).toBeDefined();
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
      });
      expect(await reaches(a, "10.50.0.3")).toBe(true);
      await expect.poll(() => dig(a, named("b")), { timeout: 5000 }).toEqual(["10.50.0.3"]);
      await next.createSandbox({ name: named("c"), networks });
      expect(await dig(a, named("c"))).toEqual(["10.50.0.4"]);
    } finally {
      await a.close();
      await next.purge();
      await next.close();
      await first.close();
    }
    expect(await addressOn(lab, a, "web").catch(() => "gone")).toBe("gone");
  }));

test("what one removes, the other does not keep alive", () =>
  withLab(async ({ host, store, controller, named }) => {
    await using other = await openController({ host, store, name: "lab" });
    await other.createNetwork({ name: "web" });
    const name = named("a");
    await other.createSandbox({ name, networks: ["web"] });
    // It looks into it, and serves names there.
    expect(await controller.plan()).toEqual([]);
    // A link of somebody else in there goes with the namespace, not with the sandbox.
    await ip(host, "link", "add", "near0", "type", "veth", "peer", "far0", "netns", name);
    const links = async () => (await ip(host, "link")).map(({ ifname }) => ifname);
    expect(await links()).toContain("near0");
    await other.deleteSandbox(name);
    await expect.poll(links, { timeout: 10_000 }).not.toContain("near0");
  }));

test("plans of two names on one host, with tables of their own, do not meddle", () =>
  withLab(async (lab) => {
    const { host, store, controller, create, named } = lab;
    await controller.createNetwork({ name: "web" });
    const a = await create("a", { networks: ["web"] });
    const other = await openController({ host, store, name: "other", table: "other" });
    try {
      // The host's own routes, which the first network's is now, are not for others.
      const theirs = await other.createNetwork({ name: "web" });
      expect(theirs.subnets[0]?.subnet).toBe("172.18.0.0/16");
      await other.createSandbox({ name: named("b"), networks: ["web"] });
      expect(await controller.plan()).toEqual([]);
      expect(await other.plan()).toEqual([]);
    } finally {
      await other.purge();
      await other.close();
    }
    expect(await reaches(a, lan.world)).toBe(true);
    expect(await controller.plan()).toEqual([]);
  }));
