// Servers on the loopback interface of the tests' namespace, and dig(1), which asks them.

import { execFile } from "node:child_process";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket as Tcp } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";
import { type Namespace, openNamespace, setLink } from "../../../lib/index.ts";
import type { NameServer } from "../../../lib/inside/dns-exchange.ts";
import { Forwarder, type ForwarderOptions } from "../../../lib/network/dns/forward.ts";
import {
  type DnsServer,
  type DnsServerSpec,
  openDnsServer,
} from "../../../lib/network/dns/server.ts";
import { View } from "../../../lib/network/dns/view.ts";

const run = promisify(execFile);
export const localhost = "127.0.0.1";

let home: Namespace | undefined;

/** The tests of a file run in a namespace of their own, whose `lo` is down at first. */
export function raiseLoopback(): void {
  beforeAll(async () => {
    home = await openNamespace();
    await setLink(home, { name: "lo" }, { up: true });
  });
  afterAll(() => home?.close());
}

/** A name server at a port of the tests' own namespace. */
export function upstream(port: number): NameServer {
  if (home === undefined) throw new Error("raiseLoopback comes first");
  return { namespace: home, address: localhost, port };
}

/** A UDP socket and a TCP server on one port that is free for both. */
export async function listenBoth(): Promise<{ udp: Socket; tcp: Server; port: number }> {
  for (;;) {
    const tcp = createServer().listen(0, localhost);
    await once(tcp, "listening");
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket("udp4").bind(port, localhost);
    try {
      await once(udp, "listening");
      return { udp, tcp, port };
    } catch {
      udp.close();
      tcp.close();
    }
  }
}

/** A server, and what it works with. */
export interface Lab {
  readonly server: DnsServer;
  readonly view: View;
  readonly forwarder: Forwarder;
  readonly port: number;
}

/** Runs a test with a server whose view is empty and whose forwarder asks nobody. */
export async function withServer(
  test: (lab: Lab) => Promise<void>,
  options: Pick<DnsServerSpec, "maxConnections" | "idleMs"> = {},
  forwarding: ForwarderOptions = {},
): Promise<void> {
  const { udp, tcp, port } = await listenBoth();
  const view = new View();
  const forwarder = new Forwarder(forwarding);
  await using server = openDnsServer({ udp, tcp, view, forwarder, ...options });
  await test({ server, view, forwarder, port });
}

/** What dig understood of an answer. */
export interface Dug {
  /** `"NOERROR"`, `"NXDOMAIN"`, … */
  readonly status: string;
  /** `"qr rd ra"` */
  readonly flags: string;
  /** Whether it had an OPT record. */
  readonly edns: boolean;
  /** The options in it, as dig calls them. */
  readonly options: readonly string[];
  /** The records of the answer, `"web. 600 IN A 172.18.0.2"`. */
  readonly answers: readonly string[];
  /** What the records say. */
  readonly data: readonly string[];
}

/** What dig printed, taken apart. */
export function understood(stdout: string): Dug {
  const answer = /;; ANSWER SECTION:\n(?<lines>(?:.+\n)+)/.exec(stdout)?.groups?.lines ?? "";
  const answers = answer.split("\n").filter((line) => line !== "");
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? "",
    flags: /flags: ([a-z ]*);/.exec(stdout)?.[1] ?? "",
    edns: stdout.includes("OPT PSEUDOSECTION"),
    options: stdout.match(/(?<=^; )(?:COOKIE|CLIENT-SUBNET|NSID|PAD\w*|OPT=\d+)(?=:)/gm) ?? [],
    answers: answers.map((line) => line.replace(/\s+/g, " ")),
    data: answers.map((line) => line.split(/\s+/).slice(4).join(" ")),
  };
}

/** What `dig ARGS` says to a server at a port of this namespace. */
export async function dig(port: number, ...args: string[]): Promise<Dug> {
  const place = [`@${localhost}`, "-p", String(port), "+tries=1", "+time=10"];
  return understood((await run("dig", [...place, ...args])).stdout);
}

/** A server elsewhere that does as the test says. */
export interface Elsewhere {
  readonly port: number;
  /** The questions that came, as they came. */
  readonly questions: Buffer[];
  /** Where they came from. */
  readonly senders: RemoteInfo[];
  /** TCP connections that were made to it. */
  readonly connections: Tcp[];
}

/** Answers one question: with what it returns, if anything. */
export type Behaviour = (
  question: Buffer,
  reply: (answer: Buffer) => void,
  transport: "udp" | "tcp",
) => void;

export async function withElsewhere(
  behaviour: Behaviour,
  test: (elsewhere: Elsewhere) => Promise<void>,
): Promise<void> {
  const { udp, tcp, port } = await listenBoth();
  const elsewhere: Elsewhere = { port, questions: [], senders: [], connections: [] };
  udp.on("message", (question, from) => {
    elsewhere.questions.push(question);
    elsewhere.senders.push(from);
    behaviour(question, (answer) => udp.send(answer, from.port, from.address, () => {}), "udp");
  });
  tcp.on("connection", (connection) => {
    elsewhere.connections.push(connection);
    connection.on("error", () => {});
    connection.on("data", (piece: Buffer) => {
      const question = piece.subarray(2);
      elsewhere.questions.push(question);
      const reply = (answer: Buffer) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        connection.write(Buffer.concat([length, answer]));
      };
      behaviour(question, reply, "tcp");
    });
  });
  try {
    await test(elsewhere);
  } finally {
    udp.close();
    tcp.close();
    for (const connection of elsewhere.connections) connection.destroy();
  }
}
