// Published ports, from everywhere they are to be reached from, by real connections.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { bindUdp, listen } from "../../../lib/index.ts";
import { inside, type Sandbox, type Testimony } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { asked, echoing } from "../traffic.ts";
import { addressOn, curl, lan, serving, withLab } from "./lab.ts";

/** Has a port of TCP and one of UDP, until it is ended. */
const program = `
import socket, sys
tcp = socket.create_server(("0.0.0.0", 8080))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 5353))
print("there", flush=True)
sys.stdin.read()`;

/** Rules and elements of our table. */
async function ruleset(host: Sandbox): Promise<Testimony[]> {
  return JSON.parse(await inside(host, "nft", "-j", "list", "ruleset")).nftables;
}

describe("a published port", () => {
  test("is reached from outside, the host, siblings, other networks and its own sandbox", () =>
    withLab(async (lab) => {
      const { host, world, controller, create } = lab;
      for (const name of ["web", "other"]) await controller.createNetwork({ name });
      const a = await create("a", { networks: ["web"], ports: ["8080:80"] });
      const sibling = await create("b", { networks: ["web"] });
      const stranger = await create("c", { networks: ["other"] });
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
        expect(await curl(host, lan.host, 8080)).toBe(lan.host);
        expect(await curl(host, "127.0.0.1", 8080)).toBe("172.17.0.1");
        expect(await curl(sibling, lan.host, 8080)).toBe("172.17.0.1");
        expect(await curl(stranger, lan.host, 8080)).toBeDefined();
        expect(await curl(a, lan.host, 8080)).toBe("172.17.0.1");
        expect(await curl(stranger, await addressOn(lab, a, "web"), 80)).toBeUndefined();
        expect(await curl(host, await addressOn(lab, a, "web"), 80)).toBe("172.17.0.1");
        await controller.deleteSandbox(a.name);
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
      });
    }));

  test("of an address alone is reached by that alone", () =>
    withLab(async ({ host, world, create }) => {
      const ports = ["127.0.0.1:8080:80", `${lan.host}:8081:80`];
      const a = await create("a", { ports });
      await serving(a, 80, async () => {
        expect(await curl(host, "127.0.0.1", 8080)).toBeDefined();
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
        expect(await curl(world, lan.host, 8081)).toBe(lan.world);
        expect(await curl(host, "127.0.0.1", 8081)).toBeUndefined();
      });
    }));

  test("does not open the sandbox's address to the outside", () =>
    withLab(async ({ host, world, create }) => {
      const a = await create("a", { ports: ["8080:80"] });
      await inside(world, "ip", "route", "add", "172.17.0.0/16", "via", lan.host);
      await serving(a, 80, async () => {
        expect(await curl(world, "172.17.0.2", 80)).toBeUndefined();
        expect(await curl(host, "172.17.0.2", 80)).toBeDefined();
      });
    }));

  test("of UDP answers from the address that was asked", () =>
    withLab(async (lab) => {
      const { host, world, controller, create } = lab;
      await controller.createNetwork({ name: "web" });
      const a = await create("a", { networks: ["web"], ports: ["5000:53/udp"] });
      const sibling = await create("b", { networks: ["web"] });
      await echoing(a, 53, async () => {
        expect(await asked(world, lan.host, 5000)).toBe(`${lan.host} ${lan.world}`);
        expect(await asked(host, "127.0.0.1", 5000)).toBe("127.0.0.1 172.17.0.1");
        expect(await asked(sibling, lan.host, 5000)).toBe(`${lan.host} 172.17.0.1`);
        expect(await asked(a, lan.host, 5000)).toBe(`${lan.host} 172.17.0.1`);
      });
    }));

  test("is one more element, and no more rules", () =>
    withLab(async ({ host, create }) => {
      await create("a", { ports: ["8080:80"] });
      const rules = async () => (await ruleset(host)).filter((one) => "rule" in one).length;
      const before = await rules();
      await create("b", { ports: ["9000-9009:9000-9009", "9000:53/udp"] });
      expect(await rules()).toBe(before);
      const text = await inside(host, "nft", "list", "map", "inet", "vethwork", "ports4");
      expect(text).toMatch(/tcp \. 9009 : 172\.17\.0\.3 \. 9009/);
      expect(text).toMatch(/udp \. 9000 : 172\.17\.0\.3 \. 53/);
    }));

  test("moves to the network that the sandbox has left, with the default route", () =>
    withLab(async (lab) => {
      const { world, controller, create } = lab;
      for (const name of ["aaa", "zzz"]) await controller.createNetwork({ name });
      const a = await create("a", { networks: ["aaa", "zzz"], ports: ["8080:80"] });
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
        await controller.disconnect("aaa", a.name);
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
        await controller.disconnect("zzz", a.name);
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
        await controller.connect("aaa", a.name);
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
      });
    }));

  test("of IPv6 is reached by that, the client's address seen", () =>
    withLab(async (lab) => {
      const { world, host, controller, create } = lab;
      await controller.createNetwork({ name: "six", ipv6: true });
      const a = await create("a", { networks: ["six"], ports: ["8080:80"] });
      expect(a.planned.ports.map(({ hostAddress }) => hostAddress)).toEqual(["0.0.0.0", "::"]);
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host6, 8080)).toBe(lan.world6);
        expect(await curl(host, lan.host6, 8080)).toBe(lan.host6);
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
      });
    }));

  test("of an earlier sandbox leads nobody to it any more, connections neither", () =>
    withLab(async ({ host, world, controller, create }) => {
      const a = await create("a", { ports: ["5000:53/udp"] });
      await echoing(a, 53, async () => {
        expect(await asked(world, lan.host, 5000)).toBe(`${lan.host} ${lan.world}`);
      });
      expect(await inside(host, "conntrack", "-L", "-p", "udp")).toContain("dport=5000");
      await controller.deleteSandbox(a.name);
      expect(await inside(host, "conntrack", "-L", "-p", "udp")).not.toContain("172.17.0.2");
    }));
});

describe("a port that is not named", () => {
  test("is one of those that the kernel gives to clients, each another one", () =>
    withLab(async ({ host, create }) => {
      const a = await create("a", { ports: ["80", "81", "53/udp"] });
      const [first, second, third] = a.planned.ports;
      const range = await inside(host, "cat", "/proc/sys/net/ipv4/ip_local_port_range");
      const [least = 0, most = 0] = range.split(/\s+/).map(Number);
      expect(first?.hostPort).toBe(least);
      expect(second?.hostPort).toBe(least + 1);
      expect(third).toMatchObject({ protocol: "udp", hostPort: least, port: 53 });
      expect(most).toBeGreaterThan(least);
    }));

  test("of a range is the next free one of it", () =>
    withLab(async ({ controller, create, named }) => {
      const spec = { port: 80, hostPort: { first: 7000, last: 7002 } };
      const ports = async (word: string) =>
        (await create(word, { ports: [spec] })).planned.ports[0]?.hostPort;
      expect(await ports("a")).toBe(7000);
      expect(await ports("b")).toBe(7001);
      await controller.deleteSandbox(named("a"));
      expect(await ports("c")).toBe(7002);
      expect(await ports("d")).toBe(7000);
      const more = () => controller.createSandbox({ name: named("e"), ports: [spec] });
      expect(await refused(more)).toMatchObject({ code: "PORT_TAKEN" });
    }));
});

describe("a port that is taken", () => {
  test("by another sandbox is refused, whose name is told, before anything is made", () =>
    withLab(async ({ controller, create, named }) => {
      const a = await create("a", { ports: ["8080:80"] });
      const taken = { code: "PORT_TAKEN", conflict: `sandbox ${JSON.stringify(a.name)}` };
      const events: string[] = [];
      const stop = new AbortController();
      const heard = (async () => {
        for await (const { type, action } of controller.watch({ signal: stop.signal })) {
          events.push(`${type} ${action}`);
        }
      })().catch(() => undefined);
      const create2 = (...ports: string[]) =>
        refused(() => controller.createSandbox({ name: named("b"), ports }));
      expect(await create2("8080:81")).toEqual(taken);
      expect(await create2("9090:81", `${lan.host}:8080:80`)).toEqual(taken);
      expect(await create2("9090:81", "9090:82")).toMatchObject({ code: "PORT_TAKEN" });
      expect(await create2("8080:81/udp", "9090:90")).toBeUndefined();
      stop.abort();
      await heard;
      expect(events.filter((one) => one.startsWith("sandbox"))).not.toContain("sandbox destroy");
    }));

  test("by a program on the host is refused", () =>
    withLab(async ({ host, controller, create, named }) => {
      const server = await listen(host, { host: lan.host, port: 8080 });
      const socket = await bindUdp(host, { address: "0.0.0.0", port: 5353 });
      try {
        const attempt = (port: string) =>
          refused(() => controller.createSandbox({ name: named("a"), ports: [port] }));
        const taken = { code: "PORT_TAKEN", conflict: expect.stringContaining("on the host") };
        expect(await attempt("8080:80")).toEqual(taken);
        expect(await attempt(`${lan.host}:8080:80`)).toEqual(taken);
        expect(await attempt("5353:53/udp")).toEqual(taken);
        expect(await controller.listSandboxes()).toEqual([]);
        await create("a", { ports: ["127.0.0.1:8080:80"] });
      } finally {
        server.close();
        socket.close();
      }
    }));

  test("by a program whose process can be found is refused, and says whose it is", () =>
    withLab(async ({ host, controller, named }) => {
      const args = ["netns", "exec", host.name, "python3", "-c", program];
      const child = spawn("ip", args, { stdio: ["pipe", "pipe", "inherit"] });
      try {
        await once(child.stdout, "data");
        const attempt = (port: string) =>
          refused(() => controller.createSandbox({ name: named("a"), ports: [port] }));
        const conflict = `"python3" on the host (process ${child.pid})`;
        expect(await attempt("8080:80")).toEqual({ code: "PORT_TAKEN", conflict });
        expect(await attempt("5353:53/udp")).toEqual({ code: "PORT_TAKEN", conflict });
      } finally {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    }));

  test("by two calls at once is given to one of them", () =>
    withLab(async ({ controller, named }) => {
      const attempts = ["a", "b", "c", "d"].map((word) =>
        refused(() => controller.createSandbox({ name: named(word), ports: ["8080:80"] })),
      );
      const codes = (await Promise.all(attempts)).map((one) => one?.code ?? "made");
      expect(codes.toSorted()).toEqual(["PORT_TAKEN", "PORT_TAKEN", "PORT_TAKEN", "made"]);
    }));
});

test("ports that there are not, of protocols that are not led on, are refused", () =>
  withLab(async ({ controller, named }) => {
    const attempt = (port: unknown) =>
      refused(() => controller.createSandbox({ name: named("a"), ports: [port as string] }));
    const range = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });
    expect(await attempt("0")).toEqual(range("ports[0].port"));
    expect(await attempt("65536:80")).toEqual(range("ports[0].hostPort"));
    expect(await attempt("80-70")).toEqual(range("ports[0].port.last"));
    expect(await attempt("8000-8002:80-81")).toEqual(range("ports[0].hostPort"));
    expect(await attempt("zz:80:80")).toEqual(range("ports[0].hostAddress"));
    expect(await attempt("8080:80:90:100")).toEqual(range("ports[0]"));
    expect(await attempt("eighty")).toEqual(range("ports[0]"));
    expect(await attempt({ port: 1.5 })).toEqual(range("ports[0].port"));
    expect(await attempt({ port: "80" })).toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
    expect(await attempt({ port: 80, prot: "tcp" })).toMatchObject({ property: "ports[0].prot" });
    expect(await attempt("80:80/sctp")).toEqual({ code: "PROTOCOL_UNSUPPORTED" });
    expect(await attempt("203.0.113.9:80:80")).toMatchObject({ code: "ADDRESS_OUTSIDE" });
    expect(await controller.listSandboxes()).toEqual([]);
    expect((await controller.listNetworks()).map(({ name }) => name)).not.toContain("sandbox");
  }));
