// Names in sandboxes: by the server at 127.0.0.11, by the hosts file, as networks come and go.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { bindUdp, exec, listen } from "../../../lib/index.ts";
import { inside, type Sandbox } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, curl, dig, fileIn, lan, serving, withLab } from "./lab.ts";

const run = promisify(execFile);

/** A name server in the world outside: it knows one name, and tells who asked. */
async function upstream(
  world: Sandbox,
  test: (askers: string[]) => Promise<void>,
  at: string = lan.world,
) {
  const askers: string[] = [];
  const socket = await bindUdp(world, { address: at, port: 53 });
  socket.on("message", (query, { address, port }) => {
    askers.push(address);
    const answer = Buffer.from(query);
    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(1, 6);
    answer.writeUInt16BE(0, 10);
    // What was asked, without what EDNS adds to it: its name ends with a zero, type and class follow.
    const end = answer.indexOf(0, 12) + 5;
    const record = Buffer.from("c00c00010001000000050004cb007107", "hex");
    socket.send(Buffer.concat([answer.subarray(0, end), record]), port, address);
  });
  try {
    await test(askers);
  } finally {
    socket.close();
  }
}

describe("the name server of a sandbox", () => {
  test("asks the host's servers for other names, from inside the sandbox", () =>
    withLab(async ({ world, controller, create }) => {
      await controller.createNetwork({ name: "web" });
      const a = await create("a", { networks: ["web"] });
      await upstream(world, async (askers) => {
        expect(await dig(a, "example.test")).toEqual(["203.0.113.7"]);
        expect(await dig(a, "+tcp", "+noall", "example.test")).toEqual([]);
        expect(askers).toEqual([lan.host]);
      });
    }));

  test("asks those of the sandbox in their place", () =>
    withLab(async ({ world, controller, create }) => {
      await controller.createNetwork({ name: "web" });
      await inside(world, "ip", "addr", "add", "198.51.100.53/24", "dev", "lan0");
      const servers = ["198.51.100.53"];
      const a = await create("a", { networks: ["web"], names: { servers } });
      expect(await fileIn(a, "/etc/resolv.conf")).toContain("nameserver 127.0.0.11\n");
      await upstream(
        world,
        async (askers) => {
          expect(await dig(a, "example.test")).toEqual(["203.0.113.7"]);
          expect(askers).toHaveLength(1);
        },
        servers[0],
      );
    }));

  test("asks nobody on an internal network", () =>
    withLab(async (lab) => {
      const { world, controller, create, named } = lab;
      await controller.createNetwork({ name: "inner", internal: true });
      const a = await create("a", { networks: ["inner"] });
      const b = await create("b", { networks: ["inner"] });
      await upstream(world, async (askers) => {
        const { stdout } = await exec(a, "dig", ["example.test"]);
        expect(stdout).toContain("status: SERVFAIL");
        expect(await dig(a, named("b"))).toEqual([await addressOn(lab, b, "inner")]);
        expect(askers).toEqual([]);
      });
    }));

  test("tells a sandbox's name by its address, and all addresses of a name that several have", () =>
    withLab(async (lab) => {
      const { controller, create, named } = lab;
      await controller.createNetwork({ name: "web" });
      const shared = [{ network: "web", aliases: ["db"] }];
      const [a, b, c] = await Promise.all(
        ["a", "b", "c"].map((word) => create(word, { networks: shared })),
      );
      if (!a || !b || !c) throw new Error("unreachable");
      const addresses = await Promise.all([a, b, c].map((each) => addressOn(lab, each, "web")));
      expect((await dig(a, "db")).toSorted()).toEqual(addresses.toSorted());
      const firsts = await Promise.all(Array.from({ length: 20 }, () => dig(a, "db")));
      expect(new Set(firsts.map(([first]) => first)).size).toBeGreaterThan(1);
      expect(await dig(a, "-x", addresses[1] ?? "")).toEqual([`${named("b")}.web.`]);
      await controller.disconnect("web", c.name);
      expect((await dig(a, "db")).toSorted()).toEqual(addresses.slice(0, 2).toSorted());
      await controller.deleteSandbox(b.name);
      expect(await dig(a, "db")).toEqual(addresses.slice(0, 1));
    }));

  test("comes with the first network that has names, and goes with the last", () =>
    withLab(async (lab) => {
      const { controller, create, named } = lab;
      await controller.createNetwork({ name: "web" });
      await create("b", { networks: ["web"] });
      const a = await create("a");
      expect(await fileIn(a, "/etc/resolv.conf")).toContain(`nameserver ${lan.world}`);
      await controller.connect("web", a.name);
      expect(await fileIn(a, "/etc/resolv.conf")).toContain("nameserver 127.0.0.11");
      expect(await dig(a, named("b"))).toHaveLength(1);
      await controller.disconnect("web", a.name);
      expect(await fileIn(a, "/etc/resolv.conf")).toContain(`nameserver ${lan.world}`);
      expect(await dig(a, "@127.0.0.11", named("b")).catch(() => [])).toEqual([]);
      await controller.connect("web", a.name);
      expect(await dig(a, named("b"))).toHaveLength(1);
    }));

  test("knows nobody by what is not a name", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "web" });
      const a = await create("a", { networks: ["web"] });
      const id = a.planned.id;
      const strangers = [id.slice(0, 8), id.slice(0, 13), "web", "localhost", `x.${named("a")}`];
      for (const stranger of [...strangers, "host.docker.internal", "gateway"]) {
        expect([stranger, await dig(a, stranger)]).toEqual([stranger, []]);
      }
      expect(await dig(a, `${named("a")}.web.`)).toHaveLength(1);
    }));

  test("leaves port 53 to the sandbox", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "web" });
      const a = await create("a", { networks: ["web"] });
      const own = await bindUdp(a, { address: "0.0.0.0", port: 53 });
      const server = await listen(a, { host: "0.0.0.0", port: 53 });
      expect(await dig(a, named("a"))).toHaveLength(1);
      own.close();
      server.close();
    }));

  test("gives addresses of IPv6, too, and their names", () =>
    withLab(async (lab) => {
      const { controller, create, named } = lab;
      await controller.createNetwork({ name: "six", ipv6: true });
      const a = await create("a", { networks: ["six"] });
      const b = await create("b", { networks: ["six"] });
      const six = await addressOn(lab, b, "six", 1);
      expect(await dig(a, named("b"), "AAAA")).toEqual([six]);
      expect(await dig(a, "-x", six)).toEqual([`${named("b")}.six.`]);
    }));
});

describe("links", () => {
  test("on the predefined network are lines of the linking side's hosts file", () =>
    withLab(async (lab) => {
      const { controller, create, named, open } = lab;
      const target = await create("db", { hostname: "database" });
      const a = await create("a", {
        networks: [{ network: "bridge", links: { store: named("db") } }],
      });
      const line = async () => (await fileIn(a, "/etc/hosts")).match(/^.*\bstore\b.*$/m)?.[0];
      expect(await line()).toBe(`172.17.0.2\tstore database ${named("db")}`);
      expect(
        (await run("ip", ["netns", "exec", a.name, "getent", "hosts", "store"])).stdout,
      ).toMatch(/^172\.17\.0\.2/);
      expect(await fileIn(target, "/etc/hosts")).not.toContain(named("a"));
      // The target goes and comes back with another address: the file follows.
      await controller.disconnect("bridge", target.name);
      expect(await line()).toBeUndefined();
      await create("c");
      await controller.connect("bridge", target.name);
      expect(await line()).toBe(`172.17.0.4\tstore database ${named("db")}`);
      await controller.deleteSandbox(target.name);
      expect(await line()).toBeUndefined();
      await open(await controller.createSandbox({ name: named("db"), hostname: "database" }));
      expect(await line()).toBe(`172.17.0.4\tstore database ${named("db")}`);
      expect(await controller.plan()).toEqual([]);
    }));

  test("on a user's network are names for the linking side alone", () =>
    withLab(async (lab) => {
      const { controller, create, named } = lab;
      await controller.createNetwork({ name: "web" });
      const target = await create("db", { networks: ["web"] });
      const a = await create("a", {
        networks: [{ network: "web", links: { store: named("db") } }],
      });
      expect(await dig(a, "store")).toEqual([await addressOn(lab, target, "web")]);
      expect(await dig(target, "store")).toEqual([]);
      expect(await fileIn(a, "/etc/hosts")).not.toContain("store");
    }));

  test("lead to sandboxes that there are, on the network", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "web" });
      await create("other");
      const attempt = (target: string) =>
        refused(() =>
          controller.createSandbox({
            name: named("a"),
            networks: [{ network: "web", links: { store: target } }],
          }),
        );
      expect(await attempt(named("missing"))).toEqual({ code: "SANDBOX_MISSING" });
      expect(await attempt(named("other"))).toEqual({
        ...{ code: "TARGET_MISSING", conflict: named("other") },
      });
      expect((await controller.listSandboxes()).map(({ name }) => name)).toEqual([named("other")]);
    }));
});

test("files of a sandbox have what it was given, and the host's", () =>
  withLab(async ({ controller, create }) => {
    await controller.createNetwork({ name: "web" });
    const a = await create("a", {
      networks: ["web"],
      names: { options: ["ndots:2", "rotate"], hosts: { printer: "10.9.9.9" } },
    });
    expect(await fileIn(a, "/etc/hosts")).toMatch(/^10\.9\.9\.9\tprinter$/m);
    const text = await fileIn(a, "/etc/resolv.conf");
    expect(text).toMatch(/^search corp\.example$/m);
    expect(text).toMatch(/^options ndots:2 rotate$/m);
    const b = await create("b", {
      names: { servers: ["192.0.2.9"], search: ["x.example"], options: ["timeout:1"] },
    });
    expect(await fileIn(b, "/etc/resolv.conf")).toBe(
      "# Written by vethwork.\nnameserver 192.0.2.9\nsearch x.example\noptions timeout:1\n",
    );
    // Programs that this library starts see them, too.
    expect((await exec(a, "cat", ["/etc/hosts"])).stdout).toContain("printer");
  }));

test("a server in one sandbox is called by its name from another", () =>
  withLab(async ({ controller, create, named }) => {
    await controller.createNetwork({ name: "web" });
    const a = await create("a", { networks: ["web"] });
    const b = await create("b", { networks: ["web"] });
    await serving(b, 8000, async () => {
      expect(await curl(a, named("b"), 8000)).toBeDefined();
    });
  }));
