// A pair of virtual Ethernet devices.

import type { PairFacts, VethPeer } from "./pair.ts";
import type { Reported } from "./reported.ts";

/** Options of a pair of virtual Ethernet devices. @see drivers/net/veth.c */
export interface VethOptions {
  /** The far end; default: one of a generated name beside the near one. */
  readonly peer?: VethPeer;
}

/** What a listing says of one end. */
export type VethFacts = Reported<VethOptions, "peer"> & PairFacts;
