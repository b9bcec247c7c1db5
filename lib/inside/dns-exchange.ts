// One question to one name server, from inside a namespace, over UDP or TCP.

import { randomInt } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Namespace } from "../rtnl/namespace.ts";
import { Frames, frame } from "../values/dns-frames.ts";
import { answersQuestion, longestMessage, withId } from "../values/dns-message.ts";
import { connectTo } from "./attempt.ts";
import { bindUdp } from "./udp.ts";

/** A name server, and from where it is asked. */
export interface NameServer {
  readonly namespace: Namespace;
  /** An IP address; a link-local one as `"fe80::1%eth0"`. */
  readonly address: string;
  /** Default: 53. */
  readonly port?: number;
}

/** How long to try. */
export interface ExchangeOptions {
  /** Has the exchange reject with its reason. */
  readonly signal: AbortSignal;
  /** Milliseconds after which a UDP question is sent again. Default: it is sent once. */
  readonly retryMs?: number;
}

/**
 * Asks one server and gives its answer, which has an id of its own: a random one is sent instead of
 * the query's.
 */
export type Exchange = (
  server: NameServer,
  query: Buffer,
  options: ExchangeOptions,
) => Promise<Buffer>;

/** Rejects when the signal is aborted; resolves or rejects as `work` does before. */
function untilAborted<T>(
  signal: AbortSignal,
  work: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work(resolve, reject);
  });
}

/**
 * By UDP, from a port that the kernel chooses for this question alone. What comes from elsewhere or
 * does not answer the question is passed over, as it may be somebody's guess.
 *
 * A server with a link-local address is asked by TCP: Node cannot name the senders of such datagrams.
 */
export const exchangeUdp: Exchange = async (server, query, options) => {
  const { namespace, address, port = 53 } = server;
  const { signal, retryMs } = options;
  if (address.includes("%")) return await exchangeTcp(server, query, options);
  signal.throwIfAborted();
  const question = withId(query, randomInt(0x10000));
  const socket = await bindUdp(namespace, { address: isIPv6(address) ? "::" : "0.0.0.0" });
  let timer: NodeJS.Timeout | undefined;
  try {
    signal.throwIfAborted();
    return await untilAborted<Buffer>(signal, (resolve, reject) => {
      // ECONNREFUSED, which connected sockets alone hear: there is no server.
      socket.on("error", reject);
      const send = () => socket.send(question, (error) => error && reject(error));
      socket.connect(port, address, (error?: Error) => {
        if (error !== undefined) return reject(error);
        const remote = socket.remoteAddress();
        // The kernel lets in the server alone from now on, but others could write before.
        socket.on("message", (answer, from) => {
          if (from.port !== remote.port || from.address !== remote.address) return;
          if (answersQuestion(answer, question)) resolve(answer);
        });
        send();
        if (retryMs !== undefined) timer = setInterval(send, retryMs);
      });
    });
  } finally {
    clearInterval(timer);
    socket.close();
  }
};

/** By TCP, on a connection of its own. */
export const exchangeTcp: Exchange = async (server, query, { signal }) => {
  signal.throwIfAborted();
  const { namespace, address, port = 53 } = server;
  const question = withId(query, randomInt(0x10000));
  const socket = await connectTo(namespace, address, port, { signal });
  try {
    signal.throwIfAborted();
    const frames = new Frames(longestMessage);
    return await untilAborted<Buffer>(signal, (resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the server closed the connection")));
      socket.on("data", (piece: Buffer) => {
        try {
          for (const answer of frames.take(piece)) {
            if (answersQuestion(answer, question)) resolve(answer);
          }
        } catch (error) {
          reject(error);
        }
      });
      socket.write(frame(question));
    });
  } finally {
    socket.destroy();
  }
};
