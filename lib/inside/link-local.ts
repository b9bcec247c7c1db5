// Names the ends of link-local connections, which Node cannot.

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
