// `vethwork doctor` on networks across hosts: each thing that can be wrong with them.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { inside, ip } from "../support/sandbox.ts";
import { type Desk, type Json, main, withDesk } from "./support.ts";

const run = promisify(execFile);

/** What is found of networks across hosts, and the namespaces of no plan that are of this network. */
async function diagnose({ call }: Desk, part = ""): Promise<Json[]> {
  const { stdout, stderr } = await call("doctor", "--format", "json");
  expect(stderr).toBe("");
  const codes = ["HOST_ABSENT", "ADDRESS_MISSING", "MTU_EXCEEDED", "VXLAN_TAKEN", "PORT_TAKEN"];
  return JSON.parse(stdout).filter(
    ({ code, subject }: Json) =>
      codes.includes(code) || (part !== "" && code === "ORPHAN" && subject.includes(part)),
  );
}

const codesOf = (found: readonly Json[]) => found.map(({ level, code }) => `${level} ${code}`);

/** A host with a link that others reach it by, which is served. */
async function serveAcross({ host, start }: Desk) {
  await ip(host, "link", "add", "up0", "type", "veth", "peer", "far0");
  await ip(host, "address", "add", "192.0.2.1/24", "dev", "up0");
  for (const link of ["up0", "far0"]) await ip(host, "link", "set", link, "up");
  const server = start("serve", "--address", "192.0.2.1", "--lease", "1", "--every", "3600");
  await server.said("serving");
  return server;
}

/** Makes an overlay of the number 77, and a sandbox on it; gives the sandbox's name. */
async function connectOne({ get, named }: Desk): Promise<string> {
  await get("sandbox create", "--name", named("a"), "--network", "wide");
  return named("a");
}

const overlay = ["-d", "overlay", "-o", "vxlanid_list=77", "wide"];

/** Takes the network away, which withDesk knows nothing of. */
async function withAcross(work: (desk: Desk) => Promise<void>): Promise<void> {
  await withDesk(async (desk) => {
    const server = await serveAcross(desk);
    await desk.get("network create", ...overlay);
    await work(desk);
    server.child.kill("SIGTERM");
    await server.ended;
  });
}

describe("vethwork doctor, across hosts,", () => {
  test("finds nothing where all is well, with an endpoint and without", () =>
    withAcross(async (desk) => {
      expect(await diagnose(desk)).toEqual([]);
      await connectOne(desk);
      const [{ id }] = await desk.getJson("network inspect", "wide");
      expect(await diagnose(desk, id.slice(0, 12))).toEqual([]);
    }));

  test("does not take the host's own VXLAN for another one, whatever befalls it", () =>
    withAcross(async (desk) => {
      await connectOne(desk);
      const [{ connections }] = await desk.getJson("sandbox inspect", desk.named("a"));
      const [{ network }] = connections.filter((one: Json) => one.network.name === "wide");
      const inNamespace = ["-n", network.settings.namespace];
      await run("ip", [...inNamespace, "link", "set", "vxlan0", "down"]);
      expect(await diagnose(desk)).toEqual([]);
      await run("ip", [...inNamespace, "link", "set", "vxlan0", "nomaster"]);
      expect(await diagnose(desk)).toEqual([]);
    }));

  test("tells that nobody keeps the place of a host that has endpoints", () =>
    withDesk(async (desk) => {
      const { child, ended } = await serveAcross(desk);
      await desk.get("network create", ...overlay);
      await connectOne(desk);
      child.kill("SIGTERM");
      await ended;
      const found = async () => codesOf(await diagnose(desk));
      await expect.poll(found, { timeout: 20_000 }).toEqual(["error HOST_ABSENT"]);
      const [{ fix }] = await diagnose(desk);
      const [, address = ""] = /vethwork serve --address (\S+) keeps it/.exec(fix) ?? [];
      await desk.start("serve", "--address", address).said("serving");
      expect(await diagnose(desk)).toEqual([]);
    }));

  test("tells that the host's address is on no link", () =>
    withAcross(async (desk) => {
      await ip(desk.host, "address", "del", "192.0.2.1/24", "dev", "up0");
      const found = await diagnose(desk);
      expect(codesOf(found)).toEqual(["error ADDRESS_MISSING"]);
      expect(found[0].problem).toContain("no link has 192.0.2.1,");
      await ip(desk.host, "address", "add", "192.0.2.1/24", "dev", "far0");
      expect(await diagnose(desk)).toEqual([]);
    }));

  test("tells that packets do not fit any more, with a command that makes room", () =>
    withAcross(async (desk) => {
      await connectOne(desk);
      await ip(desk.host, "link", "set", "up0", "mtu", "1400");
      const found = await diagnose(desk);
      expect(codesOf(found)).toEqual(["warning MTU_EXCEEDED"]);
      expect(found[0].problem).toContain("an MTU of 1450, but up0");
      await inside(desk.host, "sh", "-c", found[0].fix.split(",")[0]);
      expect((await ip(desk.host, "link", "show", "up0"))[0]).toMatchObject({ mtu: 1500 });
      expect(await diagnose(desk)).toEqual([]);
    }));

  test("tells the same of a routed network, whose packets go as they are", () =>
    withAcross(async (desk) => {
      const { host, get, named } = desk;
      await get("network create", "-d", "routed", "--subnet", "10.62.0.0/16", "plain");
      await get("sandbox create", "--name", named("a"), "--network", "plain");
      expect(await diagnose(desk)).toEqual([]);
      await ip(host, "link", "set", "up0", "mtu", "1400");
      const found = await diagnose(desk);
      expect(codesOf(found)).toEqual(["warning MTU_EXCEEDED"]);
      expect(found[0]).toMatchObject({
        subject: 'network "plain"',
        problem: expect.stringContaining(
          "an MTU of 1500, but up0, by which hosts reach each other",
        ),
      });
      await inside(host, "sh", "-c", found[0].fix.split(",")[0]);
      expect((await ip(host, "link", "show", "up0"))[0]).toMatchObject({ mtu: 1500 });
      expect(await diagnose(desk)).toEqual([]);
    }));

  test("tells of another VXLAN of the number and port, wherever it is", () =>
    withAcross(async (desk) => {
      const { host, world, call, named } = desk;
      const add = (number: number, port: number, ...place: string[]) =>
        ip(
          ...[host, "link", "add", "theirs", ...place, "type", "vxlan", "id", String(number)],
          ...["dstport", String(port), "local", "192.0.2.1"],
        );
      const others = [
        { where: "the host", place: [], remove: () => ip(host, "link", "del", "theirs") },
        {
          where: `/run/netns/${world.name}`,
          ...{ place: ["netns", world.name], remove: () => ip(world, "link", "del", "theirs") },
        },
      ];
      for (const { where, place, remove } of others) {
        for (const [number, port] of [
          ...[
            [77, 4790],
            [78, 4789],
          ],
        ] as const) {
          await add(number, port, ...place);
          expect(await diagnose(desk)).toEqual([]);
          await remove();
        }
        await add(77, 4789, ...place);
        const found = await diagnose(desk);
        expect(codesOf(found)).toEqual(["error VXLAN_TAKEN"]);
        expect(found[0].problem).toContain(`theirs in ${where}`);
        // That it is in the way is true.
        const create = ["sandbox create", "--name", named("b"), "--network", "wide"] as const;
        expect(await call(...create)).toMatchObject({ code: 1 });
        await remove();
        expect(await diagnose(desk)).toEqual([]);
      }
      // One of the same number whose packets are another host's is in nobody's way.
      const own = ["type", "vxlan", "id", "77", "dstport", "4789", "local", "192.0.2.1"];
      await ip(world, "link", "add", "theirs", ...own);
      expect(await diagnose(desk)).toEqual([]);
      await connectOne(desk);
    }));

  test("tells of another VXLAN in a namespace of Docker's", () =>
    withAcross(async (desk) => {
      const { host, named } = desk;
      const type = ["type", "vxlan", "id", "77", "dstport", "4789", "local", "192.0.2.1"];
      await run("ip", ["netns", "add", named("docker")]);
      await ip(host, "link", "add", "vxlan0", "netns", named("docker"), ...type);
      // As Docker has them: files below /run/docker/netns, on which namespaces are mounted.
      const docker = "/run/docker/netns/1-cbd4vcuz2p";
      await mkdir("/run/docker/netns", { recursive: true });
      await writeFile(docker, "");
      await run("mount", ["--bind", `/run/netns/${named("docker")}`, docker]);
      const told = async () => (await diagnose(desk)).map(({ problem }) => problem);
      try {
        // It has two names, and is told of once.
        expect(await told()).toEqual([expect.stringContaining(named("docker"))]);
        await run("ip", ["netns", "delete", named("docker")]);
        expect(await told()).toEqual([expect.stringContaining(`vxlan0 in ${docker}`)]);
      } finally {
        await run("umount", [docker]);
        await rm("/run/docker", { recursive: true });
      }
    }));

  test("tells which process has the UDP port", () =>
    withAcross(async (desk) => {
      const { host, call, named } = desk;
      const script = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 4789))
print("bound", flush=True); sys.stdin.read()`;
      const line = ["netns", "exec", host.name, "python3", "-c", script];
      const holding = run("ip", line);
      const { child } = holding;
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      const found = await diagnose(desk);
      expect(codesOf(found)).toEqual(["error PORT_TAKEN"]);
      expect(found[0].problem).toMatch(new RegExp(`^the process ${child.pid} \\(python3`));
      const create = ["sandbox create", "--name", named("b"), "--network", "wide"] as const;
      expect((await call(...create)).stderr).toContain("UDP port 4789 of the host is in use");
      child.stdin?.end();
      await holding;
      expect(await diagnose(desk)).toEqual([]);
    }));

  test("tells of the namespace of a part that is in no plan", () =>
    withAcross(async (desk) => {
      await connectOne(desk);
      const [{ id }] = await desk.getJson("network inspect", "wide");
      const part = id.slice(0, 12);
      const name = `vethwork-${part}-01234567`;
      await run("ip", ["netns", "add", name]);
      const found = await diagnose(desk, part);
      expect(found).toMatchObject([
        { code: "ORPHAN", level: "warning", subject: `the namespace ${name}` },
      ]);
      await run("sh", ["-c", found[0].fix.slice(found[0].fix.indexOf("ip netns"))]);
      expect(existsSync(`/run/netns/${name}`)).toBe(false);
      expect(await diagnose(desk, part)).toEqual([]);
    }));

  test("tells that the kernel knows no VXLANs", () =>
    withAcross(async ({ options }) => {
      const directory = await mkdtemp(join(tmpdir(), "vethwork-kernel-"));
      try {
        const library = join(directory, "kernel.so");
        const source = new URL("../fixtures/no-vxlan.c", import.meta.url).pathname;
        await run("cc", ["-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"]);
        const env = { ...process.env, LD_PRELOAD: library };
        const line = [main, "doctor", "--format", "json", ...options];
        const { code, stdout } = await run(process.execPath, line, { env }).catch((error) => error);
        expect(code).toBe(1);
        expect(JSON.parse(stdout)).toContainEqual(
          expect.objectContaining({ code: "VXLAN_MISSING", level: "error" }),
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    }));
});
