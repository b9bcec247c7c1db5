// Servers, connections and HTTP between namespaces, against curl, ss and Node's own errors.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { beforeAll, describe, expect, test } from "vitest";
import {
  agent,
  connect,
  createNamespace,
  listen,
  type Namespace,
  openNamespace,
  setLink,
} from "../../lib/index.ts";
import { withRouter } from "../support/routed.ts";
import {
  inside,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

/** What of an error a program can rely on. */
function shapeOf(error: unknown): object {
  if (!(error instanceof Error)) throw error;
  return { ...error, message: error.message };
}

async function failureOf(work: Promise<unknown>): Promise<object> {
  return shapeOf(
    await work.then(
      () => new Error("it did not fail"),
      (error: unknown) => error,
    ),
  );
}

/** How Node itself fails. */
async function failureOfNode(emitter: net.Server | net.Socket): Promise<object> {
  const [error] = await once(emitter, "error").catch((reason) => [reason]);
  return shapeOf(error);
}

const greet: http.RequestListener = (request, response) =>
  void response.end(`hello ${request.socket.remoteAddress} from ${request.headers.host}`);

function close(server: net.Server): Promise<unknown> {
  if (server instanceof http.Server) server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

async function get(url: string, httpAgent: http.Agent): Promise<string> {
  const [response] = await once(http.get(url, { agent: httpAgent }), "response");
  return await text(response);
}

const descriptors = () => readdirSync("/proc/self/fd").length;

beforeAll(async () => {
  // Where Node's own sockets are, which ours are compared with.
  await using home = await openNamespace();
  await setLink(home, { name: "lo" }, { up: true });
});

describe("http between namespaces with a router between", () => {
  test("is served to fetch, to http.request and to curl", () =>
    withRouter(async ({ left, right }) => {
      const server = await listen(right, { port: 80, server: http.createServer(greet) });
      expect(server.address()).toMatchObject({ port: 80 });
      await using client = agent(left);
      const { dispatcher } = client;
      const reply = await fetch("http://10.2.0.2/", { dispatcher });
      expect(await reply.text()).toBe("hello ::ffff:10.1.0.2 from 10.2.0.2");
      const six = await fetch("http://[fd02::2]/", { dispatcher });
      expect(await six.text()).toBe("hello fd01::2 from [fd02::2]");
      expect(await get("http://10.2.0.2/", client.http)).toContain("hello ::ffff:10.1.0.2");
      expect(await inside(left, "curl", "-s", "http://10.2.0.2/")).toContain("::ffff:10.1.0.2");
      await expect(
        fetch("http://10.2.0.2/", { signal: AbortSignal.timeout(1000) }),
      ).rejects.toThrow();
      await close(server);
    }));

  test("keeps connections, and opens them side by side", () =>
    withRouter(async ({ left, right }) => {
      const ports = new Set<number | undefined>();
      const server = await listen(right, {
        port: 0,
        host: "10.2.0.2",
        server: http.createServer((request, response) => {
          ports.add(request.socket.remotePort);
          response.end("here");
        }),
      });
      const { port } = server.address() as net.AddressInfo;
      await using client = agent(left);
      const url = `http://10.2.0.2:${port}/`;
      for (let n = 0; n < 5; n += 1) expect(await get(url, client.http)).toBe("here");
      expect(ports.size).toBe(1);
      const many = Array.from({ length: 20 }, () => get(url, client.http));
      expect(await Promise.all(many)).toEqual(Array(20).fill("here"));
      expect(ports.size).toBeGreaterThan(1);
      await close(server);
    }));
});

describe("https between namespaces", () => {
  const read = (name: string) =>
    readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), "utf8");
  const [key, cert] = [read("key"), read("certificate")];

  test("is served to fetch and to https.request, which check the certificate", () =>
    withRouter(async ({ left, right }) => {
      const names: unknown[] = [];
      const service = https.createServer({ key, cert }, (request, reply) => {
        names.push((request.socket as TLSSocket).servername);
        reply.end("secure");
      });
      const server = await listen(right, { port: 443, server: service });
      await using client = agent(left, { ca: cert });
      const { dispatcher } = client;
      const reply = await fetch("https://10.2.0.2/", { dispatcher });
      expect(await reply.text()).toBe("secure");
      const options = { agent: client.https, servername: "service.test" };
      const [response] = await once(https.get("https://10.2.0.2/", options), "response");
      expect(await text(response)).toBe("secure");
      expect(names).toContain("service.test");

      await using stranger = agent(left);
      const distrust = fetch("https://10.2.0.2/", { dispatcher: stranger.dispatcher });
      await expect(distrust).rejects.toMatchObject({
        cause: { code: expect.stringContaining("SELF_SIGNED_CERT") },
      });
      service.closeAllConnections();
      await close(server);
    }));
});

describe("servers", () => {
  test("200 in as many namespaces serve at once, each its own", { timeout: 60_000 }, async () => {
    const namespaces = await Promise.all(
      Array.from({ length: 200 }, () => createNamespace({ ipv6: false })),
    );
    const servers = await Promise.all(
      namespaces.map((namespace, n) =>
        listen(namespace, {
          port: 80,
          host: "127.0.0.1",
          server: http.createServer((_, response) => void response.end(`server ${n}`)),
        }),
      ),
    );
    const replies = await Promise.all(
      namespaces.map(async (namespace) => {
        await using client = agent(namespace);
        return await get("http://127.0.0.1/", client.http);
      }),
    );
    expect(replies).toEqual(namespaces.map((_, n) => `server ${n}`));
    await Promise.all(servers.map(close));
    await Promise.all(namespaces.map((namespace) => namespace.close()));
  });

  test("are seen inside by ss, and not in the process's own namespace", () =>
    withSandboxes(1, async ([sandbox]) => {
      const server = await listen(sandbox, { port: 4711, backlog: 7 });
      const line = await inside(sandbox, "ss", "-Hltn", "sport", "=", "4711");
      expect(line).toMatch(/^LISTEN\s+0\s+7\s+\*:4711/);
      await using home = await openNamespace();
      const refused = connect(home, { port: 4711, host: "127.0.0.1" });
      await expect(refused).rejects.toMatchObject({ code: "ECONNREFUSED" });
      await close(server);
    }));

  test("in a worker of cluster are its own", () => {
    const script = new URL("../fixtures/cluster-server.mjs", import.meta.url).pathname;
    const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({
      stdout: "127.0.0.1 80\nhello\npath: cannot be listened on by a worker of cluster\n0\n",
      stderr: "",
    });
  });

  test("share a port if they are told to", () =>
    withSandboxes(1, async ([sandbox]) => {
      const one = await listen(sandbox, { port: 80, reusePort: true });
      const other = await listen(sandbox, { port: 80, reusePort: true });
      expect(
        (await inside(sandbox, "ss", "-Hltn", "sport", "=", "80")).trim().split("\n"),
      ).toHaveLength(2);
      await Promise.all([close(one), close(other)]);
    }));

  test("take IPv6 alone, IPv4 alone, and a link-local address with its link", () =>
    withRouter(async ({ left, router }) => {
      const six = await listen(left, { port: 80, host: "::", ipv6Only: true });
      const four = await listen(left, { port: 80, host: "0.0.0.0" });
      await Promise.all([close(six), close(four)]);

      const address = await linkLocal(router, "side1");
      await linkLocal(left, "eth0");
      const peers: (string | undefined)[] = [];
      const server = await listen(router, { port: 80, host: `${address}%side1` }, (socket) => {
        peers.push(socket.remoteAddress);
        socket.end();
      });
      const socket = await connect(left, { port: 80, host: `${address}%eth0` });
      expect(socket.remoteAddress).toBe(`${address}%eth0`);
      socket.resume();
      await once(socket, "close");
      expect(peers).toEqual([expect.stringMatching(/^fe80::.*%side1$/)]);
      await close(server);
    }));

  test("on a path and on an abstract name; the path goes with the server", () =>
    withSandboxes(2, async ([sandbox, other]) => {
      for (const path of [`/run/vethwork-${process.pid}.sock`, "\0vethwork"]) {
        const server = await listen(sandbox, { path }, (socket) => void socket.end("unix"));
        expect(server.address()).toBe(path);
        const listed = await inside(sandbox, "ss", "-Hlx");
        expect(listed).toContain(path.replace("\0", "@"));
        expect(await text(await connect(sandbox, { path }))).toBe("unix");
        if (path.startsWith("\0")) {
          await expect(connect(other, { path })).rejects.toMatchObject({ code: "ECONNREFUSED" });
        }
        const again = listen(sandbox, { path });
        await expect(again).rejects.toMatchObject({ code: "EADDRINUSE", address: path });
        await close(server);
        await expect(connect(sandbox, { path })).rejects.toMatchObject({ syscall: "connect" });
      }
    }));
});

/** The link-local address of a link, when it may be used. */
async function linkLocal(sandbox: Sandbox, link: string): Promise<string> {
  for (;;) {
    const out = await inside(
      sandbox,
      "ip",
      "-6",
      "-br",
      "address",
      "show",
      "dev",
      link,
      "scope",
      "link",
      "-tentative",
    );
    const [address] = /fe80::[0-9a-f:]+/.exec(out) ?? [];
    if (address !== undefined) return address;
  }
}

describe("failures are Node's own", () => {
  test("nobody listens", () =>
    withSandboxes(1, async ([sandbox]) => {
      const ours = await failureOf(connect(sandbox, { port: 1, host: "127.0.0.1" }));
      const theirs = await failureOfNode(net.connect({ port: 1, host: "127.0.0.1" }));
      expect(ours).toEqual(theirs);
      const path = "/nonexistent/socket";
      expect(await failureOf(connect(sandbox, { path }))).toEqual(
        await failureOfNode(net.connect({ path })),
      );
    }));

  test("an address that is taken, or not there, or a path that leads nowhere", () =>
    withSandboxes(1, async ([sandbox]) => {
      const server = await listen(sandbox, { port: 4712, host: "127.0.0.1" });
      const own = net.createServer().listen(4712, "127.0.0.1");
      await once(own, "listening");
      const cases = [
        { port: 4712, host: "127.0.0.1" },
        { port: 4712, host: "192.0.2.1" },
        { path: "/nonexistent/socket" },
      ];
      for (const options of cases) {
        const ours = await failureOf(listen(sandbox, options));
        expect(ours).toEqual(await failureOfNode(net.createServer().listen(options)));
      }
      await Promise.all([close(server), close(own)]);
    }));

  test("no route", () =>
    withSandboxes(1, async ([sandbox]) => {
      const refused = connect(sandbox, { port: 80, host: "192.0.2.1" });
      await expect(refused).rejects.toMatchObject({
        code: "ENETUNREACH",
        address: "192.0.2.1",
        port: 80,
      });
    }));
});

describe("what is given up", () => {
  test("an attempt to connect, by its signal", () =>
    withRouter(async ({ left, router }) => {
      // Nobody has the address, so nothing answers.
      const signal = AbortSignal.timeout(50);
      const attempt = connect(left, { port: 80, host: "10.2.0.99", signal });
      await expect(attempt).rejects.toMatchObject({ name: "TimeoutError" });
      const aborted = AbortSignal.abort(new Error("before"));
      await expect(connect(left, { port: 80, host: "::1", signal: aborted })).rejects.toThrow(
        "before",
      );
      expect(router.name).toBeTruthy();
    }));

  test("a server, by its signal", () =>
    withSandboxes(1, async ([sandbox]) => {
      const control = new AbortController();
      const server = await listen(sandbox, { port: 80, signal: control.signal });
      const closed = once(server, "close");
      control.abort();
      await closed;
      expect(await inside(sandbox, "ss", "-Hltn")).toBe("");
    }));

  test("a closed handle", () =>
    withSandboxes(1, async ([sandbox]) => {
      await sandbox.close();
      const closed = { code: "ERR_NAMESPACE_CLOSED" };
      await expect(listen(sandbox, { port: 80 })).rejects.toMatchObject(closed);
      await expect(connect(sandbox, { port: 80, host: "::1" })).rejects.toMatchObject(closed);
    }));
});

describe("what is refused", () => {
  const server = http.createServer();
  const bad: [string, object, object][] = [
    ["no place", {}, wrongType("options")],
    ["two places", { port: 1, path: "/x" }, wrongType("options")],
    ["a port below", { port: -1 }, outOfRange("port")],
    ["a port above", { port: 65536 }, outOfRange("port")],
    ["half a port", { port: 1.5 }, outOfRange("port")],
    ["a port of text", { port: "80" }, wrongType("port")],
    ["an empty path", { path: "" }, outOfRange("path")],
    ["a long path", { path: `/${"x".repeat(107)}` }, outOfRange("path")],
    ["a path with a NUL", { path: "/a\0b" }, outOfRange("path")],
    ["an empty host", { port: 1, host: "" }, outOfRange("host")],
    ["a host of a number", { port: 1, host: 1 }, wrongType("host")],
    ["an unknown option", { port: 1, colour: 1 }, wrongType("colour")],
  ];
  test.each(bad)("by listen and connect: %s", async (_, options, refusal) => {
    await withSandboxes(1, async ([sandbox]) => {
      const before = descriptors();
      expect(await refusalOf(listen(sandbox, options as never))).toEqual(refusal);
      expect(await refusalOf(connect(sandbox, options as never))).toEqual(refusal);
      expect(descriptors()).toBe(before);
    });
  });

  test.each([
    ["no server", { port: 1, server: {} }, wrongType("server")],
    ["a backlog below", { port: 1, backlog: -1 }, outOfRange("backlog")],
    ["a host beside a path", { path: "/x", host: "::1" }, wrongType("host")],
  ])("by listen: %s", async (_, options, refusal) => {
    await withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(listen(sandbox, options as never))).toEqual(refusal);
    });
  });

  test("by listen: a server that listens already", () =>
    withSandboxes(1, async ([sandbox]) => {
      await listen(sandbox, { port: 80, server });
      expect(await refusalOf(listen(sandbox, { port: 81, server }))).toEqual(outOfRange("server"));
      const twice = http.createServer();
      const [one, other] = [82, 83].map((port) => listen(sandbox, { port, server: twice }));
      expect(await refusalOf(Promise.all([one, other]))).toEqual(outOfRange("server"));
      await Promise.allSettled([one, other]);
      await close(twice);
      await close(server);
    }));

  test.each([
    ["an unknown family", { port: 1, family: 5 }, outOfRange("family")],
    ["a local address that is none", { port: 1, localAddress: "here" }, outOfRange("localAddress")],
    ["a local port that is none", { port: 1, localPort: 70000 }, outOfRange("localPort")],
  ])("by connect: %s", async (_, options, refusal) => {
    await withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(connect(sandbox, options as never))).toEqual(refusal);
    });
  });

  test("by all: what is no namespace", async () => {
    const refusal = wrongType("namespace");
    expect(await refusalOf(listen({} as Namespace, { port: 1 }))).toEqual(refusal);
    expect(await refusalOf(connect({} as Namespace, { port: 1, host: "::1" }))).toEqual(refusal);
  });
});

describe("10,000 connections", () => {
  test("leave no descriptor behind", { timeout: 60_000 }, () =>
    withSandboxes(1, async ([sandbox]) => {
      const server = await listen(sandbox, { port: 80, host: "127.0.0.1" }, (socket) => {
        socket.resume();
        socket.on("error", () => {});
      });
      const round = async () => {
        const socket = await connect(sandbox, { port: 80, host: "127.0.0.1" });
        socket.destroy();
        await once(socket, "close");
      };
      await round();
      const before = descriptors();
      for (let n = 0; n < 200; n += 1) await Promise.all(Array.from({ length: 50 }, round));
      await close(server);
      expect(descriptors()).toBeLessThan(before);
    }),
  );
});
