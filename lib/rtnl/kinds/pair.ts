// Links that come in pairs: what is said of the far end.

import type { Namespace } from "../namespace.ts";

/** The far end of a pair, which is born together with the near one. */
export interface VethPeer {
  /** Default: the next free `veth<number>`, or `nk<number>` of a netkit pair. */
  readonly name?: string;
  /** The namespace that the far end is born in; default: the near end's. */
  readonly namespace?: Namespace;
  /** Only beside an `index` of the near end. Default: the next free one of that namespace. */
  readonly index?: number;
  /** MAC address; default: a random one. */
  readonly address?: string;
  /** MAC address of broadcasts; default: `ff:ff:ff:ff:ff:ff`. */
  readonly broadcast?: string;
  /** Bytes; default 1500. */
  readonly mtu?: number;
  /** Group number, for acting on many links at once; default 0. */
  readonly group?: number;
  /** Packets; default 1000. */
  readonly transmitQueueLength?: number;
  /** Default: one, or one per processor where the kernel decides so. */
  readonly transmitQueues?: number;
  /** Default: as many as `transmitQueues`. */
  readonly receiveQueues?: number;
  /** Whether the far end starts with a carrier; default: as soon as both ends are up. */
  readonly carrier?: boolean;
}

/** What a listing says of either end of a pair, in place of `parent`. */
export interface PairFacts {
  /** The far end's index, in its own namespace. */
  readonly peerIndex: number;
  /** The number of the namespace that the far end is in, if it is another one. */
  readonly peerNamespaceId?: number;
}
