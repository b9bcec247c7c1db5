// Who has a port of the host that is to be published: looked for once it is known to be taken.

import { readdir, readFile, readlink } from "node:fs/promises";
import type { Namespace } from "../rtnl/namespace.ts";

/** A process that has a socket at a port. */
export interface PortHolder {
  readonly pid: number;
  /** Its name, as /proc/PID/comm has it. */
  readonly program: string;
}

/** Whatever cannot be read is not there: processes end, and some are not ours to look at. */
async function orNothing<T>(reading: Promise<T>): Promise<T | undefined> {
  return await reading.catch(() => undefined);
}

async function processes(): Promise<string[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
}

/**
 * The inodes of sockets that are bound to a port, in the namespace of a process.
 *
 * @see net/ipv4/tcp_ipv4.c, `tcp4_seq_show()`; the state 0A is LISTEN, 07 that of UDP
 */
async function socketsAt(pid: string, protocol: string, port: number): Promise<Set<string>> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of [protocol, `${protocol}6`]) {
    const text = (await orNothing(readFile(`/proc/${pid}/net/${table}`, "utf8"))) ?? "";
    for (const line of text.split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const isBound = state === (protocol === "tcp" ? "0A" : "07");
      if (isBound && local.endsWith(`:${hex}`)) inodes.add(`socket:[${inode}]`);
    }
  }
  return inodes;
}

async function has(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = (await orNothing(readdir(`/proc/${pid}/fd`))) ?? [];
  const links = await Promise.all(
    descriptors.map((descriptor) => orNothing(readlink(`/proc/${pid}/fd/${descriptor}`))),
  );
  return links.some((link) => link !== undefined && sockets.has(link));
}

/**
 * The process that has a port of the host, if it can be known: a process has to be in the host's
 * namespace, by which its sockets are seen, and the holder has to be one that this may look at.
 */
export async function findPortHolder(
  host: Namespace,
  protocol: "tcp" | "udp",
  port: number,
): Promise<PortHolder | undefined> {
  const all = await processes();
  const home = `net:[${host.inode}]`;
  const places = await Promise.all(all.map((pid) => orNothing(readlink(`/proc/${pid}/ns/net`))));
  const window = all.find((_, position) => places[position] === home);
  if (window === undefined) return undefined;
  const sockets = await socketsAt(window, protocol, port);
  if (sockets.size === 0) return undefined;
  for (const pid of all) {
    if (!(await has(pid, sockets))) continue;
    const program = (await orNothing(readFile(`/proc/${pid}/comm`, "utf8")))?.trim();
    return program === undefined ? undefined : { pid: Number(pid), program };
  }
  return undefined;
}
