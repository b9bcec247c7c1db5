// `vethwork doctor`: each thing that can be wrong, brought about by others' programs.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { createNamespace } from "../../lib/index.ts";
import { openController, openMemoryStore } from "../../lib/network/index.ts";
import { needs } from "../support/features.ts";
import { inside, ip } from "../support/sandbox.ts";
import { type Desk, type Json, main, withDesk } from "./support.ts";

const run = promisify(execFile);

/** A network that nothing is wrong with. */
async function makeWell({ host, get }: Desk): Promise<string> {
  if (existsSync("/proc/sys/net/bridge")) {
    await inside(host, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0");
  }
  const id = await get("network create", "--subnet", "10.70.0.0/16", "web");
  return `br-${id.slice(0, 12)}`;
}

/**
 * Without the namespaces of tests that run at the same time, whose plans are in other stores.
 */
function ownOf(found: readonly Json[], { named }: Desk): Json[] {
  return found.filter(
    ({ subject }) => !subject.startsWith("the namespace ") || subject.includes(` ${named("")}`),
  );
}

/** What it finds: code and level of each, and all of it. */
async function diagnose(desk: Desk) {
  const { code, stdout, stderr } = await desk.call("doctor", "--format", "json");
  const found = ownOf(JSON.parse(stdout), desk);
  expect(stderr).toBe("");
  expect(code).toBe(found.some(({ level }) => level === "error") ? 1 : 0);
  for (const { subject, problem, fix } of found) {
    for (const text of [subject, problem, fix]) expect(text).toMatch(/\w/);
  }
  return { found, brief: found.map((one) => `${one.level} ${one.code}`) };
}

/** Runs the first command of a fix that is in a namespace of the host. */
async function follow({ host }: Desk, command: string): Promise<void> {
  await inside(host, "sh", "-c", command);
}

describe("vethwork doctor", () => {
  test("finds nothing on a host that is well, nor on one without networks", () =>
    withDesk(async (desk) => {
      expect((await diagnose(desk)).found).toEqual([]);
      await makeWell(desk);
      await inside(desk.host, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1");
      expect((await diagnose(desk)).found).toEqual([]);
      const { code, stdout } = await desk.call("doctor");
      expect(code).toBe(0);
      expect(stdout.replaceAll(/^warning: the namespace .*\n {2}.*\n/gm, "")).toMatch(
        /^(nothing found\n)?$/,
      );
    }));

  test("tells of what is not as planned, and mends it if it is told to", () =>
    withDesk(async (desk) => {
      const { host, call, get, named } = desk;
      const bridge = await makeWell(desk);
      await get("sandbox create", "--name", named("a"), "--network", "web");
      await inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=0");
      await inside(host, "nft", "flush", "table", "inet", "vethwork");
      await ip(host, "link", "set", bridge, "down");
      const { brief } = await diagnose(desk);
      expect(brief.toSorted()).toEqual([
        ...["error FORWARDING_OFF", "error NAMES_UNSERVED", "error PLAN_DIFFERS"],
        "error TABLE_DIFFERS",
      ]);
      const { code, stdout } = await call("doctor", "--repair");
      expect(code).toBe(1);
      expect(stdout).toContain(`mended: network "web": ${bridge} is down; it is raised\n`);
      expect((await diagnose(desk)).brief).toEqual(["error NAMES_UNSERVED"]);
      expect(await inside(host, "cat", "/proc/sys/net/ipv4/ip_forward")).toBe("1\n");
    }));

  test("tells that nobody serves names, until somebody does", () =>
    withDesk(async (desk) => {
      const { get, named, start } = desk;
      await makeWell(desk);
      await get("sandbox create", "--name", named("plain"), "--network", "none");
      expect((await diagnose(desk)).found).toEqual([]);
      await get("sandbox create", "--name", named("a"), "--network", "web");
      const { found } = await diagnose(desk);
      expect(found).toMatchObject([{ code: "NAMES_UNSERVED", level: "error" }]);
      expect(found[0].problem).toContain(named("a"));
      await start("serve").said("serving");
      expect((await diagnose(desk)).found).toEqual([]);
    }));

  test("tells of chains that drop what networks send, with rules that can be copied", () =>
    withDesk(async (desk) => {
      const { host } = desk;
      await makeWell(desk);
      const chain = "{ type filter hook forward priority 10; policy drop; }";
      await inside(host, "nft", "add", "table", "ip", "theirs");
      await inside(host, "nft", "add", "chain", "ip", "theirs", "forward", chain);
      await inside(host, "nft", "add", "table", "ip6", "theirs");
      await inside(host, "nft", "add", "chain", "ip6", "theirs", "forward", chain);
      const { found, brief } = await diagnose(desk);
      // The network has no IPv6.
      expect(brief).toEqual(["error FOREIGN_DROP"]);
      expect(found[0].subject).toBe("the chain ip theirs forward");
      const commands = found[0].fix.slice(found[0].fix.indexOf("nft "));
      await follow(desk, commands);
      expect(await inside(host, "nft", "list", "chain", "ip", "theirs", "forward")).toMatch(
        /oifname "br-\w+" accept\s+iifname "br-\w+" accept|iifname "br-\w+" accept\s+oifname/,
      );
      expect((await diagnose(desk)).brief).toEqual(["warning FOREIGN_DROP"]);
    }));

  test("tells that bridges go through the host's firewalls", (context) =>
    withDesk(async (desk) => {
      if (!existsSync("/proc/sys/net/bridge")) context.skip("without br_netfilter");
      await makeWell(desk);
      await inside(desk.host, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1");
      const { found, brief } = await diagnose(desk);
      expect(brief).toEqual(["warning BRIDGE_FILTERED"]);
      await follow(desk, found[0].fix.split(",")[0]);
      expect((await diagnose(desk)).found).toEqual([]);
    }));

  test("tells of routes that take a network's packets, or lose some to it", () =>
    withDesk(async (desk) => {
      const { host } = desk;
      await makeWell(desk);
      await ip(host, "link", "add", "vpn0", "up", "type", "veth", "peer", "vpn1");
      await ip(host, "route", "add", "10.0.0.0/8", "dev", "vpn0");
      expect((await diagnose(desk)).brief).toEqual(["warning ROUTE_OVERLAP"]);
      await ip(host, "route", "add", "10.70.3.0/24", "dev", "vpn0");
      await ip(host, "route", "add", "10.71.0.0/24", "dev", "vpn0");
      const { found } = await diagnose(desk);
      expect(found.map(({ level, problem }) => [level, problem])).toEqual([
        [...["error", expect.stringContaining("10.70.3.0/24 by vpn0 takes packets")]],
        ["warning", expect.stringContaining("hides a part of")],
      ]);
    }));

  test("tells of links and namespaces of a plan that was lost", () =>
    withDesk(async (desk) => {
      const { host, options, get, call, named } = desk;
      const bridge = await makeWell(desk);
      await get("sandbox create", "--name", named("a"), "--network", "web");
      const [, , , directory = ""] = options;
      // Another host in the same store knows nothing of the first, and tells nothing of its things.
      const other = ["--host", desk.world.name, "--store", directory];
      const line = [main, "doctor", "--format", "json", ...other];
      const { stdout } = await run(process.execPath, line);
      expect(ownOf(JSON.parse(stdout), desk)).toEqual([]);
      await ip(host, "link", "add", "veth0123abc", "master", bridge, "type", "veth");
      expect((await diagnose(desk)).found).toContainEqual(
        expect.objectContaining({ code: "ORPHAN", subject: "the link veth0123abc" }),
      );
      const lost = [...options.slice(0, 3), `${directory}-new`];
      const orphans = async () => {
        const line = [main, "doctor", "--format", "json", ...lost];
        const { stdout } = await run(process.execPath, line).catch((error) => error);
        return ownOf(JSON.parse(stdout), desk).filter(({ code }) => code === "ORPHAN");
      };
      const found = await orphans();
      expect(found.map(({ subject }: { subject: string }) => subject)).toEqual([
        ...[`the link ${bridge}`, `the namespace ${named("a")}`],
      ]);
      for (const { fix } of found) {
        const command = fix.slice(fix.indexOf("ip "));
        if (command.startsWith("ip link")) await follow(desk, command);
        else await run("sh", ["-c", command]);
      }
      expect(await orphans()).toEqual([]);
      expect(existsSync(`/etc/netns/${named("a")}`)).toBe(false);
      // The first plan still has them, and makes them again.
      expect(await call("doctor", "--repair")).toMatchObject({ code: 1 });
    }));

  test("gives commands that a shell takes as they are meant, whatever names there are", () =>
    withDesk(async (desk) => {
      const name = `${desk.named("x")} ;touch '\x1b`;
      await mkdir(`/etc/netns/${name}`, { recursive: true });
      await writeFile(`/etc/netns/${name}/hosts`, "# Written by vethwork.\n");
      await run("ip", ["netns", "add", name]);
      const { found } = await diagnose(desk);
      expect(found).toMatchObject([{ code: "ORPHAN", subject: `the namespace ${name}` }]);
      expect((await desk.call("doctor")).stdout).not.toContain("\x1b");
      await run("sh", ["-c", found[0].fix.slice(found[0].fix.indexOf("ip netns"))]);
      expect(existsSync(`/etc/netns/${name}`)).toBe(false);
      expect((await diagnose(desk)).found).toEqual([]);
    }));

  test("tells of missing capabilities, and then of nothing else", () =>
    withDesk(async (desk) => {
      const { host, options } = desk;
      await makeWell(desk);
      await inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=0");
      const codeOf = async (...dropped: string[]) => {
        const bounding = dropped.map((capability) => `-${capability}`).join(",");
        // Inside the host: opening another namespace needs the capability itself.
        const line = ["setpriv", `--bounding-set=${bounding}`, `--inh-caps=${bounding}`];
        const call = [process.execPath, main, "doctor", "--format", "json", ...options.slice(2)];
        const plan = ["ip", "netns", "exec", host.name, ...line, ...call];
        const { code, stdout } = await run(plan[0] ?? "", plan.slice(1)).catch((error) => error);
        expect(code).toBe(1);
        return JSON.parse(stdout).map(({ problem }: { problem: string }) => problem);
      };
      expect(await codeOf("net_admin")).toEqual(["it does not have CAP_NET_ADMIN"]);
      expect(await codeOf("sys_admin")).toEqual(["it does not have CAP_SYS_ADMIN"]);
    }));

  test("tells of capabilities that do not reach the host's namespace", async (context) => {
    await needs("user-namespace", context);
    await withDesk(async ({ options }) => {
      const line = [process.execPath, main, "doctor", ...options, "--format", "json"];
      const { code, stdout } = await run("unshare", ["-Ur", ...line]).catch((error) => error);
      expect(code).toBe(1);
      const belong = "but not where the network namespaces of process and host belong";
      expect(JSON.parse(stdout).map(({ problem }: Json) => problem)).toEqual([
        `it has CAP_NET_ADMIN, ${belong}`,
        `it has CAP_SYS_ADMIN, ${belong}`,
      ]);
    });
  });
});

describe("Controller.doctor", () => {
  test("tells the same to programs, and nothing about names that it serves itself", async () => {
    await using host = await createNamespace();
    await using store = openMemoryStore();
    await using controller = await openController({ host, store, name: "doctor" });
    await controller.createNetwork({ name: "web" });
    const name = `vethwork-${process.pid}-doctor`;
    await controller.createSandbox({ name, networks: ["web"] });
    // Sandboxes of other tests, that run beside this one, are in no plan that it knows.
    const own = async () =>
      (await controller.doctor()).filter(
        ({ code, subject }) => code !== "ORPHAN" || subject.includes(`-${process.pid}-`),
      );
    try {
      expect((await own()).filter(({ code }) => code !== "BRIDGE_FILTERED")).toEqual([]);
    } finally {
      await controller.purge();
    }
    expect(await own()).toEqual([]);
  });
});
