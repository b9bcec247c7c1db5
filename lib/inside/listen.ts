// Servers that listen inside a namespace.

import cluster from "node:cluster";
import { unlinkSync } from "node:fs";
import { createServer, Server, type ServerOpts, Socket } from "node:net";
import { constants } from "node:os";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { SocketPlan } from "../native.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { nameEnds } from "./link-local.ts";
import { lookup } from "./lookup.ts";
import { checkOptional, checkPath, checkPort, openSocket, placeOf } from "./socket.ts";
import { systemError } from "./system-error.ts";

/** Where a server listens, and what listens there. */
export interface ListenOptions<S extends Server = Server> extends ServerOpts {
  /**
   * What listens: any server that does not yet, of `net`, `http`, `https`, `http2` or `tls`.
   * Default: a new `net.Server`, made of the options of `net.createServer`.
   */
  readonly server?: S;
  /** The TCP port; 0 has the kernel choose one. Either this or `path`. */
  readonly port?: number;
  /**
   * An address, or a name of the namespace; a link-local one as `"fe80::1%eth0"`. Default: all
   * addresses, IPv6 and IPv4.
   */
  readonly host?: string;
  /** The path of a Unix socket, which goes with the server; with a NUL in front an abstract name. */
  readonly path?: string;
  /** How many connections may wait to be accepted. Default: 511; the kernel has its own limit. */
  readonly backlog?: number;
  /** Lets several sockets listen on the port, the kernel spreading connections over them. */
  readonly reusePort?: boolean;
  /** Whether `"::"` takes no IPv4 connections. Default: false. */
  readonly ipv6Only?: boolean;
  /** Closes the server when it is aborted. */
  readonly signal?: AbortSignal;
}

const defaultBacklog = 511;
const known = [
  ...["server", "port", "host", "path", "backlog", "reusePort", "ipv6Only", "signal"],
  ...["allowHalfOpen", "pauseOnConnect", "noDelay", "keepAlive", "keepAliveInitialDelay"],
  "highWaterMark",
];

function check(options: ListenOptions): void {
  refuseUnknown("options", options, known);
  const { port, path, host, server, backlog } = options;
  if ((port === undefined) === (path === undefined)) {
    throw invalidArgument("type", "options", "must have one of port and path");
  }
  if (port !== undefined) checkPort("port", port);
  if (path !== undefined) checkPath(path);
  if (path !== undefined && cluster.isWorker) {
    throw invalidArgument("range", "path", "cannot be listened on by a worker of cluster");
  }
  if (path !== undefined && host !== undefined) {
    throw invalidArgument("type", "host", "goes with a port, not with a path");
  }
  if (host === "") throw invalidArgument("range", "host", "must not be empty");
  checkOptional("host", host, "string");
  checkOptional("reusePort", options.reusePort, "boolean");
  checkOptional("ipv6Only", options.ipv6Only, "boolean");
  if (backlog !== undefined && !(Number.isInteger(backlog) && backlog >= 0)) {
    throw invalidArgument("range", "backlog", "must be an integer of at least 0");
  }
  if (server === undefined) return;
  if (!(server instanceof Server)) throw invalidArgument("type", "server", "must be a net.Server");
  if (server.listening) throw invalidArgument("range", "server", "listens already");
}

/**
 * What `server.listen` takes. In a worker of `cluster` it would tell the number of a descriptor to
 * the primary process, which knows another by it; what a socket has it keeps.
 */
function handleOf(fd: number): Socket | { fd: number } {
  if (!cluster.isWorker) return { fd };
  return new Socket({ fd, readable: true, writable: true, ...{ manualStart: true } });
}

/** Has the server listen on a socket that does already. Throws at once if it listens by now. */
function adopt(server: Server, fd: number, options: ListenOptions): Promise<void> {
  const { backlog = defaultBacklog, signal } = options;
  if (server.listening) throw invalidArgument("range", "server", "listens already");
  const handle = handleOf(fd);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // Of a descriptor Node takes the backlog by position alone, and no signal of a handle.
    server.listen(handle, backlog, () => {
      server.off("error", reject);
      const close = () => server.close();
      signal?.addEventListener("abort", close);
      server.once("close", () => signal?.removeEventListener("abort", close));
      if (signal?.aborted) close();
      resolve();
    });
  });
}

/** What Node does for a path that it has bound itself. */
function ownPath(server: Server, path: string): void {
  server.address = () => (server.listening ? path : null);
  if (path.startsWith("\0")) return;
  server.once("close", () => {
    try {
      unlinkSync(path);
    } catch {
      // Somebody has removed it before.
    }
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

async function listenOnPath(namespace: Namespace, server: Server, options: ListenOptions) {
  const path = checkPath(options.path);
  const plan = { ...socketPlan(options), family: "unix", address: path } as const;
  // Node names a port of -1 for pipes.
  const failure = { syscall: "listen", to: { address: path, port: -1 } };
  try {
    await openSocket(namespace, plan, failure, (fd) => adopt(server, fd, options));
  } catch (error) {
    // So does libuv, for the sake of Windows.
    if (codeOf(error) !== "ENOENT") throw error;
    throw systemError("listen", constants.errno.EACCES, failure.to);
  }
  ownPath(server, path);
}

function socketPlan(options: ListenOptions) {
  return {
    type: "stream",
    use: "listens",
    backlog: options.backlog ?? defaultBacklog,
    reuseAddress: options.path === undefined,
    reusePort: options.reusePort ?? false,
    ipv6Only: options.ipv6Only ?? false,
  } as const;
}

async function listenOnPort(namespace: Namespace, server: Server, options: ListenOptions) {
  const port = checkPort("port", options.port);
  const open = (address: string) => {
    const plan: SocketPlan = { ...socketPlan(options), ...placeOf(address), port };
    const failure = { syscall: "listen", to: { address, port } };
    return openSocket(namespace, plan, failure, (fd) => adopt(server, fd, options));
  };
  if (options.host !== undefined) {
    const [first] = await lookup(namespace, options.host);
    await open(first?.address ?? options.host);
    return;
  }
  try {
    await open("::");
  } catch (error) {
    // As Node does where there is no IPv6.
    if (!["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(codeOf(error) ?? "")) throw error;
    await open("0.0.0.0");
  }
}

/**
 * Listens inside a namespace and returns an ordinary server, which accepts already. Its socket was
 * made inside; nothing of the process is moved there. Connections that it accepts are inside, too.
 *
 * ```ts
 * const server = await listen(namespace, { port: 80, server: http.createServer(handler) });
 * ```
 *
 * A worker of `cluster` listens by itself, not by its primary; with `reusePort` several can.
 *
 * @throws {SystemError} as `net.Server` does: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`.
 * @throws {RangeError | TypeError} if an option is bad; nothing was made.
 */
export async function listen<S extends Server = Server>(
  namespace: Namespace,
  options: ListenOptions<S>,
  onConnection?: (socket: Socket) => void,
): Promise<S> {
  check(options);
  checkOptional("onConnection", onConnection, "function");
  options.signal?.throwIfAborted();
  // With no server given, S is Server.
  const server = options.server ?? (createServer(options) as S);
  server.prependListener("connection", nameEnds);
  if (onConnection !== undefined) server.on("connection", onConnection);
  if (options.path !== undefined) await listenOnPath(namespace, server, options);
  else await listenOnPort(namespace, server, options);
  return server;
}
