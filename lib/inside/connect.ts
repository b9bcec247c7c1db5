// Connections that go out from inside a namespace.

import { isIP, Socket } from "node:net";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { connectTo, socketOptions } from "./attempt.ts";
import { lookup } from "./lookup.ts";
import { checkOptional, checkPath, checkPort, openSocket } from "./socket.ts";

/** Where to, and how. */
export interface ConnectOptions {
  /** The TCP port. Either this or `path`. */
  readonly port?: number;
  /**
   * An address, or a name, which is looked up as the namespace would. Default: `"localhost"`. A
   * link-local address needs its link: `"fe80::1%eth0"`.
   */
  readonly host?: string;
  /** The path of a Unix socket; with a NUL in front an abstract name of the namespace. */
  readonly path?: string;
  /** Which addresses of a name count. Default: 0, all. */
  readonly family?: 0 | 4 | 6;
  /** Where from. Default: the kernel chooses. */
  readonly localAddress?: string;
  readonly localPort?: number;
  /** As for `net.Socket`. */
  readonly allowHalfOpen?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** Milliseconds. */
  readonly keepAliveInitialDelay?: number;
  /** Milliseconds of silence after which the socket emits `timeout`. */
  readonly timeout?: number;
  /** Gives the attempt up, or destroys the socket. */
  readonly signal?: AbortSignal;
}

const known = [
  ...["port", "host", "path", "family", "localAddress", "localPort", "allowHalfOpen", "noDelay"],
  ...["keepAlive", "keepAliveInitialDelay", "timeout", "signal"],
];

/** How long one of several addresses is waited for before the next one is tried, as in Node. */
const attemptTimeoutMs = 250;

function check(options: ConnectOptions): void {
  refuseUnknown("options", options, known);
  const { port, path, host, family, localAddress, localPort } = options;
  if ((port === undefined) === (path === undefined)) {
    throw invalidArgument("type", "options", "must have one of port and path");
  }
  if (path !== undefined) checkPath(path);
  else checkPort("port", port);
  checkOptional("host", host, "string");
  if (host === "") throw invalidArgument("range", "host", "must not be empty");
  if (family !== undefined && ![0, 4, 6].includes(family)) {
    throw invalidArgument("range", "family", "must be one of 0, 4, 6");
  }
  if (localPort !== undefined) checkPort("localPort", localPort);
  if (localAddress !== undefined && isIP(localAddress) === 0) {
    throw invalidArgument("range", "localAddress", "must be an IP address");
  }
}

function settle(socket: Socket, options: ConnectOptions): Socket {
  if (options.noDelay) socket.setNoDelay(true);
  if (options.keepAlive) socket.setKeepAlive(true, options.keepAliveInitialDelay ?? 0);
  if (options.timeout) socket.setTimeout(options.timeout);
  return socket;
}

async function connectToHost(namespace: Namespace, options: ConnectOptions): Promise<Socket> {
  const { host = "localhost", family = 0, signal } = options;
  const port = checkPort("port", options.port);
  const addresses = await lookup(namespace, host, { family, ...(signal && { signal }) });
  const errors: unknown[] = [];
  for (const [position, { address }] of addresses.entries()) {
    const last = position === addresses.length - 1;
    const timeoutMs = last ? undefined : attemptTimeoutMs;
    try {
      return await connectTo(namespace, address, port, { ...options, timeoutMs });
    } catch (error) {
      signal?.throwIfAborted();
      errors.push(error);
    }
  }
  const [first] = errors;
  if (errors.length === 1) throw first;
  const code = first instanceof Error && "code" in first ? first.code : undefined;
  throw Object.assign(new AggregateError(errors), { code });
}

async function connectToPath(namespace: Namespace, options: ConnectOptions): Promise<Socket> {
  const path = checkPath(options.path);
  return await openSocket(
    namespace,
    { family: "unix", type: "stream", use: "connects", address: path },
    { syscall: "connect", to: { address: path } },
    (fd) => new Socket(socketOptions(fd, options)),
  );
}

/**
 * Connects from inside a namespace and returns an ordinary socket, connected. Its socket was made
 * inside; nothing of the process is moved there.
 *
 * Of a name with several addresses each is tried in turn, for a quarter of a second but the last.
 *
 * @throws {SystemError} as `net.Socket` does: `ECONNREFUSED`, `ENETUNREACH`, `ENOENT`; an
 *   `AggregateError` if several addresses failed.
 * @throws {LookupError} `ENOTFOUND` if there is no such name; `EAI_AGAIN` if no server answered.
 * @throws {RangeError | TypeError} if an option is bad; nothing was made.
 */
export async function connect(namespace: Namespace, options: ConnectOptions): Promise<Socket> {
  check(options);
  options.signal?.throwIfAborted();
  const socket =
    options.path === undefined
      ? await connectToHost(namespace, options)
      : await connectToPath(namespace, options);
  return settle(socket, options);
}
