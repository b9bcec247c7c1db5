// `vethwork network`, as people and scripts call it.

import { execFile } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ip } from "../support/sandbox.ts";
import { type Desk, linesOf, main, withDesk } from "./support.ts";

const names = (networks: { name: string }[]) => networks.map(({ name }) => name);

describe("create", () => {
  test("makes a network with all that docker network says of one", () =>
    withDesk(async ({ host, get, getJson }) => {
      const id = await get(
        ...["network create", "-d", "bridge", "--subnet", "10.30.0.0/16", "--gateway"],
        ...["10.30.0.254", "--ip-range", "10.30.1.0/24", "--aux-address", "printer=10.30.1.1"],
        ...["--subnet", "fd00:30::/64", "--gateway", "fd00:30::9", "--label", "tier=front"],
        ...["--label", "bare", "-o", "com.docker.network.driver.mtu=1400", "--ipv6", "web"],
      );
      expect(id).toMatch(/^[0-9a-f]{64}\n$/);
      expect(await getJson("network inspect", "web")).toEqual([
        expect.objectContaining({
          ...{ id: id.trim(), name: "web", driver: "bridge", ipv6: true, internal: false },
          labels: { tier: "front", bare: "" },
          subnets: [
            {
              ...{ subnet: "10.30.0.0/16", range: "10.30.1.0/24", gateway: "10.30.0.254" },
              auxiliary: { printer: "10.30.1.1" },
            },
            expect.objectContaining({ subnet: "fd00:30::/64", gateway: "fd00:30::9" }),
          ],
        }),
      ]);
      const [link] = await ip(host, "addr", "show", `br-${id.slice(0, 12)}`);
      expect(link).toMatchObject({ mtu: 1400, operstate: "DOWN", flags: expect.anything() });
      expect(link.addr_info.map(({ local }: { local: string }) => local)).toEqual(
        expect.arrayContaining(["10.30.0.254", "fd00:30::9"]),
      );
    }));

  test("makes one that nothing leads out of, and one over a route of the host", () =>
    withDesk(async ({ host, call, get, getJson }) => {
      await get("network create", "--internal", "inner");
      expect((await getJson("network inspect", "inner"))[0].internal).toBe(true);
      await ip(host, "route", "add", "10.40.0.0/16", "dev", "lo");
      const refused = await call("network create", "--subnet", "10.40.1.0/24", "over");
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(/^vethwork: POOL_OVERLAP: .*\n$/);
      await get("network create", "--subnet", "10.40.1.0/24", "--allow-overlap", "over");
    }));
});

async function makeThree({ get }: Desk): Promise<void> {
  await get("network create", "--label", "tier=front", "web");
  await get("network create", "--label", "tier=back", "db");
  await get("network create", "--internal", "inner");
}

describe("ls", () => {
  test("prints a table, ids, or JSON, of what filters let through", () =>
    withDesk(async (desk) => {
      const { get, getJson } = desk;
      await makeThree(desk);
      const [head = "", ...rows] = linesOf(await get("network ls"));
      expect(head).toMatch(/^NETWORK ID {5}NAME +DRIVER +SCOPE +SUBNETS$/);
      expect(rows.map((row) => row.split(/ {3,}/).slice(1, 4))).toEqual([
        ...[
          ["db", "bridge", "local"],
          ["inner", "bridge", "local"],
          ["web", "bridge", "local"],
        ],
      ]);
      const list = async (...filters: string[]) => {
        const options = filters.flatMap((filter) => ["--filter", filter]);
        return names(await getJson("network ls", "--format", "json", ...options));
      };
      expect(await list("label=tier")).toEqual(["db", "web"]);
      expect(await list("label=tier", "label!=tier=back")).toEqual(["web"]);
      expect(await list("name=e", "driver=bridge", "type=custom")).toEqual(["inner", "web"]);
      expect(await list("type=builtin")).toEqual([]);
      expect(await list("dangling=true")).toEqual(["db", "inner", "web"]);
      expect(await list("until=1h")).toEqual([]);
      expect(await list("until=2999-01-01")).toEqual(["db", "inner", "web"]);
      const ids = linesOf(await get("network ls", "-q", "--filter", "name=web"));
      expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/)]);
      expect(await list(`id=${ids[0]}`)).toEqual(["web"]);
    }));
});

describe("inspect", () => {
  test("shows what there is in Docker's names too, and complains of what there is not", () =>
    withDesk(async ({ call, get, getJson }) => {
      await get("network create", "web");
      const [docker] = await getJson("network inspect", "--format", "docker", "web");
      expect(docker).toMatchObject({
        ...{ Name: "web", Scope: "local", Driver: "bridge", Containers: {} },
        IPAM: { Config: [{ Subnet: "172.17.0.0/16", Gateway: "172.17.0.1" }] },
      });
      const { code, stdout, stderr } = await call("network inspect", "nothing", "web");
      expect(code).toBe(1);
      expect(names(JSON.parse(stdout))).toEqual(["web"]);
      expect(stderr).toBe('vethwork: NETWORK_MISSING: "nothing": there is no such network\n');
    }));
});

describe("rm and prune", () => {
  test("remove by names and ids, go on after a failure, and say which", () =>
    withDesk(async (desk) => {
      const { host, call, get, named } = desk;
      await makeThree(desk);
      const [id = ""] = linesOf(await get("network ls", "-q", "--filter", "name=db"));
      await get("sandbox create", "--name", named("a"), "--network", "web");
      expect(await call("network rm", "web", "nothing", id)).toEqual({
        code: 1,
        stdout: `${id}\n`,
        stderr:
          `vethwork: NETWORK_IN_USE: "web": sandbox "${named("a")}" is connected to it\n` +
          'vethwork: NETWORK_MISSING: "nothing": there is no such network\n',
      });
      expect(await get("network rm", "-f", "nothing")).toBe("");
      expect(await get("network prune", "--force", "--filter", "label=tier")).toBe("");
      expect(await get("network prune", "-f")).toBe("inner\n");
      await get("sandbox rm", named("a"));
      await get("network rm", "web");
      const links = (await ip(host, "link")).map(({ ifname }) => ifname);
      expect(links).toEqual(["lo"]);
    }));

  test("prune asks at a terminal, and does not act without one unless it is forced", () =>
    withDesk(async ({ call, get, options }) => {
      await get("network create", "web");
      const refused = await call("network prune");
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain("--force");
      const answer = (word: string) =>
        new Promise<{ code: number; text: string }>((resolve) => {
          const line = [process.execPath, main, "network", "prune", ...options];
          const script = `import os, pty, sys
def read(fd, state={"asked": False}):
    data = os.read(fd, 1024)
    if b"[y/N]" in data and not state["asked"]:
        state["asked"] = True
        os.write(fd, b"${word}\\n")
    return data
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))`;
          execFile("python3", ["-c", script, ...line], (error, stdout) =>
            resolve({ code: Number(error?.code ?? 0), text: stdout }),
          ).stdin?.end();
        });
      expect(await answer("n")).toMatchObject({ code: 1 });
      expect(linesOf(await get("network ls"))).toHaveLength(2);
      const yes = await answer("y");
      expect(yes.code).toBe(0);
      expect(yes.text).toMatch(/web\s*$/);
      expect(linesOf(await get("network ls"))).toHaveLength(1);
    }));
});

describe("connect and disconnect", () => {
  test("take a running sandbox onto a network, as they are told, and off it", () =>
    withDesk(async ({ call, get, getJson, named }) => {
      await get("network create", "--subnet", "10.50.0.0/24", "--subnet", "fd00:50::/64", "web");
      await get("network create", "other");
      await get("sandbox create", "--name", named("a"), "--network", "other");
      await get("sandbox create", "--name", named("b"), "--network", "web");
      const addresses = ["--ip", "10.50.0.99", "--ip6", "fd00:50::99"];
      const names = ["--alias", "db", "--network-alias", "store", "--link", `${named("b")}:peer`];
      const rest = ["--mac", "02:00:00:00:00:09", "--gw-priority", "-3"];
      // A negative number is a value only behind "=".
      rest.splice(2, 2, "--gw-priority=-3");
      await get("network connect", ...addresses, ...names, ...rest, "web", named("a"));
      const [a] = await getJson("sandbox inspect", named("a"));
      const { endpoint } = a.connections.find(
        ({ network }: { network: { name: string } }) => network.name === "web",
      );
      expect(endpoint).toMatchObject({
        ...{ addresses: ["10.50.0.99/24", "fd00:50::99/64"], aliases: ["db", "store"] },
        ...{ mac: "02:00:00:00:00:09", links: { peer: named("b") }, gatewayPriority: -3 },
      });
      const shown = await get("sandbox exec", named("a"), "ip", "-j", "addr", "show", "eth1");
      expect(JSON.parse(shown)[0]).toMatchObject({ address: "02:00:00:00:00:09" });
      expect(await call("network connect", "web", named("a"))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^vethwork: ENDPOINT_EXISTS: /),
      });
      expect(await get("network disconnect", "web", named("a"))).toBe("");
      expect(await get("sandbox exec", named("a"), "ip", "-br", "link")).not.toContain("eth1");
      expect(await call("network disconnect", "web", named("a"))).toMatchObject({ code: 1 });
    }));
});
