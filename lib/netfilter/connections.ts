// Tracked connections: listed, and forgotten.

import { NetlinkError } from "../errors.ts";
import { native } from "../native.ts";
import { getSysctl } from "../rtnl/forwarding.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";

/** Packets of one direction of a connection. */
export interface Tuple {
  readonly source?: string;
  readonly destination?: string;
  readonly source6?: string;
  readonly destination6?: string;
  /** The number of the protocol above IP. */
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** A connection that the kernel keeps track of. */
export interface Connection {
  readonly family: "ip" | "ip6";
  /** As it came in. */
  readonly original: Tuple;
  /** As answers come back: after translation. */
  readonly reply: Tuple;
  readonly id: number;
  readonly zone?: number;
}

/** How many connections the kernel tracks for a namespace; `undefined` if it does not say. */
async function countConnections(namespace: Namespace): Promise<number | undefined> {
  try {
    return Number(await getSysctl(namespace, "net.netfilter.nf_conntrack_count"));
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The connections that a namespace keeps track of. The kernel goes through those of all namespaces,
 * 10 ms or more, unless there are none of this one.
 *
 * @see net/netfilter/nf_conntrack_netlink.c, `ctnetlink_dump_table()`
 */
export async function listConnections(namespace: Namespace): Promise<readonly Connection[]> {
  if ((await countConnections(namespace)) === 0) return [];
  const answer = native().askNetfilter(namespace, "listConnections", {});
  return (await explained("listConnections", undefined, answer)) as Connection[];
}

async function deleteConnection(namespace: Namespace, connection: Connection): Promise<boolean> {
  const { family, original, id, zone } = connection;
  const record = { family, original, id, ...(zone === undefined ? {} : { zone }) };
  try {
    const deletion = native().askNetfilter(namespace, "deleteConnection", record);
    await explained("deleteConnection", undefined, deletion);
    return true;
  } catch (error) {
    // It ended meanwhile, or another one has its place.
    if (error instanceof NetlinkError && error.code === "ENOENT") return false;
    throw error;
  }
}

/**
 * Forgets connections: their next packets are taken for the first ones of new ones. Returns how many
 * there were.
 */
export async function deleteConnections(
  namespace: Namespace,
  isMeant: (connection: Connection) => boolean,
): Promise<number> {
  const meant = (await listConnections(namespace)).filter(isMeant);
  const deleted = await Promise.all(meant.map((one) => deleteConnection(namespace, one)));
  return deleted.filter(Boolean).length;
}
