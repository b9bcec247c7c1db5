// Tracked connections, judged by conntrack(8), of real flows between namespaces.

import { describe, expect, test } from "vitest";
import { bindUdp, listen, openNamespace } from "../../lib/index.ts";
import {
  type Connection,
  deleteConnections,
  listConnections,
  type Tuple,
} from "../../lib/netfilter/connections.ts";
import { nft } from "../support/nft.ts";
import { type Routed, withRouter } from "../support/routed.ts";
import { inside, pings, type Sandbox, withSandboxes } from "../support/sandbox.ts";

/** Has the kernel track what a namespace forwards: it does as soon as a rule asks for it. */
async function track(sandbox: Sandbox): Promise<void> {
  const chain = "type filter hook prerouting priority 0;";
  await nft(sandbox, `table inet tracking { chain every { ${chain}\nct state new counter\n} }`);
}

/** The two directions of a connection as conntrack(8) writes them. */
function written({ source, source6, destination, destination6, ...ports }: Tuple): string {
  const addresses = `src=${source ?? source6} dst=${destination ?? destination6}`;
  const { sourcePort, destinationPort } = ports;
  return sourcePort === undefined
    ? addresses
    : `${addresses} sport=${sourcePort} dport=${destinationPort}`;
}

const both = ({ original, reply }: Connection) => [written(original), written(reply)].join(" ");

/** What conntrack(8) lists, without states and timers. */
async function witnessed(sandbox: Sandbox): Promise<string[]> {
  const lists = ["ipv4", "ipv6"].map((family) => inside(sandbox, "conntrack", "-L", "-f", family));
  const lines = (await Promise.all(lists)).flatMap((text) => text.split("\n").filter(Boolean));
  const tuples = (line: string) => line.match(/\b(?:src|dst|sport|dport)=\S+/g)?.join(" ") ?? "";
  return lines.map(tuples).sort();
}

/** Sends a datagram from a port to a port, and waits for it to come back. */
async function exchange(from: Sandbox, to: Sandbox, address: string, port: number): Promise<void> {
  const any = address.includes(":") ? "::" : "0.0.0.0";
  const server = await bindUdp(to, { address: any, port });
  const client = await bindUdp(from, { address: any, port: 0 });
  server.on("message", (data, { address: back, port: there }) => server.send(data, there, back));
  try {
    const answer = new Promise((resolve) => client.once("message", resolve));
    client.send("hello", port, address);
    await answer;
  } finally {
    client.close();
    server.close();
  }
}

/** Only what we sent: the kernel's own neighbours and groups are tracked, too. */
const ours = (connection: Connection) =>
  /(?:10\.|fd0)\S+ dst=(?:10\.|fd0)/.test(written(connection.original));

function withTracking(test: (routed: Routed) => Promise<void>): Promise<void> {
  return withRouter(async (routed) => {
    await track(routed.router);
    await test(routed);
  });
}

describe("listConnections", () => {
  test("gives nothing where nothing is tracked, with rules or without", () =>
    withSandboxes(1, async ([sandbox]) => {
      expect(await listConnections(sandbox)).toEqual([]);
      await track(sandbox);
      expect(await listConnections(sandbox)).toEqual([]);
      expect(await witnessed(sandbox)).toEqual([]);
    }));

  test("gives those of UDP, TCP and ICMP, of both families, as conntrack does", () =>
    withTracking(async ({ left, router, right }) => {
      await exchange(left, right, "10.2.0.2", 5000);
      await exchange(left, right, "fd02::2", 5001);
      expect(await pings(left, "10.2.0.2")).toBe(true);
      expect(await pings(left, "fd02::2")).toBe(true);
      const server = await listen(right, { host: "0.0.0.0", port: 80 }, (socket) =>
        socket.resume().end("x"),
      );
      try {
        await inside(left, "curl", "-s", "--http0.9", "http://10.2.0.2/");
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
      const connections = await listConnections(router);
      expect(connections.map(both).sort()).toEqual(await witnessed(router));
      const sent = connections.filter(ours);
      expect(new Set(sent.map(({ family, original }) => `${family} ${original.protocol}`))).toEqual(
        new Set(["ip 17", "ip6 17", "ip 1", "ip6 58", "ip 6"]),
      );
      const udp = sent.find(({ family, original }) => family === "ip" && original.protocol === 17);
      expect(udp).toMatchObject({
        original: { source: "10.1.0.2", destination: "10.2.0.2", destinationPort: 5000 },
        reply: { source: "10.2.0.2", destination: "10.1.0.2", sourcePort: 5000 },
      });
      expect(udp?.id).toBeGreaterThan(0);
    }));

  test("gives those that were translated, as they came and as they went", () =>
    withTracking(async ({ left, router, right }) => {
      await nft(
        router,
        `table ip nat {
          chain before { type nat hook prerouting priority -100; udp dport 5000 dnat to 10.2.0.2:6000; }
          chain after { type nat hook postrouting priority 100; masquerade; }
        }`.replaceAll("; }", ";\n}"),
      );
      const server = await bindUdp(right, { address: "0.0.0.0", port: 6000 });
      server.on("message", (data, { address, port }) => server.send(data, port, address));
      const client = await bindUdp(left, { address: "0.0.0.0", port: 7000 });
      try {
        const answer = new Promise((resolve) => client.once("message", resolve));
        client.send("hello", 5000, "10.1.0.1");
        await answer;
      } finally {
        client.close();
        server.close();
      }
      expect(await witnessed(router)).toEqual((await listConnections(router)).map(both).sort());
      expect((await listConnections(router)).filter(ours)).toMatchObject([
        {
          original: { source: "10.1.0.2", destination: "10.1.0.1", sourcePort: 7000 },
          reply: { source: "10.2.0.2", destination: "10.2.0.1", sourcePort: 6000 },
        },
      ]);
    }));

  test("gives those of zones with their zones, and not those of other namespaces", () =>
    withTracking(async ({ left, router, right }) => {
      await nft(
        router,
        "table inet zones { chain c { type filter hook prerouting priority raw;\nct zone set 7\n} }",
      );
      await exchange(left, right, "10.2.0.2", 5000);
      const sent = (await listConnections(router)).filter(ours);
      expect(sent).toMatchObject([{ zone: 7, original: { destinationPort: 5000 } }]);
      expect(await listConnections(right)).toEqual([]);
      expect(await deleteConnections(router, ours)).toBe(1);
      expect((await witnessed(router)).filter((line) => line.includes("5000"))).toEqual([]);
    }));
});

describe("deleteConnections", () => {
  test("forgets those that are meant, and no others", () =>
    withTracking(async ({ left, router, right }) => {
      for (const port of [5000, 5001, 5002]) await exchange(left, right, "10.2.0.2", port);
      await exchange(left, right, "fd02::2", 5000);
      const isMeant = ({ original }: Connection) => original.destinationPort === 5000;
      expect(await deleteConnections(router, isMeant)).toBe(2);
      const left5 = (await witnessed(router)).filter((line) => line.includes("dport=50"));
      expect(left5.map((line) => line.match(/dport=(\d+)/)?.[1]).sort()).toEqual(["5001", "5002"]);
      expect(await deleteConnections(router, isMeant)).toBe(0);
    }));

  test("forgets ICMP too", () =>
    withTracking(async ({ left, router }) => {
      expect(await pings(left, "10.2.0.2")).toBe(true);
      expect(await pings(left, "fd02::2")).toBe(true);
      expect(await deleteConnections(router, ours)).toBeGreaterThanOrEqual(2);
      const lines = (await witnessed(router)).filter((line) =>
        /src=(?:10\.|fd0)\S+ dst=(?:10\.|fd0)/.test(line),
      );
      expect(lines).toEqual([]);
    }));

  test("passes over one that ends meanwhile, or whose place another has taken", () =>
    withTracking(async ({ left, router, right }) => {
      await exchange(left, right, "10.2.0.2", 5000);
      const flush = (connection: Connection) => ours(connection);
      const [one, other] = await Promise.all([
        deleteConnections(router, flush),
        deleteConnections(router, flush),
      ]);
      expect(one + other).toBe(1);
    }));

  test("has an open connection taken for a new one, which goes on", () =>
    withTracking(async ({ left, router, right }) => {
      const server = await listen(right, { host: "10.2.0.2", port: 7 }, (socket) => {
        socket.on("error", () => undefined).pipe(socket);
      });
      try {
        const exchange = "printf one >&3; head -c 3 <&3; sleep 1; printf two >&3; head -c 3 <&3";
        const all = inside(left, "bash", "-c", `exec 3<>/dev/tcp/10.2.0.2/7; ${exchange}`);
        await expect.poll(async () => (await listConnections(router)).filter(ours).length).toBe(1);
        expect(await deleteConnections(router, ours)).toBe(1);
        expect(await all).toBe("onetwo");
        expect((await listConnections(router)).filter(ours)).toHaveLength(1);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }));
});

test("a handle that is closed is refused", async () => {
  const namespace = await openNamespace();
  await namespace.close();
  await expect(listConnections(namespace)).rejects.toThrow(/closed/);
});
