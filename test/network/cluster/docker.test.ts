// Networks across hosts where Docker has something to compare them with.

import { describe, expect, test } from "vitest";
import { toDockerInspect } from "../../../lib/network/index.ts";
import { ip, type Sandbox } from "../../support/sandbox.ts";
import { type Host, withCluster } from "./lab.ts";

/** Runs a test with two hosts. */
function withTwo(work: (one: Host, two: Host) => Promise<void>): Promise<void> {
  return withCluster(async ({ hosts: [one, two] }) => {
    if (one === undefined || two === undefined) throw new Error("no hosts");
    await work(one, two);
  });
}

/** The links of a sandbox but `lo`, and by which of them its default route goes. */
async function wayOf(sandbox: Sandbox): Promise<{ links: string[]; way: string[] }> {
  const links = (await ip(sandbox, "link")).map(({ ifname }) => ifname);
  const routes = await ip(sandbox, "route", "show", "default");
  return { links: links.filter((name) => name !== "lo").sort(), way: routes.map(({ dev }) => dev) };
}

describe("overlays", () => {
  test("have Docker's shape, with the endpoints of all hosts if that is asked for", () =>
    withTwo(async (one, two) => {
      const { id } = await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const a = await one.create("a", { networks: ["web"] });
      const b = await two.create("b", { networks: ["web"] });
      const network = await one.controller.inspectNetwork("web");
      const short = toDockerInspect(network);
      expect(short).toMatchObject({
        ...{ Id: id, Scope: "global", Driver: "overlay", Attachable: true, Ingress: false },
        IPAM: { Config: [{ Subnet: "10.0.0.0/24", Gateway: "10.0.0.1" }] },
        Peers: [
          { Name: "h1", IP: "192.0.2.1" },
          { Name: "h2", IP: "192.0.2.2" },
        ],
      });
      expect(Object.values(short.Containers)).toMatchObject([
        { Name: a.name, IPv4Address: "10.0.0.2/24", MacAddress: "02:42:0a:00:00:02" },
      ]);
      expect(short).not.toHaveProperty("Services");
      const { Services } = toDockerInspect(network, { verbose: true });
      expect(Services).toEqual({
        "": {
          ...{ VIP: "<nil>", Ports: [], LocalLBIndex: 0 },
          Tasks: [a, b].map(({ name }, position) => ({
            ...{ Name: name, EndpointID: network.members?.[position]?.id },
            ...{ EndpointIP: `10.0.0.${position + 2}` },
            Info: { "Host IP": `192.0.2.${position + 1}` },
          })),
        },
      });
      const local = await two.controller.inspectNetwork("vethwork_gwbridge");
      const shown = toDockerInspect(local, { verbose: true });
      expect(shown).toMatchObject({ Scope: "local", Attachable: false });
      expect([shown.Peers, shown.Services]).toEqual([undefined, undefined]);
    }));

  test("have the lowest subnet and number that are free on all hosts", () =>
    withTwo(async (one, two) => {
      const made = [
        await one.controller.createNetwork({ name: "first", driver: "overlay" }),
        await two.controller.createNetwork({ name: "second", driver: "overlay" }),
      ];
      expect(made.map(({ settings, subnets }) => [settings.number, subnets[0]?.subnet])).toEqual([
        ...[
          [4096, "10.0.0.0/24"],
          [4097, "10.0.1.0/24"],
        ],
      ]);
    }));

  test("lead out by a bridge besides, on which sandboxes are apart, and not where they are internal", () =>
    withTwo(async (one) => {
      const { controller, create } = one;
      await controller.createNetwork({ name: "web", driver: "overlay" });
      await controller.createNetwork({ name: "inner", driver: "overlay", internal: true });
      const out = await create("out", { networks: ["web"] });
      expect(await wayOf(out)).toEqual({ links: ["eth0", "eth1"], way: ["eth1"] });
      const shut = await create("shut", { networks: ["inner"] });
      expect(await wayOf(shut)).toEqual({ links: ["eth0"], way: [] });
      const bridge = await controller.inspectNetwork("vethwork_gwbridge");
      expect(bridge).toMatchObject({ predefined: true, options: { icc: "false" } });
      expect(bridge.connections.map(({ sandbox }) => sandbox.name)).toEqual([out.name]);
    }));

  test("are not removed under a sandbox of another host", () =>
    withTwo(async (one, two) => {
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const { name } = await two.create("b", { networks: ["web"] });
      await expect(one.controller.deleteNetwork("web")).rejects.toMatchObject({
        ...{ code: "NETWORK_IN_USE", conflict: name },
      });
      await two.controller.deleteSandbox(name);
      await one.controller.deleteNetwork("web");
      expect(await two.controller.listNetworks({ scope: ["cluster"] })).toEqual([]);
    }));
});

test("hosts are listed by their names, each with its address", () =>
  withTwo(async (one, two) => {
    const hosts = await one.controller.listHosts();
    expect(hosts).toMatchObject([
      { name: "h1", address: "192.0.2.1" },
      { name: "h2", address: "192.0.2.2" },
    ]);
    expect(await two.controller.listHosts()).toEqual(hosts);
    const filter = { scope: ["wide" as "cluster"] };
    await expect(one.controller.listNetworks(filter)).rejects.toMatchObject({
      ...{ code: "ERR_OUT_OF_RANGE", property: "scope[0]" },
    });
  }));
