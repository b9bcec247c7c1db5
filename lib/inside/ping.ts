// ICMP echoes from inside a namespace.

import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { constants } from "node:os";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { dropUnnamed } from "./link-local.ts";
import { openSocket } from "./socket.ts";
import { systemError } from "./system-error.ts";

/** How long an echo is waited for. */
export interface PingOptions {
  /** Milliseconds until it is given up. Default: 1000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const echoRequest = { 4: 8, 6: 128 } as const;
const echoReply = { 4: 0, 6: 129 } as const;
/** Ping sockets have no ports, but Node insists on one. */
const noPort = 7;

let sequence = 0;

/** An echo request; identifier and checksum are the kernel's business. */
function echo(family: 4 | 6): Buffer {
  sequence = (sequence + 1) % 65536;
  const message = Buffer.alloc(16);
  message.writeUInt8(echoRequest[family], 0);
  message.writeUInt16BE(sequence, 6);
  message.write("vethwork", 8);
  return message;
}

/** Resolves when the reply to a message comes; rejects with what the network says instead. */
function exchange(socket: Socket, message: Buffer, family: 4 | 6, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (reply) => {
      const same = reply.length >= 8 && reply.readUInt16BE(6) === message.readUInt16BE(6);
      if (same && reply.readUInt8(0) === echoReply[family]) resolve();
    });
    socket.send(message, noPort, to, (error) => error && reject(error));
  });
}

/**
 * Sends one ICMP echo from inside a namespace, and waits for the reply.
 *
 * Any process may that may open sockets inside: while its socket is made, the namespace's setting
 * `net.ipv4.ping_group_range` lets its group have one. (It stays so in a user namespace that has no
 * numbers for the groups that might before.)
 *
 * @param address an IP address, but no link-local one, of which Node would lose the reply.
 * @returns the round trip in milliseconds, the event loop's own delay included.
 * @throws {SystemError} `ETIMEDOUT` if no reply came; `ENETUNREACH` or `EHOSTUNREACH` if there is
 *   no way; `EROFS` if the setting is needed and /proc/sys is mounted read-only.
 * @throws {RangeError | TypeError} if an argument is bad.
 */
export async function ping(
  namespace: Namespace,
  address: string,
  options: PingOptions = {},
): Promise<number> {
  refuseUnknown("options", options, ["timeoutMs", "signal"]);
  const { timeoutMs = 1000, signal } = options;
  if (typeof address !== "string") throw invalidArgument("type", "address", "must be a string");
  const family = isIP(address);
  if (family !== 4 && family !== 6) {
    throw invalidArgument("range", "address", "must be an IP address");
  }
  if (/^fe[89ab]/i.test(address)) {
    throw invalidArgument("range", "address", "must not be link-local");
  }
  if (!(timeoutMs >= 1 && timeoutMs <= 0x7fffffff)) {
    throw invalidArgument("range", "timeoutMs", "must be from 1 to 2147483647");
  }
  signal?.throwIfAborted();
  const socket = createSocket({ type: family === 6 ? "udp6" : "udp4" });
  const late = () => systemError("ping", constants.errno.ETIMEDOUT, { address });
  dropUnnamed(socket);
  let giveUp = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(late()), timeoutMs);
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    giveUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  // It may come before anybody waits for it.
  givenUp.catch(() => {});
  try {
    await openSocket(
      namespace,
      {
        family: family === 6 ? "ipv6" : "ipv4",
        type: "datagram",
        echo: true,
        use: "bound",
        address: family === 6 ? "::" : "0.0.0.0",
      },
      { syscall: "ping", to: { address } },
      (fd) => socket.bind({ fd, exclusive: true }),
    );
    const start = performance.now();
    await Promise.race([exchange(socket, echo(family), family, address), givenUp]);
    return performance.now() - start;
  } finally {
    giveUp();
    socket.close();
  }
}
