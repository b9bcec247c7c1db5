// Errors of system calls and of name lookups, as Node's own net, dgram and dns make them.

import { getSystemErrorMap } from "node:util";

/** An error of a system call on a socket. */
export interface SystemError extends Error {
  readonly code: string;
  /** Negative, as libuv has it. */
  readonly errno: number;
  readonly syscall: string;
  readonly address: string;
  readonly port?: number;
}

/** An error of a name lookup. */
export interface LookupError extends Error {
  /** `"ENOTFOUND"`, or `"EAI_AGAIN"` if no server answered. */
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly hostname: string;
}

/** Where a call was to go: an IP address and a port, or a path. */
export interface Destination {
  readonly address: string;
  readonly port?: number;
}

/** What getaddrinfo() failed with, by name, in libuv's numbers. */
const lookupErrors = { ENOTFOUND: -3008, EAI_AGAIN: -3001 } as const;

/**
 * The error of a failed call: `listen EADDRINUSE: address already in use 10.0.0.1:80`.
 *
 * @param errno positive
 * @param detail what Node could not know: why the socket was not to be had inside
 */
export function systemError(
  syscall: string,
  errno: number,
  to: Destination,
  detail?: string,
): SystemError {
  const [code, sentence] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, "unknown error"];
  const { address, port = 0 } = to;
  // Node gives the sentence only where it listens.
  const reason = syscall === "listen" ? `${code}: ${sentence}` : code;
  const place = port > 0 ? `${address}:${port}` : address;
  const addition = detail ? ` (${detail})` : "";
  const error = new Error(`${syscall} ${reason} ${place}${addition}`);
  return Object.assign(error, {
    errno: -errno,
    code,
    syscall,
    address,
    ...(port !== 0 && { port }),
  });
}

/** The error of a failed lookup: `getaddrinfo ENOTFOUND nowhere.example`. */
export function lookupError(code: keyof typeof lookupErrors, hostname: string): LookupError {
  const error = new Error(`getaddrinfo ${code} ${hostname}`);
  return Object.assign(error, {
    errno: lookupErrors[code],
    code,
    syscall: "getaddrinfo",
    hostname,
  });
}
