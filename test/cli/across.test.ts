// Networks across hosts by the command: two hosts, an etcd that they share, and real packets.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Etcd, startEtcd } from "../support/etcd.ts";
import { lacks } from "../support/features.ts";
import { type Host, type Hosts, withHostsOf } from "./hosts-lab.ts";
import { type Json, linesOf, vethwork } from "./support.ts";

describe.skipIf(await lacks("etcd"))("across hosts", () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  const withHosts = (run: (hosts: Hosts) => Promise<void>) => withHostsOf(etcd, run);

  const pings = async ({ call }: Host, from: string, to: string) =>
    (await call("sandbox exec", from, "ping", "-c1", "-W1", to)).code === 0;

  test("two hosts that are served have one network, and sandboxes that reach each other by name", () =>
    withHosts(async ({ one, two, named }) => {
      const servers = [
        await one.serve("--address", one.address),
        await two.serve("--address", two.address, "--lease", "3"),
      ];
      const [head = "", ...rows] = linesOf(await one.get("host ls"));
      expect(head).toMatch(/^NAME +ADDRESS +SINCE$/);
      expect(rows.map((row) => row.split(/ {3,}/).slice(0, 2))).toEqual([
        ...[
          [one.name, one.address],
          [two.name, two.address],
        ],
      ]);
      expect(await two.getJson("host ls", "--format", "json")).toMatchObject([
        { name: one.name, address: one.address },
        { name: two.name, address: two.address },
      ]);
      expect(linesOf(await two.get("host ls", "-q"))).toEqual([one.name, two.name]);

      const create = ["network create", "-d", "overlay", "--attachable"] as const;
      const net = ["--subnet", "10.60.0.0/24", "--label", "tier=wide", "wide"];
      const id = (await one.get(...create, ...net)).trim();
      await two.get("network create", "own");
      const [, ...networks] = linesOf(await two.get("network ls"));
      expect(networks.map((row) => row.split(/ {3,}/).slice(1))).toEqual([
        ["own", "bridge", "local", "172.17.0.0/16"],
        ["wide", "overlay", "cluster", "10.60.0.0/24"],
      ]);
      const found = await two.get("network ls", "-q", "--filter", "scope=cluster");
      expect(found).toBe(`${id.slice(0, 12)}\n`);

      const [a, b] = [named("a"), named("b")];
      await one.get("sandbox create", "--name", a, "--network", "wide");
      await two.get("sandbox create", "--name", b, "--network", "wide:alias=db");
      await expect.poll(() => pings(one, a, b), { timeout: 20_000 }).toBe(true);
      await expect.poll(() => pings(one, a, "db"), { timeout: 20_000 }).toBe(true);
      await expect.poll(() => pings(two, b, a), { timeout: 20_000 }).toBe(true);

      const [plain] = await one.getJson("network inspect", "wide");
      expect(plain).toMatchObject({ scope: "cluster", connections: [{ sandbox: { name: a } }] });
      expect(plain).not.toHaveProperty("members");
      const [verbose] = await one.getJson("network inspect", "--verbose", id.slice(0, 12));
      const members = [
        { host: one.name, hostAddress: one.address, sandbox: { name: a } },
        { host: two.name, hostAddress: two.address, sandbox: { name: b } },
      ];
      expect(verbose.members).toMatchObject(members);
      const docker = async (...args: string[]) =>
        (await two.getJson("network inspect", "--format", "docker", ...args, "wide"))[0];
      const short = await docker();
      expect(short).toMatchObject({
        ...{ Id: id, Scope: "global", Attachable: true, Driver: "overlay" },
        Peers: [
          { Name: one.name, IP: one.address },
          { Name: two.name, IP: two.address },
        ],
      });
      expect(Object.values(short.Containers)).toMatchObject([{ Name: b }]);
      expect(short).not.toHaveProperty("Services");
      expect((await docker("-v")).Services[""].Tasks).toMatchObject([
        { Name: a, EndpointIP: "10.60.0.2", Info: { "Host IP": one.address } },
        { Name: b, EndpointIP: "10.60.0.3", Info: { "Host IP": two.address } },
      ]);

      expect(await one.call("network rm", "wide")).toMatchObject({
        ...{ code: 1, stdout: "" },
        stderr: expect.stringMatching(/^vethwork: NETWORK_IN_USE: "wide": sandbox ".*" of host "/),
      });
      await one.get("sandbox rm", a);
      expect(await one.call("network rm", "wide")).toMatchObject({ code: 1, stdout: "" });
      await two.get("sandbox rm", b);
      expect(await one.get("network rm", "wide")).toBe("wide\n");
      // The way out of networks across hosts stays, as Docker's does.
      const left = await two.getJson("network ls", "--format", "json", "--filter", "type=custom");
      expect(left).toMatchObject([{ name: "own" }]);
      for (const { child, ended } of servers) {
        child.kill("SIGTERM");
        expect(await ended).toBe(0);
      }
    }));

  test("a host whose serve is ended is there for its lease, and all is well when it is started again", () =>
    withHosts(async ({ one, two, named }) => {
      const [a, b, late] = [named("a"), named("b"), named("late")];
      await one.serve("--address", one.address);
      const first = await two.serve("--address", two.address, "--lease", "60");
      await one.get("network create", "-d", "overlay", "wide");
      await one.get("sandbox create", "--name", a, "--network", "wide");
      await two.get("sandbox create", "--name", b, "--network", "wide");
      await expect.poll(() => pings(one, a, b), { timeout: 20_000 }).toBe(true);
      first.child.kill("SIGTERM");
      expect(await first.ended).toBe(0);
      expect(await pings(one, a, b)).toBe(true);
      expect(linesOf(await one.get("host ls", "-q"))).toEqual(
        expect.arrayContaining([one.name, two.name]),
      );
      // What comes meanwhile is known to the next one.
      await one.get("sandbox create", "--name", late, "--network", "wide");
      await two.serve("--address", two.address, "--lease", "2");
      await expect.poll(() => pings(two, b, a), { timeout: 20_000 }).toBe(true);
      await expect.poll(() => pings(two, b, late), { timeout: 20_000 }).toBe(true);
      // Other tests of the machine have namespaces, and it has its own settings of bridges.
      const aside = ["ORPHAN", "BRIDGE_FILTERED"];
      const found = await two.getJson("doctor", "--format", "json");
      expect(found.filter(({ code }: Json) => !aside.includes(code))).toEqual([]);
    }));

  test("a host that nobody keeps is gone after its lease, and comes again with what it had", () =>
    withHosts(async ({ one, two, named }) => {
      const [a, b] = [named("a"), named("b")];
      await one.serve("--address", one.address);
      const first = await two.serve("--address", two.address, "--lease", "2");
      await one.get("network create", "-d", "overlay", "wide");
      await one.get("sandbox create", "--name", a, "--network", "wide");
      await two.get("sandbox create", "--name", b, "--network", "wide");
      const [{ connections }] = await two.getJson("sandbox inspect", b);
      first.child.kill("SIGKILL");
      await first.ended;
      // Hosts of earlier tests may be there for their leases.
      const hosts = async () => linesOf(await one.get("host ls", "-q"));
      const containing = (name: unknown) => expect.arrayContaining([name]);
      await expect.poll(hosts, { timeout: 20_000 }).not.toEqual(containing(two.name));
      expect(await hosts()).toEqual(containing(one.name));
      const members = async () => (await one.getJson("network inspect", "-v", "wide"))[0].members;
      expect(await members()).toMatchObject([{ host: one.name }]);
      const { code, stdout } = await two.call("doctor", "--format", "json");
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toContainEqual(
        expect.objectContaining({ code: "HOST_ABSENT", level: "error" }),
      );
      await two.serve("--address", two.address);
      await expect.poll(hosts, { timeout: 20_000 }).toEqual([one.name, two.name]);
      await expect.poll(() => pings(one, a, b), { timeout: 20_000 }).toBe(true);
      const [again] = await two.getJson("sandbox inspect", b);
      expect(again.connections[0].endpoint).toEqual(connections[0].endpoint);
    }));

  test("on a routed network each host has a block, and sandboxes lead out by it", () =>
    withHosts(async ({ one, two, named }) => {
      const [a, b] = [named("a"), named("b")];
      await one.serve("--address", one.address);
      await two.serve("--address", two.address);
      const blocks = ["--subnet", "10.61.0.0/16", "-o", "blockSize=26"];
      await one.get("network create", "-d", "routed", ...blocks, "wide");
      await one.get("sandbox create", "--name", a, "--network", "wide");
      await two.get("sandbox create", "--name", b, "--network", "wide");
      const [{ members }] = await two.getJson("network inspect", "-v", "wide");
      expect(members.map(({ addresses }: Json) => addresses)).toEqual([
        ...[["10.61.0.2/26"], ["10.61.0.66/26"]],
      ]);
      await expect.poll(() => pings(one, a, b), { timeout: 20_000 }).toBe(true);
      await expect.poll(() => pings(two, b, a), { timeout: 20_000 }).toBe(true);
      // The way out is that of the host, which has the gateway's address.
      expect(await pings(one, a, two.address)).toBe(true);
      const routes = await one.get("sandbox exec", a, "ip", "route", "show", "default");
      expect(routes).toContain("via 10.61.0.1 dev eth0");
    }));

  test("what cannot be is refused with what helps", () =>
    withHosts(async ({ one, two, named }) => {
      const create = (...args: string[]) => one.call("network create", "-d", "overlay", ...args);
      const absent = await create("wide");
      expect(absent).toMatchObject({ code: 1, stdout: "" });
      expect(absent.stderr).toMatch(
        /^vethwork: HOST_ABSENT: ".*": no controller keeps its place .*; vethwork serve --address ADDRESS, with the same --host and --store, keeps it\n$/,
      );
      await one.serve("--address", one.address);
      const { code, stderr } = await create("--opt", "encrypted=perhaps", "secret");
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'vethwork: OPTION_INVALID: "secret": option "encrypted" must be true or false\n',
      });
      await one.get("network create", "-d", "overlay", "-o", "vxlanid_list=7", "seven");
      const taken = await create("-o", "vxlanid_list=7", "other");
      expect(taken.code).toBe(1);
      expect(taken.stderr).toMatch(/^vethwork: NUMBER_TAKEN: "other": .*"seven"; .*vxlanid_list/);
      const far = await two.call("sandbox create", "--name", named("b"), "--network", "seven");
      expect(far).toMatchObject({ code: 1, stderr: expect.stringContaining("HOST_ABSENT") });
      expect(await one.get("network prune", "-f")).toBe("seven\n");
    }));
});

describe("serve", () => {
  test.each([
    [["--address", "nonsense"], "--address: must be an IP address"],
    [["--address", "fe80::1%eth0"], "--address: must be an IP address"],
    [["--lease", "5"], "--lease means nothing without --address"],
    [["--address", "192.0.2.1", "--lease", "0"], "--lease must be an integer from 1 to 3600"],
  ])("%s is refused as a mistake of the caller", async (args, why) => {
    const directory = await mkdtemp(join(tmpdir(), "vethwork-"));
    try {
      const { code, stderr } = await vethwork("serve", "--store", directory, ...args);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
