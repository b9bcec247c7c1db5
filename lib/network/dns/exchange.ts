// One question to one server, over UDP or TCP.

import { randomInt } from "node:crypto";
import type { Socket as UdpSocket } from "node:dgram";
import { isIPv6, type Socket as TcpSocket } from "node:net";
import { Frames, frame } from "./frames.ts";
import { answersQuestion, longestMessage, withId } from "./message.ts";

/** How packets get to a server: sockets of the namespace from which it is to be asked. */
export interface UpstreamSockets {
  /**
   * A UDP socket on a free port that the kernel chooses at random. It is connected, used for one
   * question, and closed.
   */
  bindUdp(family: "inet" | "inet6"): Promise<UdpSocket>;
  /** A TCP connection; no longer tried for when the signal is aborted. */
  connectTcp(address: string, port: number, signal: AbortSignal): Promise<TcpSocket>;
}

/** A server that knows what the sandboxes' names do not. */
export interface Upstream {
  readonly address: string;
  /** Default: 53. */
  readonly port?: number;
  readonly sockets: UpstreamSockets;
}

/** Asks one server and gives its answer, with an id of its own. */
export type Exchange = (
  upstream: Upstream,
  query: Buffer,
  retryMs: number,
  signal: AbortSignal,
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
 * By UDP; sent again every `retryMs`. What comes from elsewhere or does not answer the question is
 * passed over, as it may be somebody's guess.
 */
export const exchangeUdp: Exchange = async (upstream, query, retryMs, signal) => {
  signal.throwIfAborted();
  const { address, port = 53, sockets } = upstream;
  const question = withId(query, randomInt(0x10000));
  const socket = await sockets.bindUdp(isIPv6(address) ? "inet6" : "inet");
  let timer: NodeJS.Timeout | undefined;
  try {
    signal.throwIfAborted();
    return await untilAborted<Buffer>(signal, (resolve, reject) => {
      // ECONNREFUSED, which connected sockets alone hear: there is no server.
      socket.on("error", reject);
      const send = () => socket.send(question, (error) => error && reject(error));
      socket.connect(port, address, (error?: Error) => {
        if (error !== undefined) return reject(error);
        const server = socket.remoteAddress();
        // The kernel lets in the server alone from now on, but others could write before.
        socket.on("message", (answer, from) => {
          if (from.port !== server.port || from.address !== server.address) return;
          if (answersQuestion(answer, question)) resolve(answer);
        });
        send();
        timer = setInterval(send, retryMs);
      });
    });
  } finally {
    clearInterval(timer);
    socket.close();
  }
};

/** By TCP, on a connection of its own. */
export const exchangeTcp: Exchange = async (upstream, query, _retryMs, signal) => {
  signal.throwIfAborted();
  const { address, port = 53, sockets } = upstream;
  const question = withId(query, randomInt(0x10000));
  const socket = await sockets.connectTcp(address, port, signal);
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
