// A pair whose packets pass BPF programs.

import type { PairFacts, VethPeer } from "./pair.ts";
import type { Reported } from "./reported.ts";

/** What becomes of packets without a program: they pass, or are dropped. */
export type NetkitPolicy = "forward" | "blackhole";

/** Whether mark and priority are cleared before a program sees a packet of another namespace. */
export type NetkitScrub = "none" | "default";

/** Options of a pair whose packets pass BPF programs. Linux 6.7. @see drivers/net/netkit.c */
export interface NetkitOptions {
  /** The far end; default: one of a generated name beside the near one. */
  readonly peer?: VethPeer;
  /** "l2" has MAC addresses and ARP; default "l3". */
  readonly mode?: "l2" | "l3";
  /** Of the near end; default "forward". */
  readonly policy?: NetkitPolicy;
  /** Of the far end; default "forward". */
  readonly peerPolicy?: NetkitPolicy;
  /** Of the near end; default "default"; Linux 6.13. */
  readonly scrub?: NetkitScrub;
  /** Of the far end; default "default"; Linux 6.13. */
  readonly peerScrub?: NetkitScrub;
  /** Bytes that are kept free in front of packets; default 0; Linux 6.14. */
  readonly headroom?: number;
  /** Bytes that are kept free behind packets; default 0; Linux 6.14. */
  readonly tailroom?: number;
}

/** What a listing says of one end of a netkit pair. */
export type NetkitFacts = Reported<NetkitOptions, "peer"> &
  PairFacts & {
    /** Whether this is the near end, which alone can be changed. */
    readonly primary?: boolean;
  };
