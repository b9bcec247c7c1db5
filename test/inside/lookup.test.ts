// Names looked up inside a namespace, by its own files and a name server that the test is.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { Socket } from "node:net";
import { type Answer, decode, encode, type Packet, TRUNCATED_RESPONSE } from "dns-packet";
import { describe, expect, test } from "vitest";
import { addAddress, agent, bindUdp, connect, listen, lookup } from "../../lib/index.ts";
import { parseHosts, parseResolverSettings } from "../../lib/inside/resolver-files.ts";
import { needs } from "../support/features.ts";
import { withRouter } from "../support/routed.ts";
import {
  inside,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

/** Gives a sandbox files of its own while the test runs. */
async function withFiles<T>(
  sandbox: Sandbox,
  files: Readonly<Record<string, string>>,
  test: () => Promise<T>,
): Promise<T> {
  const directory = `/etc/netns/${sandbox.name}`;
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${directory}/${name}`, text);
  try {
    return await test();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const records: readonly Answer[] = [
  { name: "www.example", type: "A", ttl: 60, data: "10.2.0.2" },
  { name: "www.example", type: "AAAA", ttl: 60, data: "fd02::2" },
  { name: "alias.example", type: "CNAME", ttl: 60, data: "WWW.example" },
  { name: "host.corp.example", type: "A", ttl: 60, data: "10.2.0.7" },
  ...Array.from(
    { length: 60 },
    (_, n): Answer => ({ name: "many.example", type: "A", ttl: 60, data: `10.9.0.${n}` }),
  ),
];

function respond(query: Packet, more: Partial<Packet> = {}): Packet {
  const [question] = query.questions ?? [];
  const known = records.filter(({ name }) => name === question?.name.toLowerCase());
  const target = known.find(({ type }) => type === "CNAME");
  const owner = target?.type === "CNAME" ? target.data.toLowerCase() : question?.name.toLowerCase();
  const answers = records.filter(({ name, type }) => name === owner && type === question?.type);
  const code = known.length > 0 ? 0 : 3;
  return {
    type: "response",
    id: query.id ?? 0,
    flags: code,
    questions: query.questions ?? [],
    answers: [...(target ? [target] : []), ...answers],
    ...more,
  };
}

/** How a server behaves besides: `undefined` stays silent. */
type Behaviour = (query: Packet) => Packet[] | undefined;

/** A name server inside, which keeps what it was asked. */
async function serve(sandbox: Sandbox, address: string, behave: Behaviour = (q) => [respond(q)]) {
  const asked: string[] = [];
  const udp = await bindUdp(sandbox, { port: 53, address });
  udp.on("message", (message, sender) => {
    const query = decode(message);
    const [question] = query.questions ?? [];
    asked.push(`${question?.name} ${question?.type}`);
    for (const packet of behave(query) ?? []) {
      const bytes = encode(packet);
      const cut = { ...packet, flags: TRUNCATED_RESPONSE, answers: [] };
      udp.send(bytes.length > 512 ? encode(cut) : bytes, sender.port, sender.address);
    }
  });
  const tcp = await listen(sandbox, { port: 53, host: address }, (socket: Socket) => {
    socket.once("data", (data) => {
      const query = decode(data.subarray(2));
      asked.push(`tcp ${query.questions?.[0]?.name}`);
      const bytes = encode(respond(query));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      // In pieces, as a network may deliver it.
      socket.write(length.subarray(0, 1));
      setTimeout(() => socket.end(Buffer.concat([length.subarray(1), bytes])), 10);
    });
  });
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

const conf = (options: string) => `nameserver 10.2.0.2\nsearch corp.example\noptions ${options}\n`;

/** For answers that come, however busy the machine is. */
const patient = conf("timeout:20 attempts:1");

/** For answers that never come. */
const brief = conf("timeout:1 attempts:1");

describe("a name", () => {
  test("is found by a server asked from inside, as getent finds it there", (context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(left, { "resolv.conf": patient, hosts: "" }, async () => {
        await using server = await serve(right, "10.2.0.2");
        expect(await lookup(left, "www.example")).toEqual([
          { address: "fd02::2", family: 6 },
          { address: "10.2.0.2", family: 4 },
        ]);
        expect(await lookup(left, "Alias.Example", { family: 4 })).toEqual([
          { address: "10.2.0.2", family: 4 },
        ]);
        expect(await inside(left, "getent", "ahostsv4", "alias.example")).toContain("10.2.0.2");
        expect(server.asked).toContain("www.example AAAA");
      }),
    );
  });

  test("without dots is searched for, with one asked for as it is first", (context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(left, { "resolv.conf": patient, hosts: "" }, async () => {
        await using server = await serve(right, "10.2.0.2");
        expect(await lookup(left, "host", { family: 4 })).toEqual([
          { address: "10.2.0.7", family: 4 },
        ]);
        expect(server.asked).toEqual(["host.corp.example A"]);
        await lookup(left, "www.example", { family: 4 });
        expect(server.asked.at(-1)).toBe("www.example A");
        const absolute = lookup(left, "host.", { family: 4 });
        await expect(absolute).rejects.toMatchObject({ code: "ENOTFOUND" });
        expect(server.asked.at(-1)).toBe("host A");
      }),
    );
  });

  test("with more addresses than a datagram holds is asked for again by TCP", (context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(left, { "resolv.conf": patient, hosts: "" }, async () => {
        await using server = await serve(right, "10.2.0.2");
        expect(await lookup(left, "many.example", { family: 4 })).toHaveLength(60);
        expect(server.asked).toEqual(["many.example A", "tcp many.example"]);
      }),
    );
  });

  test("is found by a server with a link-local address, by TCP", async (context) => {
    await needs("etc-netns", context);
    const linkLocal = "nameserver fe80::53%eth0\noptions timeout:20 attempts:1\n";
    await withRouter(({ left, router }) =>
      withFiles(left, { "resolv.conf": linkLocal, hosts: "" }, async () => {
        await addAddress(router, { name: "side1" }, { address: "fe80::53/64", flags: ["noDad"] });
        await addAddress(left, { name: "eth0" }, { address: "fe80::9/64", flags: ["noDad"] });
        await using server = await serve(router, "fe80::53%side1");
        expect(await lookup(left, "www.example", { family: 4 })).toEqual([
          { address: "10.2.0.2", family: 4 },
        ]);
        expect(server.asked).toEqual(["tcp www.example"]);
      }),
    );
  });

  test("of the hosts file needs no server", (context) => {
    needs("etc-netns", context);
    return withSandboxes(1, ([sandbox]) =>
      withFiles(sandbox, { hosts: "10.0.0.9 Box box.local # here\nfd00::9 box\n" }, async () => {
        expect(await lookup(sandbox, "BOX")).toEqual([
          { address: "10.0.0.9", family: 4 },
          { address: "fd00::9", family: 6 },
        ]);
        expect(await lookup(sandbox, "box.local.")).toHaveLength(1);
        expect(await lookup(sandbox, "localhost", { family: 6 })).toEqual([
          { address: "::1", family: 6 },
        ]);
        expect(await lookup(sandbox, "fe80::1%eth0")).toEqual([
          { address: "fe80::1%eth0", family: 6 },
        ]);
      }),
    );
  });

  test("leads connections and requests to its address", (context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(left, { "resolv.conf": patient, hosts: "" }, async () => {
        await using _ = await serve(right, "10.2.0.2");
        const server = await listen(right, {
          port: 80,
          // The name's first address is of IPv6, where nobody listens.
          host: "10.2.0.2",
          server: http.createServer((request, reply) => void reply.end(request.headers.host)),
        });
        const socket = await connect(left, { port: 80, host: "www.example" });
        expect(socket.remoteAddress).toBe("10.2.0.2");
        socket.destroy();
        await using client = agent(left);
        const { dispatcher } = client;
        const reply = await fetch("http://www.example/", { dispatcher });
        expect(await reply.text()).toBe("www.example");
        const refused = connect(left, { port: 81, host: "www.example" });
        await expect(refused).rejects.toMatchObject({
          // The first may not be refused, but given up after a quarter of a second.
          errors: [{ address: "fd02::2" }, { address: "10.2.0.2", code: "ECONNREFUSED" }],
        });
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }),
    );
  });
});

describe("a lookup fails", () => {
  const find = (sandbox: Sandbox, name = "www.example") => lookup(sandbox, name, { family: 4 });

  test("as Node's does, if there is no such name, or nobody answers", (context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(left, { "resolv.conf": patient, hosts: "" }, async () => {
        await expect(find(left)).rejects.toMatchObject({ code: "EAI_AGAIN", errno: -3001 });
        await using _ = await serve(right, "10.2.0.2");
        await expect(find(left, "no.example")).rejects.toMatchObject({
          message: "getaddrinfo ENOTFOUND no.example",
          code: "ENOTFOUND",
          errno: -3008,
          syscall: "getaddrinfo",
          hostname: "no.example",
        });
        const silent = lookup(left, "no.example", { signal: AbortSignal.abort(new Error("no")) });
        await expect(silent).rejects.toThrow("no");
      }),
    );
  });

  test.for<[string, Behaviour]>([
    ["has another id", (query) => [respond(query, { id: ((query.id ?? 0) + 1) % 65536 })]],
    [
      "answers another question",
      (query) => [respond(query, { questions: [{ name: "x", type: "A" }] })],
    ],
    ["is a query", (query) => [query]],
    ["says that the server failed", (query) => [respond(query, { flags: 2, answers: [] })]],
    ["never comes", () => undefined],
  ])("if the answer %s", ([, behave], context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(left, { "resolv.conf": brief, hosts: "" }, async () => {
        await using _server = await serve(right, "10.2.0.2", behave);
        await expect(find(left)).rejects.toMatchObject({ code: "EAI_AGAIN" });
      }),
    );
  });

  test("not, if a guess comes before the answer, or the second server knows", (context) => {
    needs("etc-netns", context);
    return withRouter(({ left, right }) =>
      withFiles(
        left,
        { "resolv.conf": `nameserver 10.2.0.9\n${conf("timeout:1 attempts:20")}`, hosts: "" },
        async () => {
          const guess = (query: Packet) => respond(query, { id: ((query.id ?? 0) + 1) % 65536 });
          await using _ = await serve(right, "10.2.0.2", (query) => [guess(query), respond(query)]);
          expect(await find(left)).toEqual([{ address: "10.2.0.2", family: 4 }]);
        },
      ),
    );
  });

  test.each([
    ["an empty name", "", {}, outOfRange("hostname")],
    ["a long name", "x".repeat(255), {}, outOfRange("hostname")],
    ["a name with a NUL", "a\0b", {}, outOfRange("hostname")],
    ["a name of a number", 1, {}, wrongType("hostname")],
    ["an unknown family", "x", { family: 5 }, outOfRange("family")],
    ["an unknown option", "x", { all: true }, wrongType("all")],
  ])("for %s", async (_, name, options, refusal) => {
    await withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(lookup(sandbox, name as string, options as never))).toEqual(refusal);
    });
  });
});

describe("resolv.conf and hosts", () => {
  test("are read as resolv.conf(5) and hosts(5) say", () => {
    expect(parseResolverSettings("")).toEqual({
      servers: ["127.0.0.1"],
      search: [],
      ndots: 1,
      timeoutMs: 5000,
      attempts: 2,
      rotate: false,
    });
    const text = [
      "; a comment",
      "nameserver 10.0.0.1 # one",
      "nameserver nonsense",
      "nameserver fe80::1%eth0",
      "nameserver 10.0.0.2",
      "nameserver 10.0.0.3",
      "domain first.example",
      "search a.example b.example",
      "options ndots:3 timeout:99 rotate",
      "options attempts:0 ndots:20",
    ];
    expect(parseResolverSettings(text.join("\n"))).toEqual({
      servers: ["10.0.0.1", "fe80::1%eth0", "10.0.0.2"],
      search: ["a.example", "b.example"],
      ndots: 15,
      timeoutMs: 30_000,
      attempts: 2,
      rotate: true,
    });
    expect([...parseHosts("10.0.0.1\tA b\n# no\nx y\n::1 a")]).toEqual([
      ["a", ["10.0.0.1", "::1"]],
      ["b", ["10.0.0.1"]],
    ]);
  });
});
