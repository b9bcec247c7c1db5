// Datagram sockets inside a namespace.

import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { dropUnnamed } from "./link-local.ts";
import { checkOptional, checkPort, openSocket, placeOf } from "./socket.ts";

/** How a datagram socket is bound. */
export interface BindUdpOptions {
  /** Default: 0, the kernel chooses. */
  readonly port?: number;
  /**
   * An IP address; a link-local one as `"fe80::1%eth0"`. Default: all IPv4 addresses. Its family is
   * the socket's.
   */
  readonly address?: string;
  /** Lets several sockets bind the port and all get what is multicast to it. Default: false. */
  readonly reuseAddress?: boolean;
  /** Lets several sockets bind the port, the kernel spreading datagrams over them. */
  readonly reusePort?: boolean;
  /** Whether `"::"` takes no IPv4 datagrams. Default: false. */
  readonly ipv6Only?: boolean;
  /** Bytes; the kernel doubles them, and has limits of its own. */
  readonly receiveBufferSize?: number;
  readonly sendBufferSize?: number;
  /** Closes the socket when it is aborted. */
  readonly signal?: AbortSignal;
}

const known = [
  ...["port", "address", "reuseAddress", "reusePort", "ipv6Only"],
  ...["receiveBufferSize", "sendBufferSize", "signal"],
];

function checkSize(property: string, size: unknown): void {
  if (size === undefined) return;
  if (typeof size !== "number") throw invalidArgument("type", property, "must be a number");
  if (!(Number.isInteger(size) && size >= 1 && size <= 0x7fffffff)) {
    throw invalidArgument("range", property, "must be an integer from 1 to 2147483647");
  }
}

function check(options: BindUdpOptions): void {
  refuseUnknown("options", options, known);
  const { port, address } = options;
  if (port !== undefined) checkPort("port", port);
  checkOptional("address", address, "string");
  if (address !== undefined && isIP(address) === 0) {
    throw invalidArgument("range", "address", "must be an IP address");
  }
  for (const flag of ["reuseAddress", "reusePort", "ipv6Only"] as const) {
    checkOptional(flag, options[flag], "boolean");
  }
  checkSize("receiveBufferSize", options.receiveBufferSize);
  checkSize("sendBufferSize", options.sendBufferSize);
}

/**
 * Binds a datagram socket inside a namespace and returns it: an ordinary one, which receives
 * already. It sends to IP addresses; names would be looked up by the process, so look them up with
 * `lookup` first. What comes from link-local addresses is dropped, since Node cannot name the sender.
 *
 * @throws {SystemError} as `dgram.Socket` does: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`.
 * @throws {RangeError | TypeError} if an option is bad; nothing was made.
 */
export async function bindUdp(namespace: Namespace, options: BindUdpOptions = {}): Promise<Socket> {
  check(options);
  const { port = 0, address = "0.0.0.0", signal } = options;
  signal?.throwIfAborted();
  const place = placeOf(address);
  const socket = createSocket({
    type: place.family === "ipv6" ? "udp6" : "udp4",
    ...(options.receiveBufferSize && { recvBufferSize: options.receiveBufferSize }),
    ...(options.sendBufferSize && { sendBufferSize: options.sendBufferSize }),
    ...(signal && { signal }),
  });
  dropUnnamed(socket);
  try {
    await openSocket(
      namespace,
      {
        ...place,
        type: "datagram",
        use: "bound",
        port,
        reuseAddress: options.reuseAddress ?? false,
        reusePort: options.reusePort ?? false,
        ipv6Only: options.ipv6Only ?? false,
      },
      { syscall: "bind", to: { address, port } },
      // At once, and exclusively: a worker of `cluster` would ask its primary for the socket.
      (fd) => socket.bind({ fd, exclusive: true }),
    );
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
