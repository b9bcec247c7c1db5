// One attempt to connect to one address.

import { once } from "node:events";
import { Socket, type SocketConstructorOpts } from "node:net";
import { constants } from "node:os";
import type { Namespace } from "../rtnl/namespace.ts";
import { nameEnds } from "./link-local.ts";
import { openSocket, placeOf } from "./socket.ts";
import { systemError } from "./system-error.ts";

/** How one address is connected to. */
export interface AttemptOptions {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly allowHalfOpen?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which it fails with `ETIMEDOUT`. Default: the kernel's two minutes. */
  readonly timeoutMs?: number | undefined;
}

/** What a `net.Socket` is made of. */
export function socketOptions(
  fd: number,
  { allowHalfOpen, signal }: AttemptOptions,
): SocketConstructorOpts {
  return {
    fd,
    readable: true,
    writable: true,
    ...(allowHalfOpen !== undefined && { allowHalfOpen }),
    ...(signal && { signal }),
  };
}

/** Connects a socket that was made inside. @throws what Node does. */
export async function connectTo(
  namespace: Namespace,
  address: string,
  port: number,
  options: AttemptOptions,
): Promise<Socket> {
  const place = placeOf(address);
  const socket = await openSocket(
    namespace,
    { type: "stream", use: "none", ...place },
    { syscall: "connect", to: { address, port } },
    // net.Socket reads as soon as it has a descriptor, unless it is told that it will be started.
    (fd) => new Socket({ ...socketOptions(fd, options), ...{ manualStart: true } }),
  );
  const { localAddress, localPort, timeoutMs } = options;
  const late = () =>
    socket.destroy(systemError("connect", constants.errno.ETIMEDOUT, { address, port }));
  const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
  try {
    const connected = once(socket, "connect");
    socket.connect({
      host: place.address ?? address,
      port,
      ...(localAddress !== undefined && { localAddress }),
      ...(localPort !== undefined && { localPort }),
    });
    await connected;
    nameEnds(socket);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
