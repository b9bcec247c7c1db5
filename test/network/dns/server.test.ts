// A sandbox's DNS server, as dig(1) and plain sockets find it.

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { decode, encode, type RecordType } from "dns-packet";
import { describe, expect, test } from "vitest";
import { Forwarder } from "../../../lib/network/dns/forward.ts";
import { openDnsServer } from "../../../lib/network/dns/server.ts";
import { View } from "../../../lib/network/dns/view.ts";
import { Zone } from "../../../lib/network/dns/zone.ts";
import { Frames, frame } from "../../../lib/values/dns-frames.ts";
import { outOfRange, wrongType } from "../../support/sandbox.ts";
import { dig, listenBoth, localhost, raiseLoopback, withServer } from "./lab.ts";

raiseLoopback();

/** A network with one holder of both families. */
function backend(): Zone {
  const zone = new Zone("backend");
  zone.add({
    name: "web",
    aliases: ["www", "0123456789ab"],
    addresses: ["172.18.0.2", "fd00:18::2"],
  });
  zone.add({ name: "db", addresses: ["172.18.0.3"] });
  return zone;
}

function query(name: string, type: RecordType = "A", id = 7): Buffer {
  return encode({ type: "query", id, flags: 0x100, questions: [{ name, type }] });
}

describe("names", () => {
  test.for([
    ["web", "172.18.0.2"],
    ["www", "172.18.0.2"],
    ["0123456789ab", "172.18.0.2"],
    ["web.backend", "172.18.0.2"],
    ["www.backend.", "172.18.0.2"],
    ["db", "172.18.0.3"],
  ] as const)("%s is known", ([name, address]) =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const dug = await dig(port, name);
      expect(dug).toMatchObject({ status: "NOERROR", flags: "qr rd ra" });
      expect(dug.answers).toEqual([`${name.replace(/\.$/, "")}. 600 IN A ${address}`]);
    }),
  );

  test.for(["01234567", "backend", "x.web", "web.other", "localhost", "web.backend.backend", "."])(
    "%s is not, and without servers elsewhere fails",
    (name) =>
      withServer(async ({ view, port }) => {
        view.add(backend());
        expect(await dig(port, name)).toMatchObject({ status: "SERVFAIL", answers: [] });
      }),
  );

  test("are found in any case, and echoed as they were asked", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("BackEnd");
      zone.add({ name: "Web", addresses: ["172.18.0.2"] });
      view.add(zone);
      const dug = await dig(port, "wEB.bAckeND");
      expect(dug.answers).toEqual(["wEB.bAckeND. 600 IN A 172.18.0.2"]);
      expect((await dig(port, "-x", "172.18.0.2")).data).toEqual(["web.backend."]);
    }));

  test("with other letters are found in their ASCII form", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("bäckend");
      zone.add({ name: "bücher", addresses: ["172.18.0.2"] });
      view.add(zone);
      expect((await dig(port, "+noidnin", "xn--bcher-kva.xn--bckend-bua")).data).toEqual([
        "172.18.0.2",
      ]);
    }));

  test("have IPv6 addresses", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      expect((await dig(port, "web", "AAAA")).data).toEqual(["fd00:18::2"]);
    }));

  test("are found by address", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const reverse = "2.0.18.172.in-addr.arpa. 600 IN PTR web.backend.";
      expect((await dig(port, "-x", "172.18.0.2")).answers).toEqual([reverse]);
      expect((await dig(port, "-x", "fd00:18::2")).data).toEqual(["web.backend."]);
      expect(await dig(port, "-x", "172.18.0.1")).toMatchObject({ status: "SERVFAIL" });
    }));

  test("have no MX, perhaps no IPv6 address, but exist", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const empty = { status: "NOERROR", flags: "qr rd ra", answers: [] };
      expect(await dig(port, "web", "MX")).toMatchObject(empty);
      expect(await dig(port, "db", "AAAA")).toMatchObject(empty);
      expect(await dig(port, "nosuch", "MX")).toMatchObject({ status: "SERVFAIL" });
    }));

  test.for(["TXT", "SRV", "CNAME", "NS", "SOA", "HTTPS", "TYPE4711", "ANY", "PTR"])(
    "are left to servers elsewhere when %s is asked for",
    (type) =>
      withServer(async ({ view, port }) => {
        view.add(backend());
        const failed = { status: "SERVFAIL", flags: "qr rd", answers: [] };
        expect(await dig(port, "web", type, "+notcp")).toMatchObject(failed);
      }),
  );

  test("go at once when they are removed, and come back elsewhere", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("backend");
      view.add(zone);
      const holder = zone.add({ name: "web", addresses: ["172.18.0.2"] });
      expect((await dig(port, "web")).data).toEqual(["172.18.0.2"]);
      zone.remove(holder);
      zone.remove(holder);
      expect(await dig(port, "web")).toMatchObject({ status: "SERVFAIL" });
      expect(await dig(port, "-x", "172.18.0.2")).toMatchObject({ status: "SERVFAIL" });
      zone.add({ name: "renamed", addresses: ["172.18.0.2"] });
      expect((await dig(port, "-x", "172.18.0.2")).data).toEqual(["renamed.backend."]);
    }));
});

describe("a name with several holders", () => {
  test("begins with another each time, for each type apart", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("backend");
      for (const n of [2, 3, 4]) {
        const addresses = [`172.18.0.${n}`, `fd00::${n}`];
        zone.add({ name: `web${n}`, aliases: ["web"], addresses });
      }
      view.add(zone);
      const firsts: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const { data } = await dig(port, "web");
        expect([...data].sort()).toEqual(["172.18.0.2", "172.18.0.3", "172.18.0.4"]);
        firsts.push(data[0] ?? "");
        await dig(port, "web", "AAAA");
      }
      expect(firsts.slice(0, 3).sort()).toEqual(["172.18.0.2", "172.18.0.3", "172.18.0.4"]);
      expect(firsts.slice(3)).toEqual(firsts.slice(0, 3));
    }));

  test("keeps the others when one goes", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("backend");
      const first = zone.add({ name: "a", aliases: ["web"], addresses: ["172.18.0.2"] });
      zone.add({ name: "b", aliases: ["web"], addresses: ["172.18.0.3"] });
      view.add(zone);
      expect((await dig(port, "web")).data).toHaveLength(2);
      zone.remove(first);
      expect((await dig(port, "web")).data).toEqual(["172.18.0.3"]);
    }));

  test("is cut where UDP ends, and whole by TCP", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("backend");
      const all = Array.from({ length: 300 }, (_, n) => `172.18.${n >> 8}.${n & 255}`);
      for (const [n, address] of all.entries()) {
        zone.add({ name: `web${n}`, aliases: ["web"], addresses: [address] });
      }
      view.add(zone);
      const short = await dig(port, "web", "+noedns", "+ignore");
      expect(short.flags).toBe("qr tc rd ra");
      expect(short.answers).toHaveLength(Math.floor((512 - 12 - 9) / 16));
      const longer = await dig(port, "web", "+bufsize=1232", "+ignore");
      expect(longer.answers).toHaveLength(Math.floor((1232 - 12 - 9 - 11) / 16));
      const longest = await dig(port, "web", "+bufsize=8000", "+ignore");
      expect(longest.answers).toHaveLength(Math.floor((4096 - 12 - 9 - 11) / 16));
      // Told that it is cut, dig comes again by TCP.
      const whole = await dig(port, "web", "+noedns");
      expect([...whole.data].sort()).toEqual([...all].sort());
      expect(whole.flags).toBe("qr rd ra");
    }));
});

describe("a view", () => {
  test("has the names of its networks alone", () =>
    withServer(async (one) =>
      withServer(async (other) => {
        const left = backend();
        const right = new Zone("right");
        right.add({ name: "db", addresses: ["172.19.0.9"] });
        right.add({ name: "cache", addresses: ["172.19.0.2"] });
        one.view.add(left);
        one.view.add(right);
        other.view.add(right);
        expect((await dig(one.port, "web")).data).toEqual(["172.18.0.2"]);
        expect((await dig(one.port, "cache")).data).toEqual(["172.19.0.2"]);
        expect(await dig(other.port, "web")).toMatchObject({ status: "SERVFAIL" });
        expect(await dig(other.port, "-x", "172.18.0.2")).toMatchObject({ status: "SERVFAIL" });
        // The network that was added first decides; the other one can be named.
        expect((await dig(one.port, "db")).data).toEqual(["172.18.0.3"]);
        expect((await dig(one.port, "db.right")).data).toEqual(["172.19.0.9"]);
        one.view.remove(left);
        expect(await dig(one.port, "web")).toMatchObject({ status: "SERVFAIL" });
        expect((await dig(one.port, "db")).data).toEqual(["172.19.0.9"]);
      }),
    ));

  test("has names of its own for others, which follow them", () =>
    withServer(async (one) =>
      withServer(async (other) => {
        const zone = new Zone("backend");
        const db = zone.add({ name: "db", addresses: ["172.18.0.3"] });
        one.view.add(zone, { Store: "db" });
        other.view.add(zone);
        expect((await dig(one.port, "store")).data).toEqual(["172.18.0.3"]);
        expect((await dig(one.port, "store.backend")).data).toEqual(["172.18.0.3"]);
        expect(await dig(other.port, "store")).toMatchObject({ status: "SERVFAIL" });
        zone.remove(db);
        expect(await dig(one.port, "store")).toMatchObject({ status: "SERVFAIL" });
        zone.add({ name: "db", addresses: ["172.18.0.9"] });
        expect((await dig(one.port, "store")).data).toEqual(["172.18.0.9"]);
        one.view.add(zone);
        expect(await dig(one.port, "store")).toMatchObject({ status: "SERVFAIL" });
      }),
    ));

  test("refuses names that are none", () => {
    const view = new View();
    const zone = backend();
    expect(() => view.add(zone, { "a b": "db" })).toThrow(RangeError);
    expect(() => view.add(zone, { store: "-db" })).toThrow(RangeError);
    expect(view.find("web")).toBeUndefined();
  });
});

describe("the protocol", () => {
  test("answers EDNS with EDNS, without the asker's options", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const options = ["+cookie=0123456789abcdef", "+subnet=10.1.2.0/24", "+nsid", "+padding=128"];
      const plain = { edns: true, options: [], data: ["172.18.0.2"] };
      expect(await dig(port, "web", ...options)).toMatchObject(plain);
      expect(await dig(port, "web", "+noedns")).toMatchObject({ edns: false, status: "NOERROR" });
      expect(await dig(port, "nosuch")).toMatchObject({ edns: true, status: "SERVFAIL" });
      expect(await dig(port, "web", "+edns=7", "+noednsnegotiation")).toMatchObject({
        edns: true,
        status: "BADVERS",
        data: [],
      });
    }));

  test("copies whether recursion is desired", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      expect(await dig(port, "web", "+norecurse")).toMatchObject({ flags: "qr ra" });
    }));

  test("refuses other opcodes, and does not look at the class", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      expect(await dig(port, "web", "+opcode=STATUS")).toMatchObject({ status: "NOTIMP" });
      expect(await dig(port, "web", "+opcode=UPDATE")).toMatchObject({ status: "NOTIMP" });
      for (const name of ["CH", "ANY"]) {
        expect((await dig(port, "-c", name, "web", "A")).data).toEqual(["172.18.0.2"]);
      }
    }));

  test("says which messages it cannot read, and does not answer answers", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const client = createSocket("udp4");
      const bare = "000501000000000000000001" + "00002904d0000000000000";
      client.send(Buffer.from(bare, "hex"), port, localhost);
      const [refusal] = await once(client, "message");
      // FORMERR, and no question, as there was none.
      expect(refusal.toString("hex")).toBe("000581010000000000000000");
      const answer = encode({ type: "response", id: 3, questions: [{ name: "web", type: "A" }] });
      client.send(answer, port, localhost);
      client.send(Buffer.alloc(11), port, localhost);
      client.send(query("web"), port, localhost);
      const [message] = await once(client, "message");
      expect(decode(message).id).toBe(7);
      client.close();
    }));

  test("survives a sender that cannot be answered", async () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const script = `
import socket, struct, sys
bytes_ = bytes.fromhex(sys.argv[2])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
raw.sendto(struct.pack("!HHHH", 0, int(sys.argv[1]), 8 + len(bytes_), 0) + bytes_, ("127.0.0.1", 0))`;
      const args = ["-c", script, String(port), query("web").toString("hex")];
      const [status] = await once(spawn("python3", args, { stdio: "inherit" }), "exit");
      expect(status).toBe(0);
      expect((await dig(port, "web")).data).toEqual(["172.18.0.2"]);
    }));
});

describe("TCP", () => {
  test("carries many queries of one connection, whose asker may have finished", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const client = connect({ port, host: localhost, allowHalfOpen: true });
      const messages = Array.from({ length: 500 }, (_, id) => frame(query("web", "A", id)));
      client.end(Buffer.concat(messages));
      const frames = new Frames(65_535);
      const ids: (number | undefined)[] = [];
      for await (const piece of client) {
        for (const answer of frames.take(piece)) ids.push(decode(answer).id);
      }
      expect(ids.sort((a = 0, b = 0) => a - b)).toEqual(messages.map((_, id) => id));
    }));

  test("puts queries together that come in pieces", () =>
    withServer(async ({ view, port }) => {
      view.add(backend());
      const client = connect({ port, host: localhost, noDelay: true });
      for (const byte of frame(query("web"))) {
        await new Promise((resolve) => client.write(Buffer.of(byte), resolve));
      }
      const [answer] = await once(client, "data");
      expect(decode(answer.subarray(2)).answers).toMatchObject([{ data: "172.18.0.2" }]);
      client.destroy();
    }));

  test.for([
    ["too long a message", Buffer.of(0x10, 0x01, 0)],
    ["an empty message", Buffer.of(0, 0)],
  ] as const)("ends with %s", ([, bytes]) =>
    withServer(async ({ port }) => {
      const client = connect({ port, host: localhost });
      client.on("error", () => {});
      client.write(bytes);
      await once(client, "close");
    }),
  );

  test("ends when it is idle", () =>
    withServer(
      async ({ port }) => {
        const client = connect({ port, host: localhost });
        client.write(Buffer.of(0));
        client.resume();
        await once(client, "close");
      },
      { idleMs: 50 },
    ));

  test("takes no more connections than it may, and others again when they are gone", () =>
    withServer(
      async ({ view, port }) => {
        view.add(backend());
        const clients = [1, 2].map(() => connect({ port, host: localhost }));
        for (const client of clients) {
          client.write(frame(query("web")));
          await once(client, "data");
        }
        const third = connect({ port, host: localhost });
        third.on("error", () => {});
        await once(third, "close");
        expect((await dig(port, "web")).data).toEqual(["172.18.0.2"]);
        for (const client of clients) {
          client.end();
          client.resume();
          await once(client, "close");
        }
        expect((await dig(port, "+tcp", "web")).data).toEqual(["172.18.0.2"]);
      },
      { maxConnections: 2 },
    ));

  test("does not read on while its answers are not read", () =>
    withServer(async ({ view, port }) => {
      const zone = new Zone("backend");
      for (let n = 0; n < 1000; n += 1) {
        const address = `172.18.${n >> 8}.${n & 255}`;
        zone.add({ name: `web${n}`, aliases: ["web"], addresses: [address] });
      }
      view.add(zone);
      const client = connect({ port, host: localhost });
      await once(client, "connect");
      // 16 kB of answer for each, none of which the client reads; the kernel holds some MB.
      const messages = Buffer.concat(Array.from({ length: 5000 }, () => frame(query("web"))));
      const mostWritten = 40_000_000;
      let written = 0;
      while (client.writableLength === 0 && written < mostWritten) {
        client.write(messages);
        written += messages.length;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(written).toBeLessThan(mostWritten);
      expect((await dig(port, "web0")).data).toEqual(["172.18.0.0"]);
      client.destroy();
    }));
});

describe("a server", () => {
  test("closes what it was given, twice if need be", async () => {
    const { udp, tcp, port } = await listenBoth();
    const view = new View();
    const server = openDnsServer({ udp, tcp, view, forwarder: new Forwarder() });
    const client = connect({ port, host: localhost });
    await once(tcp, "connection");
    await Promise.all([server.close(), server.close()]);
    await server.close();
    expect(tcp.listening).toBe(false);
    expect(() => udp.address()).toThrow();
    client.on("error", () => {});
    client.resume();
    if (!client.closed) await once(client, "close");
  });

  test("survives its sockets being closed by somebody else", () =>
    withServer(async ({ forwarder, server, port, view }) => {
      const { udp, tcp } = await listenBoth();
      const other = openDnsServer({ udp, tcp, view, forwarder });
      udp.close();
      tcp.close();
      await other.close();
      expect(await dig(port, "example.org")).toMatchObject({ status: "SERVFAIL" });
      await server.close();
    }));

  test("refuses what it does not know or cannot do", async () => {
    const { udp, tcp } = await listenBoth();
    const spec = { udp, tcp, view: new View(), forwarder: new Forwarder() };
    const thrown = (more: object) => {
      try {
        openDnsServer({ ...spec, ...more });
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(thrown({ maxConnections: 0 })).toMatchObject(outOfRange("maxConnections"));
    expect(thrown({ idleMs: Number.NaN })).toMatchObject(outOfRange("idleMs"));
    expect(thrown({ ttl: 5 })).toMatchObject(wrongType("ttl"));
    expect(thrown({ view: undefined })).toMatchObject(wrongType("view"));
    udp.close();
    tcp.close();
  });
});
