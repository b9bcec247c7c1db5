// `vethwork sandbox`, as people and scripts call it.

import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { addAddress } from "../../lib/index.ts";
import { inside, join } from "../support/sandbox.ts";
import { type Desk, linesOf, withDesk } from "./support.ts";

/** A server that says which signals it hears, and ends with 5 at the first. */
const server = `
  const { createServer } = require("node:net");
  process.on("SIGTERM", () => { console.log("heard SIGTERM"); process.exit(5); });
  createServer((socket) => socket.end("from inside\\n")).listen(80, () => console.log("listening"));
`;

async function joinWorld({ host, world }: Desk): Promise<void> {
  const [near, far] = await join(host, world);
  await addAddress(host, near, { address: "198.51.100.2/24" });
  await addAddress(world, far, { address: "198.51.100.1/24" });
}

describe("create", () => {
  test("publishes a port, by which the world outside connects", () =>
    withDesk(async (desk) => {
      const { world, get, start, named } = desk;
      await joinWorld(desk);
      await get("network create", "web");
      await get("sandbox create", "--name", named("a"), "--network", "web", "-p", "8080:80");
      const { child, said, ended } = start("sandbox exec", named("a"), "node", "-e", server);
      await said("listening");
      const connect = "exec 3<>/dev/tcp/198.51.100.2/8080; cat <&3";
      expect(await inside(world, "bash", "-c", connect)).toBe("from inside\n");
      // It hands the signal on, and ends as its program does.
      child.kill("SIGTERM");
      await said("heard SIGTERM");
      expect(await ended).toBe(5);
      const [, row = ""] = linesOf(await get("sandbox ls"));
      expect(row.split(/ {3,}/).slice(1)).toEqual([
        ...[named("a"), "web 172.17.0.2/16", "0.0.0.0:8080->80/tcp"],
      ]);
    }));

  test("takes what docker run takes about networks", () =>
    withDesk(async ({ get, getJson, named }) => {
      await get("network create", "--subnet", "10.60.0.0/24", "--subnet", "fd00:60::/64", "web");
      await get("network create", "--subnet", "10.61.0.0/24", "back");
      await get("network create", "--subnet", "10.62.0.0/24", "third");
      await get("sandbox create", "--name", named("db"), "--network", "back");
      const id = await get(
        ...["sandbox create", "--name", named("a"), "--network", "web", "--ip", "10.60.0.7"],
        ...["--ip6", "fd00:60::7", "--mac-address", "02:00:00:00:00:07", "--alias", "x"],
        ...["--network-alias", "y", "--hostname", "me", "--dns", "192.0.2.1"],
        ...["--network", `back:ip=10.61.0.9,alias=z,link=${named("db")}:store,gw-priority=5`],
        ...["--network", "name=third,ip=10.62.0.8,mac-address=02:00:00:00:00:08"],
        ...["--dns-search", "corp.example", "--dns-option", "timeout:3"],
        ...["--add-host", "printer:192.0.2.9", "--add-host", "six:[2001:db8::9]"],
        ...["--sysctl", "net.ipv4.ip_default_ttl=33", "--label", "tier=front", "-l", "bare"],
      );
      expect(id).toMatch(/^[0-9a-f]{64}\n$/);
      const [a] = await getJson("sandbox inspect", named("a"));
      expect(a).toMatchObject({
        ...{ id: id.trim(), name: named("a"), hostname: "me", mode: "networks" },
        ...{ labels: { tier: "front", bare: "" } },
        names: { servers: ["192.0.2.1"], search: ["corp.example"], options: ["timeout:3"] },
      });
      const on = Object.fromEntries(
        a.connections.map(
          ({ network, endpoint }: { network: { name: string }; endpoint: object }) => [
            ...[network.name, endpoint],
          ],
        ),
      );
      expect(on.web).toMatchObject({
        ...{ addresses: ["10.60.0.7/24", "fd00:60::7/64"], mac: "02:00:00:00:00:07" },
        aliases: ["x", "y"],
      });
      expect(on.back).toMatchObject({
        ...{ addresses: ["10.61.0.9/24"], aliases: ["z"], links: { store: named("db") } },
        gatewayPriority: 5,
      });
      expect(on.third).toMatchObject({ addresses: ["10.62.0.8/24"], mac: "02:00:00:00:00:08" });
      const read = (file: string) => get("sandbox exec", named("a"), "cat", file);
      const hosts = await read("/etc/hosts");
      expect(hosts).toMatch(/^192\.0\.2\.9\s+printer$/m);
      expect(hosts).toMatch(/^2001:db8::9\s+six$/m);
      expect(await read("/etc/resolv.conf")).toMatch(/^search corp\.example\noptions .*timeout:3/m);
      expect(await read("/proc/sys/net/ipv4/ip_default_ttl")).toBe("33\n");
      const route = await get("sandbox exec", named("a"), "ip", "-j", "route", "show", "default");
      expect(JSON.parse(route)[0].gateway).toBe("10.61.0.1");
      const [docker] = await getJson("sandbox inspect", "--format", "docker", named("a"));
      expect(docker.Networks.back).toMatchObject({ IPAddress: "10.61.0.9", GwPriority: 5 });
    }));

  test("makes one without networks, one of the host's namespace, and one of another's", () =>
    withDesk(async ({ host, get, named }) => {
      const inodeOf = async (word: string) =>
        Number(await get("sandbox exec", named(word), "stat", "-Lc", "%i", "/proc/self/ns/net"));
      await get("sandbox create", "--name", named("none"), "--network", "none");
      await get("sandbox create", "--name", named("host"), "--network", "host");
      const joined = `container:${named("none")}`;
      await get("sandbox create", "--name", named("joined"), "--network", joined);
      expect(await get("sandbox exec", named("none"), "ls", "/sys/class/net")).toBe("lo\n");
      expect(await inodeOf("host")).toBe(host.inode);
      expect(await inodeOf("joined")).toBe(await inodeOf("none"));
      const rows = linesOf(await get("sandbox ls")).slice(1);
      expect(rows.map((row) => row.split(/ {3,}/).slice(1))).toEqual([
        ...[
          [named("host"), "host"],
          [named("joined"), "container"],
          [named("none"), "none"],
        ],
      ]);
      await get("sandbox rm", named("joined"));
    }));

  test("fails with the code of what is in the way, and leaves nothing", () =>
    withDesk(async ({ call, get, named }) => {
      await get("network create", "web");
      await get("sandbox create", "--name", named("a"), "--network", "web", "-p", "8080:80");
      expect(
        await call("sandbox create", "--name", named("b"), "--network", "web", "-p", "8080:80"),
      ).toEqual({
        code: 1,
        stdout: "",
        stderr: `vethwork: PORT_TAKEN: "${named("b")}": tcp port 8080 is taken by sandbox "${named("a")}"\n`,
      });
      expect(readdirSync("/run/netns")).not.toContain(named("b"));
      expect(await call("sandbox create", "--network", "nothing")).toMatchObject({ code: 1 });
    }));
});

describe("ls, inspect and rm", () => {
  test("list, show and remove", () =>
    withDesk(async ({ call, get, getJson, named }) => {
      const id = (await get("sandbox create", "--name", named("a"), "--network", "none")).trim();
      await get("sandbox create", "--name", named("b"), "--network", "none");
      expect(linesOf(await get("sandbox ls", "-q"))[0]).toBe(id.slice(0, 12));
      const listed = await getJson("sandbox ls", "--format", "json");
      expect(listed).toEqual(await getJson("sandbox inspect", named("a"), named("b")));
      expect(await call("sandbox inspect", "nothing")).toEqual({
        code: 1,
        stdout: "[]\n",
        stderr: 'vethwork: SANDBOX_MISSING: "nothing": there is no such sandbox\n',
      });
      expect(await call("sandbox rm", "nothing", id)).toMatchObject({ code: 1, stdout: `${id}\n` });
      expect(await get("sandbox rm", "--force", "nothing", named("b"))).toBe(`${named("b")}\n`);
      expect(linesOf(await get("sandbox ls"))).toHaveLength(1);
      expect(readdirSync("/run/netns")).not.toContain(named("a"));
    }));
});

describe("exec", () => {
  test("ends as its program does, and hands it its words untouched", () =>
    withDesk(async ({ call, get, named }) => {
      await get("sandbox create", "--name", named("a"), "--network", "none");
      const codeOf = async (...line: string[]) =>
        (await call("sandbox exec", named("a"), ...line)).code;
      expect(await codeOf("sh", "-c", "exit 7")).toBe(7);
      expect(await codeOf("sh", "-c", "kill -KILL $$")).toBe(137);
      expect(await codeOf("/nonsense/program")).toBe(127);
      expect(await codeOf("/etc/hosts")).toBe(126);
      const words = ["--help", "--format", "x", "--", "-q"];
      const echo = await get("sandbox exec", named("a"), "--", "echo", ...words);
      expect(echo).toBe(`${words.join(" ")}\n`);
      expect(await get("sandbox exec", named("a"), "echo", "--", "x")).toBe("-- x\n");
      expect(await call("sandbox exec", "nothing", "true")).toMatchObject({ code: 1 });
    }));
});

describe("run", () => {
  test("serves names while its program runs, and leaves the sandbox unless told otherwise", () =>
    withDesk(async ({ get, getJson, named }) => {
      await get("network create", "web");
      await get("sandbox create", "--name", named("db"), "--network", "web", "--alias", "store");
      const asked = await get(
        "sandbox run",
        "--rm",
        "--network",
        "web",
        "--",
        "dig",
        "+short",
        "store",
      );
      expect(asked).toBe("172.17.0.2\n");
      expect(await getJson("sandbox ls", "--format", "json")).toHaveLength(1);
      expect(await get("sandbox run", "--name", named("c"), "--network", "web", "echo", "x")).toBe(
        "x\n",
      );
      expect(await getJson("sandbox inspect", named("c"))).toHaveLength(1);
    }));

  test("removes the sandbox also if its program fails, is ended, or is not there", () =>
    withDesk(async ({ call, getJson, start }) => {
      const rm = ["--rm", "--network", "none"];
      expect(await call("sandbox run", ...rm, "sh", "-c", "exit 9")).toMatchObject({ code: 9 });
      expect(await call("sandbox run", ...rm, "/nonsense/program")).toMatchObject({ code: 127 });
      const { child, said, ended } = start(
        "sandbox run",
        ...rm,
        "sh",
        "-c",
        "echo on; exec sleep 60",
      );
      await said("on");
      child.kill("SIGTERM");
      expect(await ended).toBe(143);
      expect(await getJson("sandbox ls", "--format", "json")).toEqual([]);
    }));
});
