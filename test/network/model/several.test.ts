// Sandboxes on several networks, connected and disconnected while they run.

import { describe, expect, test } from "vitest";
import { ip } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, defaultsOf, dig, fileIn, lan, reaches, withLab } from "./lab.ts";

test("three sandboxes on two networks reach each other where they share one", () =>
  withLab(async (lab) => {
    const { controller, create, named } = lab;
    await controller.createNetwork({ name: "bridge_0" });
    const zero = await create("0", { networks: ["bridge_0"] });
    const one = await create("1", { networks: ["bridge_0"] });
    const two = await create("2");
    await controller.connect("bridge", one.name);
    const on = (sandbox: typeof zero, network: string) => addressOn(lab, sandbox, network);
    expect(await reaches(zero, await on(one, "bridge_0"))).toBe(true);
    expect(await reaches(one, await on(zero, "bridge_0"))).toBe(true);
    expect(await reaches(one, await on(two, "bridge"))).toBe(true);
    expect(await reaches(two, await on(one, "bridge"))).toBe(true);
    expect(await reaches(zero, await on(two, "bridge"), 1)).toBe(false);
    expect(await reaches(zero, await on(one, "bridge"), 1)).toBe(false);
    expect(await reaches(two, await on(zero, "bridge_0"), 1)).toBe(false);
    // Names are those of the user's network alone; on the other one there is no server.
    expect(await dig(zero, named("1"))).toEqual([await on(one, "bridge_0")]);
    expect(await dig(one, named("0"))).toEqual([await on(zero, "bridge_0")]);
    expect(await dig(one, named("2"))).toEqual([]);
    expect(await fileIn(two, "/etc/resolv.conf")).not.toContain("127.0.0.11");
    // The gateways of both bridges are the host itself.
    for (const gateway of ["172.17.0.1", "172.18.0.1", lan.host]) {
      expect(await reaches(zero, gateway)).toBe(true);
    }
  }));

describe("a sandbox", () => {
  test("gets links while it runs, the lowest free number each, and loses them", () =>
    withLab(async ({ controller, create }) => {
      for (const name of ["n1", "n2", "n3"]) await controller.createNetwork({ name });
      const a = await create("a", { networks: ["n1"] });
      await controller.connect("n2", a.name);
      const links = async () => (await ip(a, "link")).map(({ ifname }) => ifname);
      expect(await links()).toEqual(["lo", "eth0", "eth1"]);
      await controller.disconnect("n1", a.name);
      expect(await links()).toEqual(["lo", "eth1"]);
      await controller.connect("n3", a.name);
      expect((await links()).toSorted()).toEqual(["eth0", "eth1", "lo"]);
      await controller.disconnect("n2", a.name);
      await controller.disconnect("n3", a.name);
      expect(await links()).toEqual(["lo"]);
      expect((await controller.inspectSandbox(a.name)).connections).toEqual([]);
      await controller.connect("n1", a.name);
      expect(await links()).toEqual(["lo", "eth0"]);
    }));

  test("has one default route: by the first of the names, chosen anew each time", () =>
    withLab(async ({ controller, create }) => {
      for (const name of ["mmm", "zzz", "aaa"]) await controller.createNetwork({ name });
      const inner = await controller.createNetwork({ name: "a-internal", internal: true });
      expect(inner.internal).toBe(true);
      const a = await create("a", { networks: ["mmm"] });
      expect(await defaultsOf(a)).toEqual(["172.17.0.1 eth0"]);
      await controller.connect("zzz", a.name);
      expect(await defaultsOf(a)).toEqual(["172.17.0.1 eth0"]);
      await controller.connect("aaa", a.name);
      expect(await defaultsOf(a)).toEqual(["172.19.0.1 eth2"]);
      await controller.connect("a-internal", a.name);
      expect(await defaultsOf(a)).toEqual(["172.19.0.1 eth2"]);
      await controller.disconnect("aaa", a.name);
      expect(await defaultsOf(a)).toEqual(["172.17.0.1 eth0"]);
      await controller.disconnect("mmm", a.name);
      expect(await defaultsOf(a)).toEqual(["172.18.0.1 eth1"]);
      await controller.disconnect("zzz", a.name);
      expect(await defaultsOf(a)).toEqual([]);
    }));

  test("has it by the highest priority first", () =>
    withLab(async ({ controller, create }) => {
      for (const name of ["aaa", "zzz"]) await controller.createNetwork({ name });
      const a = await create("a", { networks: ["aaa"] });
      await controller.connect("zzz", a.name, { gatewayPriority: 1 });
      expect(await defaultsOf(a)).toEqual(["172.18.0.1 eth1"]);
      const { connections } = await controller.inspectSandbox(a.name);
      expect(connections.map(({ gateways }) => gateways)).toEqual([[], ["172.18.0.1"]]);
    }));

  test("is in its hosts file once for each network", () =>
    withLab(async ({ controller, create }) => {
      for (const name of ["n1", "n2"]) await controller.createNetwork({ name });
      const a = await create("a", { networks: ["n1"], hostname: "me" });
      await controller.connect("n2", a.name);
      const own = async () => (await fileIn(a, "/etc/hosts")).match(/^172.*$/gm);
      expect(await own()).toEqual(["172.17.0.2\tme", "172.18.0.2\tme"]);
      await controller.disconnect("n1", a.name);
      expect(await own()).toEqual(["172.18.0.2\tme"]);
    }));

  test("keeps what others put in it", () =>
    withLab(async ({ controller, create }) => {
      await controller.createNetwork({ name: "n1" });
      const a = await create("a", { mode: "none" });
      const { execFile } = await import("node:child_process");
      const { promisify } = await import("node:util");
      const run = promisify(execFile);
      await run("ip", ["-n", a.name, "link", "add", "mine", "type", "bridge"]);
      await controller.disconnect("none", a.name);
      await controller.connect("n1", a.name);
      await controller.disconnect("n1", a.name);
      expect((await ip(a, "link")).map(({ ifname }) => ifname)).toEqual(["lo", "mine"]);
    }));

  test("gives its address back, which the next one gets", () =>
    withLab(async ({ controller, create }) => {
      await controller.createNetwork({ name: "n1" });
      const a = await create("a", { networks: ["n1"] });
      await create("b", { networks: ["n1"] });
      await controller.disconnect("n1", a.name);
      const c = await create("c", { networks: ["n1"] });
      expect(await ip(c, "-4", "addr", "show", "eth0")).toMatchObject([
        { addr_info: [{ local: "172.17.0.2" }] },
      ]);
    }));

  test("is connected with a network once, and to one that there is", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "n1" });
      const a = await create("a", { networks: ["n1"] });
      const codes = async (work: () => Promise<unknown>) => (await refused(work))?.code;
      expect(await codes(() => controller.connect("n1", a.name))).toBe("ENDPOINT_EXISTS");
      expect(await codes(() => controller.connect("n2", a.name))).toBe("NETWORK_MISSING");
      expect(await codes(() => controller.connect("n1", named("x")))).toBe("SANDBOX_MISSING");
      expect(await codes(() => controller.disconnect("n2", a.name))).toBe("ENDPOINT_MISSING");
      const twice = { name: named("b"), networks: ["n1", "n1"] };
      expect(await codes(() => controller.createSandbox(twice))).toBe("ENDPOINT_EXISTS");
      expect((await controller.listSandboxes()).map(({ name }) => name)).toEqual([a.name]);
    }));
});
