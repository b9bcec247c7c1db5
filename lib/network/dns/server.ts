// The DNS server of one sandbox, on sockets inside it.

import type { RemoteInfo, Socket as UdpSocket } from "node:dgram";
import type { Server, Socket as TcpSocket } from "node:net";
import { invalidArgument, objectArgument, refuseUnknown } from "../../errors.ts";
import { Frames, frame } from "../../values/dns-frames.ts";
import {
  longestMessage,
  longestQuery,
  type Query,
  readQuery,
  writeAnswer,
} from "../../values/dns-message.ts";
import type { Forwarder } from "./forward.ts";
import type { View } from "./view.ts";
import type { Turn } from "./zone.ts";

/** What a server works with. */
export interface DnsServerSpec {
  /** A bound socket, which the server takes over: it closes it in the end. */
  readonly udp: UdpSocket;
  /** A listening server, taken over too. */
  readonly tcp: Server;
  /** The names that it answers itself. */
  readonly view: View;
  /** Who answers all others; taken over too. */
  readonly forwarder: Forwarder;
  /** TCP connections at one time; further ones are closed at once. 1 to 65535. Default: 64. */
  readonly maxConnections?: number;
  /** Milliseconds after which an idle TCP connection is closed; 1 to 3600000. Default: 10000. */
  readonly idleMs?: number;
}

/** Answers that one connection may wait for, or leave unread, before no more is read from it. */
const mostPending = 16;

/** Serves the DNS queries of one sandbox until it is closed. */
export class DnsServer implements AsyncDisposable {
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #view: View;
  readonly #forwarder: Forwarder;
  readonly #idleMs: number;
  readonly #connections = new Set<TcpSocket>();
  #closed: Promise<void> | undefined;

  /** @internal Use {@link openDnsServer}. */
  constructor({ udp, tcp, view, forwarder, maxConnections, idleMs }: Required<DnsServerSpec>) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.#view = view;
    this.#forwarder = forwarder;
    this.#idleMs = idleMs;
    tcp.maxConnections = maxConnections;
    udp.on("message", this.#receive);
    tcp.on("connection", this.#accept);
    // One datagram or connection that fails is its sender's loss; the next may succeed.
    udp.on("error", ignore);
    tcp.on("error", ignore);
  }

  /** Closes the sockets, connections too, and gives up what waits for servers elsewhere. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const closed = [
      untilClosed((done) => this.#udp.close(done)),
      untilClosed((done) => this.#tcp.close(done)),
    ];
    for (const connection of this.#connections) connection.destroy();
    this.#forwarder.close();
    await Promise.all(closed);
  }

  /** What to answer to a message, now or when a server elsewhere has; undefined for nothing. */
  #answer(message: Buffer, transport: "udp" | "tcp"): Buffer | Promise<Buffer> | undefined {
    const query = readQuery(message);
    if (query === undefined || Buffer.isBuffer(query)) return query;
    const own = this.#take(query);
    if (own === undefined) return this.#forwarder.ask(query, transport);
    const limit = transport === "udp" ? query.payload : longestMessage;
    return writeAnswer(query, own.records, own.first, limit);
  }

  /** What the view says to a query; undefined if that is for others to answer. */
  #take({ name, type }: Query): Turn | undefined {
    const known = this.#view.find(name);
    switch (type) {
      case "A":
      case "AAAA":
        return known?.take(type);
      case "MX":
        return known && { records: [], first: 0 };
      case "PTR": {
        const turn = known?.take(type);
        return turn?.records.length ? turn : undefined;
      }
      default:
        return undefined;
    }
  }

  readonly #receive = (message: Buffer, from: RemoteInfo): void => {
    const send = (answer: Buffer) => {
      try {
        this.#udp.send(answer, from.port, from.address, ignore);
      } catch {
        // The asker's port is 0, or the socket was closed meanwhile: nobody is there to hear it.
      }
    };
    const answer = this.#answer(message, "udp");
    if (answer instanceof Promise) answer.then(send);
    else if (answer !== undefined) send(answer);
  };

  readonly #accept = (connection: TcpSocket): void => {
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("error", ignore);
    connection.setTimeout(this.#idleMs, () => connection.destroy());
    // Who has sent all its queries may close its half and still read the answers.
    connection.allowHalfOpen = true;
    const answering = answerAll(connection, (message) => this.#answer(message, "tcp"));
    answering.catch(() => connection.destroy());
  };
}

function ignore(): void {}

/** Waits for something to be closed; somebody else may have done it already. */
async function untilClosed(close: (done: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    try {
      close(resolve);
    } catch {
      resolve();
    }
  });
}

/**
 * Answers the messages of a connection as they come; each answer is sent when it is there, whatever
 * the order (RFC 7766, 6.2.1.1). Who sends much and reads nothing is not read from any more.
 */
async function answerAll(
  connection: TcpSocket,
  answerTo: (message: Buffer) => Buffer | Promise<Buffer> | undefined,
): Promise<void> {
  const frames = new Frames(longestQuery);
  let pending = 0;
  let wake = ignore;
  const settle = () => {
    pending -= 1;
    wake();
  };
  const send = (answer: Buffer | undefined) => {
    if (answer === undefined) settle();
    else connection.write(frame(answer), settle);
  };
  const below = async (most: number) => {
    while (pending >= most) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  // Unlike a plain loop, which would destroy the connection when the other end closes its half.
  for await (const piece of connection.iterator({ destroyOnReturn: false })) {
    for (const message of frames.take(piece)) {
      await below(mostPending);
      pending += 1;
      Promise.resolve(answerTo(message)).then(send);
    }
  }
  await below(1);
  connection.end();
}

function checkInteger(value: number, property: string, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw invalidArgument("range", property, `must be an integer from 1 to ${max}`);
  }
  return value;
}

/**
 * Begins to answer the queries that come to a sandbox's sockets, as Docker's server at 127.0.0.11
 * does: names of the view from the view, all others by the forwarder.
 *
 * - Answers carry a TTL of 600 seconds and are not authoritative. Addresses (A, AAAA) and MX of a
 *   name of the view are answered from it, with nothing if there are none; so is who has an address
 *   (PTR). Everything else is forwarded, questions of other types for these names too.
 * - A query with EDNS gets an answer with EDNS, without options.
 * - An answer that does not fit has as many records as do, and is marked as truncated.
 * - Malformed queries are answered with FORMERR, other opcodes than QUERY with NOTIMP; what is no
 *   query at all is dropped. The class is not looked at.
 *
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if something to work with is missing.
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if an option is not in its range.
 */
export function openDnsServer(spec: DnsServerSpec): DnsServer {
  const known = ["udp", "tcp", "view", "forwarder", "maxConnections", "idleMs"];
  refuseUnknown("spec", spec, known);
  for (const property of ["udp", "tcp", "view", "forwarder"] as const) {
    objectArgument(property, spec[property]);
  }
  const { maxConnections = 64, idleMs = 10_000, ...rest } = spec;
  return new DnsServer({
    ...rest,
    maxConnections: checkInteger(maxConnections, "maxConnections", 65_535),
    idleMs: checkInteger(idleMs, "idleMs", 3_600_000),
  });
}
