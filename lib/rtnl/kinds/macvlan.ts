// Links that share a parent by MAC address: macvlan and macvtap.

import type { Reported } from "./reported.ts";

/**
 * Options of a link that shares its parent by MAC address.
 *
 * @see drivers/net/macvlan.c, `macvlan_policy`
 */
export interface MacvlanOptions {
  /** How siblings reach each other; "source" passes only listed senders; default "vepa". */
  readonly mode?: "private" | "vepa" | "bridge" | "passthru" | "source";
  /**
   * "nopromisc": "passthru" leaves the parent's promiscuity alone; "nodst": what "source" has
   * matched is not delivered by its destination again. Default: none.
   */
  readonly modeFlags?: readonly ("nopromisc" | "nodst")[];
  /** What is done with the two lists of senders below; only in mode "source". */
  readonly sourceAction?: "add" | "remove" | "flush" | "set";
  /** One sender to add or remove: a MAC address. */
  readonly sourceAddress?: string;
  /** The senders to set, and all of them when read: MAC addresses in no particular order. */
  readonly sourceAddresses?: readonly string[];
  /** Packets that may wait to be multiplied; default 1000; the parent takes its children's most. */
  readonly broadcastQueueLength?: number;
  /**
   * How many siblings a multicast may have to be multiplied at once rather than queued; negative:
   * any number; default 1, which is not reported; Linux 6.4.
   */
  readonly broadcastCutoff?: number;
}

/** What a listing says of a macvlan or macvtap. */
export type MacvlanFacts = Reported<MacvlanOptions, "sourceAction" | "sourceAddress"> & {
  readonly sourceAddressCount?: number;
  /** What the parent has chosen among its children. */
  readonly broadcastQueueLengthUsed?: number;
};

/** Options of a macvlan that is read through a character device. @see drivers/net/macvtap.c */
export type MacvtapOptions = MacvlanOptions;

/** What a listing says of a macvtap. */
export type MacvtapFacts = MacvlanFacts;
