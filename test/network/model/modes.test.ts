// Sandboxes without networks of their own: none, host, those that join others, and adopted ones.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { exec } from "../../../lib/index.ts";
import { ip, withSandboxes } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, curl, fileIn, reaches, serving, withLab } from "./lab.ts";

const run = promisify(execFile);

/** The inode of the network namespace that a program in a sandbox is in. */
const identityOf = async (sandbox: Parameters<typeof exec>[0]) =>
  (await exec(sandbox, "readlink", ["/proc/self/ns/net"])).stdout.trim();

describe("none", () => {
  test("has its own namespace with lo, up, and nothing else", () =>
    withLab(async ({ create, controller }) => {
      const a = await create("a", { mode: "none" });
      const links = await ip(a, "addr");
      expect(links).toMatchObject([
        { ifname: "lo", addr_info: [{ local: "127.0.0.1" }, { local: "::1" }] },
      ]);
      expect(await reaches(a, "127.0.0.1")).toBe(true);
      expect(await reaches(a, "172.17.0.1", 1)).toBe(false);
      expect(await fileIn(a, "/etc/resolv.conf")).toContain("corp.example");
      expect(await fileIn(a, "/etc/hosts")).not.toMatch(/^172/m);
      expect((await controller.inspectSandbox(a.name)).mode).toBe("none");
    }));

  test("can leave none, and be connected then", () =>
    withLab(async ({ create, controller }) => {
      const a = await create("a", { mode: "none" });
      expect(await refused(() => controller.connect("bridge", a.name))).toEqual({
        code: "MODE_CONFLICT",
      });
      await controller.disconnect("none", a.name);
      await controller.connect("bridge", a.name);
      expect(await reaches(a, "172.17.0.1")).toBe(true);
    }));

  test("publishes no ports", () =>
    withLab(async ({ controller, named }) => {
      for (const mode of ["none", "host"] as const) {
        const options = { name: named("a"), mode, ports: ["8080:80"] };
        expect(await refused(() => controller.createSandbox(options))).toEqual({
          code: "MODE_CONFLICT",
        });
      }
    }));
});

describe("host", () => {
  test("is the host's own namespace", () =>
    withLab(async ({ host, controller, create }) => {
      const a = await create("a", { mode: "host" });
      expect(await identityOf(a)).toBe(await identityOf(host));
      expect(await refused(() => controller.connect("bridge", a.name))).toEqual({
        code: "MODE_CONFLICT",
      });
      await controller.deleteSandbox(a.name);
      expect(await ip(host, "link", "show", "lan0")).toHaveLength(1);
    }));

  test("is the host's own namespace, where that has no name", () =>
    withSandboxes(1, async () => {
      const { createNamespace } = await import("../../../lib/index.ts");
      const { openController, openMemoryStore } = await import("../../../lib/network/index.ts");
      await using host = await createNamespace();
      await using store = openMemoryStore();
      await using controller = await openController({ host, store, name: "lab" });
      const name = `vethwork-${process.pid}-nameless`;
      await controller.createSandbox({ name, mode: "host" });
      await using a = await controller.openSandbox(name);
      expect(await identityOf(a)).toBe(await identityOf(host));
      await controller.createSandbox({ name: `${name}-2`, joins: name });
      await using b = await controller.openSandbox(`${name}-2`);
      expect(await identityOf(b)).toBe(await identityOf(host));
      await controller.purge();
    }));
});

describe("a sandbox that joins another", () => {
  test("shares namespace, files and loopback", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "web" });
      const a = await create("a", { networks: ["web"] });
      const b = await create("b", { joins: a.name });
      expect(await identityOf(b)).toBe(await identityOf(a));
      await serving(a, 8000, async () => {
        const { stdout } = await exec(b, "curl", ["-sS", "http://127.0.0.1:8000/"]);
        expect(stdout).toBe("127.0.0.1");
      });
      const described = await controller.inspectSandbox(b.name);
      expect(described).toMatchObject({ mode: "container", joins: a.planned.id, connections: [] });
      expect((await controller.inspectSandbox(a.name)).joinedBy).toEqual([named("b")]);
      const inUse = { code: "SANDBOX_IN_USE", conflict: named("b") };
      expect(await refused(() => controller.deleteSandbox(a.name))).toEqual(inUse);
      await controller.deleteSandbox(b.name);
      expect(await reaches(a, "172.17.0.1")).toBe(true);
    }));

  test("joins the first, where that has joined, too", () =>
    withLab(async ({ create, controller }) => {
      const a = await create("a", { mode: "none" });
      const b = await create("b", { joins: a.name });
      const c = await create("c", { joins: b.name });
      expect(await identityOf(c)).toBe(await identityOf(a));
      expect((await controller.inspectSandbox(c.name)).joins).toBe(a.planned.id);
      await controller.deleteSandbox(b.name);
      expect(await identityOf(c)).toBe(await identityOf(a));
    }));

  test("has neither networks nor ports, nor settings of its own", () =>
    withLab(async ({ create, controller, named }) => {
      const a = await create("a");
      const more = [
        { networks: ["bridge"] },
        { ports: ["80"] },
        { sysctls: { "net.ipv4.tcp_syncookies": "0" } },
        { mode: "none" as const },
      ];
      for (const one of more) {
        const options = { name: named("b"), joins: a.name, ...one };
        expect(await refused(() => controller.createSandbox(options))).toEqual({
          code: "MODE_CONFLICT",
        });
      }
      const lost = { name: named("b"), joins: named("x") };
      expect(await refused(() => controller.createSandbox(lost))).toEqual({
        code: "SANDBOX_MISSING",
      });
      expect(await controller.listSandboxes()).toHaveLength(1);
    }));
});

describe("a namespace of somebody else", () => {
  test("is adopted by its name, and stays as it was afterwards", () =>
    withLab(async (lab) => {
      const { controller, named, open, world } = lab;
      const name = named("theirs");
      await run("ip", ["netns", "add", name]);
      try {
        await run("ip", ["-n", name, "link", "add", "eth0", "type", "bridge"]);
        await controller.createNetwork({ name: "web" });
        const a = await open(
          await controller.adoptSandbox({
            ...{ name: named("a"), namespace: { name }, networks: ["web"], ports: ["8080:80"] },
          }),
        );
        const seen = Object.assign(a, { name });
        expect((await ip(seen, "link")).map(({ ifname }) => ifname)).toEqual([
          "lo",
          "eth0",
          "eth1",
        ]);
        expect(await reaches(seen, "172.17.0.1")).toBe(true);
        await serving(seen, 80, async () => {
          expect(await curl(world, "198.51.100.2", 8080)).toBe("198.51.100.1");
        });
        await controller.deleteSandbox(named("a"));
        expect((await ip(seen, "link")).map(({ ifname }) => ifname)).toEqual(["lo", "eth0"]);
        expect(await ip(seen, "route")).toEqual([]);
      } finally {
        await run("ip", ["netns", "delete", name]);
      }
    }));

  test("is adopted by a process that is inside, and by a path", () =>
    withLab(async (lab) => {
      const { controller, named } = lab;
      const child: ChildProcess = spawn("unshare", ["--net", "sleep", "60"], { stdio: "ignore" });
      try {
        await once(child, "spawn");
        const { pid } = child;
        if (pid === undefined) throw new Error("unshare has no process id");
        const own = (await run("readlink", ["/proc/self/ns/net"])).stdout;
        const theirs = async () => (await run("readlink", [`/proc/${pid}/ns/net`])).stdout;
        while ((await theirs()) === own) await new Promise((resolve) => setTimeout(resolve, 5));
        await controller.adoptSandbox({
          ...{ name: named("a"), namespace: { pid }, networks: ["bridge"] },
        });
        const { stdout } = await run("nsenter", ["-t", `${pid}`, "-n", "ip", "-j", "link"]);
        const links = JSON.parse(stdout).map(({ ifname }: { ifname: string }) => ifname);
        expect(links).toEqual(["lo", "eth0"]);
        await controller.deleteSandbox(named("a"));
        const path = `/proc/${pid}/ns/net`;
        await controller.adoptSandbox({ name: named("b"), namespace: { path } });
        expect((await controller.inspectSandbox(named("b"))).namespace).toEqual({ path });
        await controller.connect("bridge", named("b"));
        await controller.deleteSandbox(named("b"));
        expect(child.exitCode).toBeNull();
      } finally {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    }));

  test("has to be there; one of a new sandbox's name must not", () =>
    withLab(async (lab) => {
      const { controller, named } = lab;
      const missing = { code: "NAMESPACE_MISSING" };
      for (const namespace of [{ name: named("x") }, { path: "/nowhere" }, { pid: 2 ** 22 - 1 }]) {
        const options = { name: named("a"), namespace };
        expect(await refused(() => controller.adoptSandbox(options))).toEqual(missing);
      }
      const name = named("theirs");
      await run("ip", ["netns", "add", name]);
      try {
        expect(await refused(() => controller.createSandbox({ name }))).toEqual({
          code: "NAMESPACE_EXISTS",
        });
        const { stdout } = await run("ip", ["netns", "list"]);
        expect(stdout).toContain(name);
      } finally {
        await run("ip", ["netns", "delete", name]);
      }
      expect(await controller.listSandboxes()).toEqual([]);
      expect(await addressOn(lab, { name } as never, "bridge").catch(() => "gone")).toBe("gone");
    }));
});
