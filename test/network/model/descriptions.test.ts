// What a controller tells: lists by filters, events, and all of it in Docker's shape.

import { expect, test } from "vitest";
import { toDockerInspect } from "../../../lib/network/index.ts";
import { refused } from "../refused.ts";
import { withLab } from "./lab.ts";

test("networks are listed by filters, and pruned", () =>
  withLab(async ({ controller, create }) => {
    const labels = { tier: "front", team: "x" };
    const { id } = await controller.createNetwork({ name: "web-front", labels });
    const before = new Date();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await controller.createNetwork({ name: "web-back", internal: true, labels: { tier: "back" } });
    await create("a", { networks: ["web-back"] });
    await create("b");
    const names = async (filters = {}) =>
      (await controller.listNetworks(filters)).map(({ name }) => name);
    expect(await names()).toEqual(["bridge", "web-back", "web-front"]);
    expect(await names({ name: ["web"] })).toEqual(["web-back", "web-front"]);
    expect(await names({ id: [id.slice(0, 8)] })).toEqual(["web-front"]);
    expect(await names({ driver: ["bridge"], type: "custom" })).toEqual(["web-back", "web-front"]);
    expect(await names({ type: "builtin" })).toEqual(["bridge"]);
    expect(await names({ label: ["tier=front"] })).toEqual(["web-front"]);
    expect(await names({ label: ["tier", "team"] })).toEqual(["web-front"]);
    expect(await names({ notLabel: ["team"] })).toEqual(["bridge", "web-back"]);
    expect(await names({ until: before })).toEqual(["web-front"]);
    expect(await names({ dangling: true })).toEqual(["web-front"]);
    expect(await refused(() => controller.listNetworks({ type: "x" as "custom" }))).toBeDefined();
    expect(await controller.pruneNetworks({ label: ["tier=back"] })).toEqual([]);
    expect(await controller.pruneNetworks()).toEqual(["web-front"]);
    expect(await names()).toEqual(["bridge", "web-back"]);
  }));

test("what happens is told in order, whoever does it, until it is not wanted any more", () =>
  withLab(async ({ controller, named }) => {
    const told: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of controller.watch({ signal: stop.signal })) {
        const { name: of } =
          event.type === "network"
            ? event.network
            : event.type === "sandbox"
              ? event.sandbox
              : event.service;
        told.push(`${event.type} ${event.action} ${of}`);
        if (event.action === "destroy" && event.type === "network") break;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const name = named("a");
    await controller.createNetwork({ name: "web" });
    await controller.createSandbox({ name, networks: ["web"] });
    await controller.disconnect("web", name);
    await controller.connect("web", name);
    await controller.createService({ network: "web", name: "api" });
    await controller.deleteService("web", "api");
    await controller.deleteSandbox(name);
    await controller.deleteNetwork("web");
    await watching;
    stop.abort();
    expect(told).toEqual([
      "network create web",
      ...[`sandbox create ${name}`, "network connect web"],
      ...["network disconnect web", "network connect web"],
      ...["service create api", "service destroy api", "network disconnect web"],
      ...[`sandbox destroy ${name}`, "network destroy web"],
    ]);
    const ended = new AbortController();
    const waiting = controller.watch({ signal: ended.signal }).next();
    ended.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  }));

test("networks and sandboxes have Docker's shape on request", () =>
  withLab(async ({ controller, create, named }) => {
    await controller.createNetwork({
      ...{ name: "web", labels: { a: "b" }, ipv6: true },
      subnets: [{ subnet: "10.4.0.0/16", range: "10.4.1.0/24", auxiliary: { x: "10.4.1.9" } }],
      options: { "com.docker.network.driver.mtu": "1400" },
    });
    const networks = [{ network: "web", aliases: ["www"], gatewayPriority: 3 }];
    const a = await create("a", { networks, ports: ["8080:80", "53/udp"], hostname: "me" });
    const network = toDockerInspect(await controller.inspectNetwork("web"));
    const { id } = a.planned;
    expect(network).toMatchObject({
      ...{ Name: "web", Scope: "local", Driver: "bridge", EnableIPv4: true, EnableIPv6: true },
      ...{ Internal: false, Attachable: false, Ingress: false, ConfigOnly: false },
      ...{ Options: { "com.docker.network.driver.mtu": "1400" }, Labels: { a: "b" } },
      IPAM: {
        Driver: "default",
        Config: [
          {
            ...{ Subnet: "10.4.0.0/16", IPRange: "10.4.1.0/24", Gateway: "10.4.1.0" },
            AuxiliaryAddresses: { x: "10.4.1.9" },
          },
          { Subnet: expect.stringMatching(/^fd.*\/64$/) },
        ],
      },
      Containers: {
        [id]: {
          ...{ Name: named("a"), MacAddress: "02:42:0a:04:01:01" },
          IPv4Address: "10.4.1.1/16",
          IPv6Address: expect.stringMatching(/^fd.*::2\/64$/),
        },
      },
    });
    const inspected = await controller.inspectSandbox(a.name);
    expect(toDockerInspect(inspected)).toMatchObject({
      ...{ SandboxID: id, SandboxKey: `/run/netns/${named("a")}` },
      Ports: {
        "80/tcp": [
          { HostIp: "0.0.0.0", HostPort: "8080" },
          { HostIp: "::", HostPort: "8080" },
        ],
        "53/udp": [{ HostIp: "0.0.0.0" }, { HostIp: "::" }],
      },
      Networks: {
        web: {
          ...{ Aliases: ["www"], Gateway: "10.4.1.0", IPAddress: "10.4.1.1", IPPrefixLen: 16 },
          ...{ GwPriority: 3, DNSNames: [named("a"), "www", id.slice(0, 12), "me"] },
        },
      },
    });
    const joined = await create("b", { joins: a.name });
    expect(toDockerInspect(await controller.inspectSandbox(joined.name))).toEqual({
      ...{ SandboxID: "", SandboxKey: "", Ports: {}, Networks: {} },
    });
  }));
