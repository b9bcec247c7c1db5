// Kinds with hardly an option: dummy, ifb, vrf and wireguard.

import type { Nothing, Reported } from "./reported.ts";

/** A link that drops what it is given takes no options. @see drivers/net/dummy.c */
export type DummyOptions = Nothing;

/** What a listing says of a dummy: nothing of its own. */
export type DummyFacts = Nothing;

/** A link for queueing received packets takes no options. @see drivers/net/ifb.c */
export type IfbOptions = Nothing;

/** What a listing says of an ifb: nothing of its own. */
export type IfbFacts = Nothing;

/** Options of a master whose ports have a routing table of their own. @see drivers/net/vrf.c */
export interface VrfOptions {
  /** Number of the routing table: 1 to 4294967295. */
  readonly table: number;
}

/** What a listing says of a VRF. */
export type VrfFacts = Reported<VrfOptions>;

/** A WireGuard link takes its keys and peers elsewhere. @see drivers/net/wireguard/device.c */
export type WireguardOptions = Nothing;

/** What a listing says of a WireGuard link: nothing of its own. */
export type WireguardFacts = Nothing;
