// Packet counters of links.

import type { Namespace } from "./namespace.ts";
import { type LinkReference, referenceTo } from "./reference.ts";
import { request } from "./request.ts";

/** A link's counters since it was made; 64 bits each. Which of them count depends on the driver. */
export interface Counters {
  /** The index of the link. */
  readonly index: number;
  /** Packets received and passed on to the stack. */
  readonly rxPackets: bigint;
  /** Packets handed to the driver and sent. */
  readonly txPackets: bigint;
  /** Bytes received, link-layer headers included. */
  readonly rxBytes: bigint;
  /** Bytes sent, link-layer headers included. */
  readonly txBytes: bigint;
  /** Bad packets received; the sum of the particular errors below. */
  readonly rxErrors: bigint;
  /** Packets that could not be sent; the sum of the particular errors below. */
  readonly txErrors: bigint;
  /** Packets received but not processed, for lack of room or as nobody wanted them. */
  readonly rxDropped: bigint;
  /** Packets dropped on the way out, for lack of room. */
  readonly txDropped: bigint;
  /** Multicast packets received. */
  readonly multicast: bigint;
  /** Collisions while sending. */
  readonly collisions: bigint;
  /** Packets received with an impossible length. */
  readonly rxLengthErrors: bigint;
  /** Packets that overflowed the receiver. */
  readonly rxOverErrors: bigint;
  /** Packets received with a wrong checksum. */
  readonly rxCrcErrors: bigint;
  /** Packets received with a wrong alignment. */
  readonly rxFrameErrors: bigint;
  /** Packets that overflowed the receiver's queue. */
  readonly rxFifoErrors: bigint;
  /** Packets that the host was too slow for. */
  readonly rxMissedErrors: bigint;
  /** Packets given up, as after too many collisions. */
  readonly txAbortedErrors: bigint;
  /** Packets not sent for want of a carrier. */
  readonly txCarrierErrors: bigint;
  /** Packets that the sender's queue ran empty in. */
  readonly txFifoErrors: bigint;
  /** Packets whose heartbeat was missed. */
  readonly txHeartbeatErrors: bigint;
  /** Packets not sent for late collisions. */
  readonly txWindowErrors: bigint;
  /** Compressed packets received. */
  readonly rxCompressed: bigint;
  /** Compressed packets sent. */
  readonly txCompressed: bigint;
  /** Packets received that no protocol is there for, or on a link that is not in use. */
  readonly rxNohandler: bigint;
  /** Packets received that were for another host. */
  readonly rxOtherhostDropped: bigint;
}

/**
 * Reads a link's counters; one round trip. Needs no capability.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @see net/core/rtnetlink.c, `rtnl_stats_get()`
 */
export async function getCounters(namespace: Namespace, link: LinkReference): Promise<Counters> {
  return await request(namespace, "getCounters", { link: referenceTo(link) });
}

/**
 * Reads the counters of all links, by index. Each link's belong together; the links' are read one
 * after another. Never partial, as with `listLinks`.
 *
 * @throws {DumpInterruptedError} `EINTR` if the links changed a dozen times in a row.
 * @see net/core/rtnetlink.c, `rtnl_stats_dump()`
 */
export async function listCounters(namespace: Namespace): Promise<Counters[]> {
  return await request(namespace, "listCounters", {});
}
