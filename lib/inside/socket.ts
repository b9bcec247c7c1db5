// Opens sockets inside a namespace, and sees to it that each descriptor has one owner.

import { isIPv6 } from "node:net";
import { invalidArgument, isRefusal } from "../errors.ts";
import { native, type SocketPlan } from "../native.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { systemError } from "./system-error.ts";

/** An IP address for a plan: the zone of a link-local one, `"fe80::1%eth0"`, is a link inside. */
export function placeOf(address: string): Pick<SocketPlan, "family" | "address" | "device"> {
  if (!isIPv6(address)) return { family: "ipv4", address };
  const [plain = "", device] = address.split("%");
  return { family: "ipv6", address: plain, ...(device !== undefined && { device }) };
}

/**
 * Opens a socket and gives its descriptor to `adopt`, whose result owns it from then on. If that
 * throws, the descriptor is closed here.
 *
 * @throws what Node would for `syscall`; `to` is what the caller named.
 */
export async function openSocket<T>(
  namespace: Namespace,
  plan: SocketPlan,
  { syscall, to }: { syscall: string; to: { address: string; port?: number } },
  adopt: (fd: number) => T,
): Promise<T> {
  let fd: number;
  try {
    fd = await native().openSocket(namespace, plan);
  } catch (error) {
    throw isRefusal(error) ? systemError(syscall, error.errno, to, error.detail) : error;
  }
  try {
    return adopt(fd);
  } catch (error) {
    native().closeDescriptor(fd);
    throw error;
  }
}

/** The port itself, if it is one. */
export function checkPort(property: string, port: unknown, lowest = 0): number {
  if (typeof port !== "number") throw invalidArgument("type", property, "must be a number");
  if (!Number.isInteger(port) || port < lowest || port > 65535) {
    throw invalidArgument("range", property, `must be an integer from ${lowest} to 65535`);
  }
  return port;
}

/** The path of a Unix socket itself, if the kernel takes it; an abstract one begins with a NUL. */
export function checkPath(path: unknown): string {
  if (typeof path !== "string") throw invalidArgument("type", "path", "must be a string");
  const abstract = path.startsWith("\0");
  if (path === "" || path === "\0") throw invalidArgument("range", "path", "must not be empty");
  if (!abstract && path.includes("\0")) {
    throw invalidArgument("range", "path", "may have a NUL at its beginning only");
  }
  if (Buffer.byteLength(path) > 107) throw invalidArgument("range", "path", "at most 107 bytes");
  return path;
}

/** Refuses a value of another type, if there is one. */
export function checkOptional(
  property: string,
  value: unknown,
  type: "string" | "boolean" | "function" | "number",
): void {
  if (value !== undefined && typeof value !== type) {
    throw invalidArgument("type", property, `must be a ${type}`);
  }
}
