// Link-local addresses, whose link Node looks for in the wrong namespace.

import type { Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import { native } from "../native.ts";

/** The descriptor of a socket, which Node has below the surface. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return undefined;
  return typeof handle.fd === "number" ? handle.fd : undefined;
}

function define(socket: Socket, end: "local" | "remote", fd: number): void {
  const name = native().socketName(fd, end === "remote");
  if (name === undefined) return;
  const values = { Address: name.address, Port: name.port, Family: "IPv6" };
  for (const [property, value] of Object.entries(values)) {
    Object.defineProperty(socket, `${end}${property}`, { value, configurable: true });
  }
}

/**
 * Makes `remoteAddress` and its like work on a connection between link-local addresses. Node names
 * the link, looks for it among those of the namespace that the process is in, and throws.
 */
export function nameEnds(socket: Socket): void {
  try {
    if (socket.remoteAddress !== undefined && socket.localAddress !== undefined) return;
  } catch {
    const fd = descriptorOf(socket);
    if (fd === undefined) return;
    define(socket, "local", fd);
    define(socket, "remote", fd);
  }
}

/**
 * Drops datagrams from link-local addresses. Node fails to name their sender and emits an error for
 * each, which would end the process of whoever does not listen for errors: anybody on the link could
 * do that.
 */
export function dropUnnamed(socket: UdpSocket): void {
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [error] = args;
    const unnamed =
      event === "error" &&
      error instanceof Error &&
      "syscall" in error &&
      error.syscall === "uv_if_indextoiid";
    return unnamed ? false : emit(event, ...args);
  };
}
