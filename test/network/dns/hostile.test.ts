// Bytes that no resolver would send, and many askers at once.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { decode, encode } from "dns-packet";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Forwarder } from "../../../lib/network/dns/forward.ts";
import { type DnsServer, openDnsServer } from "../../../lib/network/dns/server.ts";
import { View } from "../../../lib/network/dns/view.ts";
import { Zone } from "../../../lib/network/dns/zone.ts";
import { Frames, frame } from "../../../lib/values/dns-frames.ts";
import { answersQuestion, readQuery } from "../../../lib/values/dns-message.ts";
import { countSockets } from "../../support/processes.ts";
import { dig, listenBoth, localhost, raiseLoopback, upstream, withServer } from "./lab.ts";

raiseLoopback();

const question = encode({
  type: "query",
  id: 7,
  flags: 0x100,
  questions: [{ name: "web.backend", type: "A" }],
  additionals: [
    {
      type: "OPT",
      name: ".",
      udpPayloadSize: 1232,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [{ code: 12, type: "PADDING", length: 20 }],
    },
  ],
});

/** A query with some bytes changed, and cut or made longer. */
const mutated = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(question.length - 1), fc.nat(255)), { maxLength: 8 }),
    fc.nat(question.length),
    fc.uint8Array({ maxLength: 40 }),
    fc.boolean(),
  )
  .map(([changes, length, tail, whole]) => {
    const bytes = Buffer.from(question);
    for (const [at, byte] of changes) bytes[at] = byte;
    return Buffer.concat([whole ? bytes : bytes.subarray(0, length), tail]);
  });

/** A header that promises anything, and names that point anywhere. */
const pointing = fc
  .tuple(
    fc.uint8Array({ minLength: 12, maxLength: 12 }),
    fc.array(
      fc.oneof(
        fc.nat(0x3fff).map((to) => Buffer.of(0xc0 | (to >> 8), to & 255)),
        fc.nat(20).map((to) => Buffer.of(0xc0, to)),
        fc.uint8Array({ maxLength: 63 }).map((label) => Buffer.of(label.length, ...label)),
        fc.constant(Buffer.of(0, 0, 1, 0, 1)),
        fc.constant(Buffer.of(0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 0)),
      ),
      { maxLength: 40 },
    ),
    fc.boolean(),
  )
  .map(([header, parts, plausible]) => {
    const bytes = Buffer.concat([Buffer.from(header), ...parts]);
    if (plausible) bytes.set([1, 0, 0, 1, 0, 0, 0, 0, 0], 2);
    return bytes;
  });

const random = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
const hostile = fc.oneof(random, mutated, pointing);

/** What has to hold of any answer: it is one, to this message, and no longer than it may be. */
function expectAnswer(answer: Buffer, message: Buffer): void {
  expect(answer.readUInt16BE(0)).toBe(message.readUInt16BE(0));
  expect((answer[2] ?? 0) & 0x80).toBe(0x80);
  expect(answer.length).toBeLessThanOrEqual(4096);
}

describe("hostile messages", () => {
  test("are read, refused or dropped, without an exception", () => {
    fc.assert(
      fc.property(hostile, (message) => {
        const read = readQuery(message);
        if (read === undefined) return;
        if (Buffer.isBuffer(read)) {
          expectAnswer(read, message);
          // A refusal is no longer than what it refuses, but for an OPT record of its own.
          expect(read.length).toBeLessThanOrEqual(message.length + 11);
          // dns-packet would take its question for one, if it has one.
          expect(() => decode(read)).not.toThrow();
        } else {
          expect(read.end).toBeLessThanOrEqual(message.length);
          expect(read.payload).toBeGreaterThanOrEqual(512);
          expect(read.payload).toBeLessThanOrEqual(4096);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  test("from servers elsewhere are no answers", () => {
    fc.assert(
      fc.property(hostile, (message) => {
        if (!answersQuestion(message, question)) return;
        expect(message.readUInt16BE(0)).toBe(7);
        expect((message[2] ?? 0) & 0x80).toBe(0x80);
      }),
      { numRuns: 20_000 },
    );
  });

  test("cannot have more records than a query has", () => {
    // Each record points to the longest name there is.
    const name = Buffer.concat([
      ...Array.from({ length: 126 }, () => Buffer.of(1, 97)),
      Buffer.of(0, 0, 1, 0, 1),
    ]);
    const record = Buffer.of(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0);
    const records = Array.from({ length: 300 }, () => record);
    for (const at of [6, 8, 10]) {
      const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
      header.writeUInt16BE(records.length, at);
      const refusal = readQuery(Buffer.concat([header, name, ...records]));
      expect(Buffer.isBuffer(refusal) && (refusal[3] ?? 0) & 15).toBe(1);
    }
  });

  test.for([
    ["a pointer to itself", Buffer.of(0xc0, 12)],
    ["a pointer into the header", Buffer.of(0xc0, 4)],
    ["a pointer behind the end", Buffer.of(0xff, 0xff)],
    ["a label of an unknown kind", Buffer.of(0x41, 97)],
    ["a name of 256 bytes", Buffer.concat(Array.from({ length: 128 }, () => Buffer.of(1, 97)))],
    ["no end", Buffer.of(63, 97)],
  ] as const)("with %s are malformed", ([, name]) => {
    const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const message = Buffer.concat([header, name, Buffer.of(0, 0, 1, 0, 1)]);
    const refusal = readQuery(message);
    expect(Buffer.isBuffer(refusal) && (refusal[3] ?? 0) & 15).toBe(1);
  });

  test("by UDP and TCP leave the server as it was", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("backend");
      zone.add({ name: "web", addresses: ["172.18.0.2"] });
      view.add(zone);
      const client = createSocket("udp4");
      await fc.assert(
        fc.asyncProperty(hostile, fc.constantFrom("udp", "tcp", "framed"), async (message, way) => {
          if (way === "udp") return client.send(message, port, localhost);
          const connection = connect({ port, host: localhost });
          connection.on("error", () => {});
          connection.end(way === "framed" ? frame(message) : message);
          connection.resume();
          await once(connection, "close");
        }),
        { numRuns: 500 },
      );
      // As long as a datagram can be, and longer than a query may be.
      client.send(Buffer.concat([question, Buffer.alloc(60_000)]), port, localhost);
      client.send(question, port, localhost);
      expect((await dig(port, "web")).data).toEqual(["172.18.0.2"]);
      expect((await dig(port, "web", "+tcp")).data).toEqual(["172.18.0.2"]);
      client.close();
    }));

  test("in pieces of any size are put together as they were", () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 10 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 })), (sent, sizes) => {
        const stream = Buffer.concat(sent.map((message) => frame(Buffer.from(message))));
        const frames = new Frames(300);
        const taken: Buffer[] = [];
        for (let at = 0, n = 0; at < stream.length; n += 1) {
          const size = sizes[n] ?? 7;
          taken.push(...frames.take(stream.subarray(at, at + size)));
          at += size;
        }
        expect(taken.map((message) => [...message])).toEqual(sent.map((message) => [...message]));
      }),
    );
  });
});

describe("many", () => {
  test("questions for nothing cost no more sockets than may be, which are given back", () =>
    withServer(
      async ({ forwarder, port }) => {
        const silent = createSocket("udp4").bind(0, localhost);
        await once(silent, "listening");
        forwarder.setUpstreams([upstream(silent.address().port)]);
        const client = createSocket("udp4").bind(0, localhost);
        await once(client, "listening");
        let failed = 0;
        client.on("message", (answer) => {
          failed += Number(((answer[3] ?? 0) & 15) === 2);
        });
        const before = countSockets();
        let most = before;
        for (let n = 0; n < 5000; n += 1) {
          const questions = [{ name: `n${n % 700}.example.org`, type: "A" as const }];
          client.send(encode({ type: "query", id: n, questions }), port, localhost);
          if (n % 50 !== 0) continue;
          await new Promise(setImmediate);
          most = Math.max(most, countSockets());
        }
        await expect.poll(countSockets, { timeout: 10_000 }).toBe(before);
        expect(most).toBeGreaterThan(before + 1);
        expect(most).toBeLessThanOrEqual(before + 64);
        expect(failed).toBeGreaterThan(64);
        client.close();
        silent.close();
      },
      {},
      { maxInFlight: 64, timeoutMs: 500 },
    ));

  test("sandboxes are served side by side, each its own names", async () => {
    const count = 1000;
    const zones = Array.from({ length: 10 }, (_, n) => new Zone(`net${n}`));
    const servers: DnsServer[] = [];
    const ports: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const zone = zones[n % zones.length] as Zone;
      const address = `10.${n % zones.length}.${n >> 8}.${n & 255}`;
      zone.add({ name: `box${n}`, aliases: ["all"], addresses: [address] });
      const { udp, tcp, port } = await listenBoth();
      const view = new View();
      view.add(zone, { self: `box${n}` });
      servers.push(openDnsServer({ udp, tcp, view, forwarder: new Forwarder() }));
      ports.push(port);
    }
    const client = createSocket("udp4").bind(0, localhost);
    await once(client, "listening");
    const answers = new Map<number, string[]>();
    client.on("message", (message, from) => {
      const { answers: records = [] } = decode(message);
      const data = records.map((record) => ("data" in record ? String(record.data) : ""));
      answers.set(from.port, data);
    });
    const ask = async (name: string) => {
      answers.clear();
      const query = encode({ type: "query", questions: [{ name, type: "A" }] });
      const left = () => ports.filter((port) => !answers.has(port));
      // Datagrams may be lost where so many come at once; then they are sent again.
      for (let tries = 0; left().length > 0 && tries < 500; tries += 1) {
        for (const port of left()) client.send(query, port, localhost);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return ports.map((port) => answers.get(port));
    };
    try {
      const own = ports.map((_, n) => [`10.${n % zones.length}.${n >> 8}.${n & 255}`]);
      expect(await ask("self")).toEqual(own);
      const everybody = await ask("all");
      // As many as fit into 512 bytes, all of the sandbox's own network.
      for (const [n, data] of everybody.entries()) {
        expect(data?.length).toBe(30);
        expect(data?.every((address) => address.startsWith(`10.${n % zones.length}.`))).toBe(true);
      }
    } finally {
      client.close();
      await Promise.all(servers.map((server) => server.close()));
    }
  });
});
