// The command `vethwork`, as people and scripts call it.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { inside, ip, type Sandbox, withSandboxes } from "../support/sandbox.ts";

const run = promisify(execFile);
const main = "dist/cli/main.js";

/** How a call ended. */
interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function vethwork(...args: string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, [main, ...args])) };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    return { code, stdout, stderr };
  }
}

/** A host, and calls that work on it and on a plan of their own. */
interface Desk {
  readonly host: Sandbox;
  readonly options: readonly string[];
  readonly call: (command: string, ...args: string[]) => Promise<Ended>;
  /** The same, expected to succeed; gives what was printed. */
  readonly get: (command: string, ...args: string[]) => Promise<string>;
  readonly named: (word: string) => string;
}

let desks = 0;

async function withDesk(test: (desk: Desk) => Promise<void>): Promise<void> {
  await withSandboxes(1, async ([host]) => {
    desks += 1;
    const prefix = `vethwork-${process.pid}-cli${desks}-`;
    const store = await mkdtemp(join(tmpdir(), "vethwork-cli-"));
    const options = ["--host", host.name, "--store", join(store, "plan")];
    const call = (command: string, ...args: string[]) =>
      vethwork(...command.split(" "), ...options, ...args);
    const get = async (command: string, ...args: string[]) => {
      const ended = await call(command, ...args);
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      return ended.stdout;
    };
    try {
      await test({ host, options, call, get, named: (word) => prefix + word });
    } finally {
      const { stdout } = await call("sandbox ls", "--quiet");
      for (const id of stdout.split("\n").filter(Boolean)) await call("sandbox rm", id);
      const { stdout: networks } = await call("network ls", "-q", "--filter", "type=custom");
      for (const id of networks.split("\n").filter(Boolean)) await call("network rm", id);
      await rm(store, { recursive: true });
    }
  });
}

const lines = (text: string) => text.trimEnd().split("\n");

describe("vethwork network", () => {
  test("creates, lists, inspects, prunes and removes, with the flags of docker network", () =>
    withDesk(async ({ host, get }) => {
      const id = await get(
        ...["network create", "-d", "bridge", "--subnet", "10.30.0.0/16", "--gateway"],
        ...["10.30.0.254", "--ip-range", "10.30.1.0/24", "--aux-address", "printer=10.30.1.1"],
        ...["--label", "tier=front", "-o", "com.docker.network.driver.mtu=1400", "--ipv6", "web"],
      );
      expect(id).toMatch(/^[0-9a-f]{64}\n$/);
      const [inspected] = JSON.parse(await get("network inspect", "web"));
      expect(inspected).toMatchObject({
        ...{ name: "web", driver: "bridge", ipv6: true, labels: { tier: "front" } },
        subnets: [
          {
            ...{ subnet: "10.30.0.0/16", range: "10.30.1.0/24", gateway: "10.30.0.254" },
            auxiliary: { printer: "10.30.1.1" },
          },
          {},
        ],
      });
      const [link] = await ip(host, "addr", "show", `br-${id.slice(0, 12)}`);
      expect(link).toMatchObject({ mtu: 1400 });
      expect(link.addr_info[0].local).toBe("10.30.0.254");
      await get("network create", "--internal", "inner");
      const table = lines(await get("network ls"));
      expect(table[0]).toMatch(/^NETWORK ID {5}NAME +DRIVER +SUBNETS$/);
      expect(table.slice(1).map((line) => line.split(/ {2,}/)[1])).toEqual(["inner", "web"]);
      const filtered = await get("network ls", "--filter", "label=tier", "--format", "json");
      expect(JSON.parse(filtered).map(({ name }: { name: string }) => name)).toEqual(["web"]);
      const [docker] = JSON.parse(await get("network inspect", "web", "--format", "docker"));
      expect(docker).toMatchObject({ Name: "web", Scope: "local", EnableIPv6: true });
      expect(await get("network prune", "--filter", "label!=tier")).toBe("inner\n");
      expect(await get("network rm", "web")).toBe("web\n");
      expect(lines(await get("network ls"))).toHaveLength(1);
    }));

  test("connects and disconnects", () =>
    withDesk(async ({ get, named }) => {
      await get("network create", "web");
      await get("sandbox create", named("a"), "--network", "none");
      await get("network disconnect", "none", named("a"));
      const fixed = ["--ip", "172.17.0.99", "--alias", "db", "--mac-address", "02:00:00:00:00:09"];
      await get("network connect", ...fixed, "web", named("a"));
      const [a] = JSON.parse(await get("sandbox inspect", named("a")));
      expect(a.connections[0].endpoint).toMatchObject({
        ...{ addresses: ["172.17.0.99/16"], aliases: ["db"], mac: "02:00:00:00:00:09" },
      });
      await get("network disconnect", "web", named("a"));
      const [b] = JSON.parse(await get("sandbox inspect", named("a")));
      expect(b.connections).toEqual([]);
    }));
});

describe("vethwork sandbox", () => {
  test("publishes, lists, and runs programs, whose exit codes it ends with", () =>
    withDesk(async ({ host, call, get, named }) => {
      await get("network create", "web");
      await inside(host, "ip", "link", "set", "lo", "up");
      const name = named("a");
      await get("sandbox create", name, "--network", "web", "-p", "8080:80", "-h", "me");
      const [, row] = lines(await get("sandbox ls"));
      expect(row).toContain(`${name}   networks   web 172.17.0.2/16   0.0.0.0:8080->80/tcp`);
      const address = await get("sandbox exec", name, "ip", "-4", "-br", "addr", "show", "eth0");
      expect(address).toMatch(/172\.17\.0\.2\/16/);
      expect(await get("sandbox exec", name, "cat", "/etc/hosts")).toContain("\tme\n");
      expect(await call("sandbox exec", name, "sh", "-c", "exit 7")).toMatchObject({ code: 7 });
      expect(await call("sandbox exec", name, "sh", "-c", "kill -9 $$")).toMatchObject({
        code: 137,
      });
      expect((await call("sandbox exec", name, "/nonsense/program")).code).toBe(127);
      expect((await call("sandbox exec", name, "/etc/hosts")).code).toBe(126);
      const [docker] = JSON.parse(await get("sandbox inspect", name, "--format", "docker"));
      expect(docker.Networks.web).toMatchObject({ IPAddress: "172.17.0.2" });
      expect(await get("sandbox rm", name)).toBe(`${name}\n`);
    }));

  test("runs a program in a new sandbox, with names, and removes it", () =>
    withDesk(async ({ get, named }) => {
      await get("network create", "web");
      await get("sandbox create", named("db"), "--network", "web");
      const command = ["dig", "+short", named("db")];
      const answer = await get("sandbox run", "--rm", "--network", "web", "--", ...command);
      expect(answer).toBe("172.17.0.2\n");
      expect(lines(await get("sandbox ls"))).toHaveLength(2);
      const hosts = await get(
        ...["sandbox run", "--rm", "--network", "container:".concat(named("db"))],
        ...["cat", "/etc/hosts"],
      );
      expect(hosts).toContain("172.17.0.2");
    }));
});

describe("vethwork serve", () => {
  test("serves names and mends, until it is told to stop", () =>
    withDesk(async ({ host, options, get, named }) => {
      await get("network create", "web");
      for (const word of ["a", "b"]) await get("sandbox create", named(word), "--network", "web");
      const ask = () =>
        get("sandbox exec", named("a"), "dig", "+short", "+time=1", "+tries=1", named("b"));
      const server: ChildProcess = spawn(process.execPath, [
        main,
        "serve",
        "--period",
        "1",
        ...options,
      ]);
      try {
        const [text] = await once(server.stdout as NodeJS.ReadableStream, "data");
        expect(String(text)).toContain("serving");
        expect(await ask()).toBe("172.17.0.3\n");
        await inside(host, "nft", "flush", "ruleset");
        const mended = () => inside(host, "nft", "list", "tables");
        await expect.poll(mended, { timeout: 10_000 }).toContain("vethwork");
        await get("sandbox create", named("c"), "--network", "web");
        expect(await get("sandbox exec", named("a"), "dig", "+short", named("c"))).toBe(
          "172.17.0.4\n",
        );
        server.kill("SIGTERM");
        expect(await once(server, "exit")).toEqual([0, null]);
      } finally {
        server.kill("SIGKILL");
      }
    }));
});

describe("vethwork doctor", () => {
  test("finds nothing on a host that is well", () =>
    withDesk(async ({ call, get }) => {
      await get("network create", "web");
      expect(await call("doctor")).toMatchObject({ code: 0, stdout: "nothing is wrong\n" });
    }));

  test("tells what is wrong with what mends it, and ends with 1", () =>
    withDesk(async ({ host, call, get, named }) => {
      await get("network create", "web");
      await get("sandbox create", named("a"), "--network", "web");
      await inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=0");
      await inside(host, "nft", "add", "table", "inet", "theirs");
      const chain = "{ type filter hook forward priority 10; policy drop; }";
      await inside(host, "nft", "add", "chain", "inet", "theirs", "forward", chain);
      const { code, stdout } = await call("doctor", "--format", "json");
      expect(code).toBe(1);
      const findings: { subject: string; problem: string; fix: string }[] = JSON.parse(stdout);
      expect(findings.map(({ subject }) => subject).toSorted()).toEqual([
        ...["table inet theirs", "the host", "the host's settings"],
      ]);
      for (const { problem, fix } of findings) expect([problem, fix]).not.toContain("");
      await inside(host, "nft", "delete", "table", "inet", "theirs");
      expect((await call("doctor")).stdout).toContain("ip_forward");
    }));
});

describe("vethwork", () => {
  test("says what is wrong in a line, and ends with 1, or with 2 if it was called wrongly", () =>
    withDesk(async ({ call, named }) => {
      expect(await call("network rm", "nothing")).toEqual({
        code: 1,
        stdout: "",
        stderr: 'vethwork: deleteNetwork "nothing": NETWORK_MISSING, there is no such network\n',
      });
      const misuses: [string, ...string[]][] = [
        ["network create"],
        ["network create", "a", "b"],
        ["network create", "--colour", "web"],
        ["network create", "-rf"],
        ["network create", "a/b"],
        ["network create", "--opt", "mtu", "web"],
        ["network ls", "--format", "xml"],
        ["network ls", "--filter", "colour=red"],
        ["network"],
        ["nonsense"],
        ["sandbox create", "--network", "none", "--network", "web"],
        ["sandbox create", "--add-host", "x", named("a")],
        ["sandbox create", "-p", "0", named("a")],
        ["sandbox run"],
        ["serve", "--period", "0"],
        ["completion", "csh"],
      ];
      for (const [command, ...args] of misuses) {
        const { code, stdout, stderr } = await call(command, ...args);
        expect([command, ...args, code, stdout]).toEqual([command, ...args, 2, ""]);
        expect(stderr).toMatch(/^vethwork: .+\nvethwork --help says what there is\n$/);
      }
    }));

  test("has help for every command, and tells its version", async () => {
    const { stdout } = await vethwork("--help");
    const names = [...stdout.matchAll(/^ {2}(\w+(?: \w+)?) {2,}/gm)].map(([, name = ""]) => name);
    expect(names).toContain("network create");
    expect(names.length).toBe(18);
    const helps = await Promise.all(names.map((name) => vethwork(...name.split(" "), "--help")));
    for (const [position, { code, stdout: help }] of helps.entries()) {
      expect(code).toBe(0);
      expect(help).toContain(`Usage: vethwork ${names[position]}`);
    }
    expect((await vethwork("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("has bash complete commands and options", async () => {
    const complete = async (...words: string[]) => {
      const script = `source <(${process.execPath} ${main} completion bash)
        COMP_WORDS=(vethwork ${words.map((word) => `'${word}'`).join(" ")})
        COMP_CWORD=${words.length}; _vethwork; echo "\${COMPREPLY[@]}"`;
      return (await run("bash", ["-c", script])).stdout.trim();
    };
    expect(await complete("net")).toBe("network");
    expect(await complete("network", "")).toBe("create ls inspect rm prune connect disconnect");
    expect(await complete("network", "create", "--sub")).toBe("--subnet");
    expect(await complete("serve", "--per")).toBe("--period");
    for (const shell of ["zsh", "fish"]) {
      expect((await vethwork("completion", shell)).stdout).toContain("network");
    }
  });

  test("shows rates, once when the output is no terminal", () =>
    withSandboxes(1, async ([sandbox]) => {
      const { code, stdout } = await vethwork("top", sandbox.name, "--period", "20");
      expect(code).toBe(0);
      expect(stdout).toMatch(/^link .*\nlo /);
    }));
});
