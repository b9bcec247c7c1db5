// A link that shares a parent by IP address.

import type { Reported } from "./reported.ts";

/**
 * Options of a link that shares its parent by IP address.
 *
 * @see drivers/net/ipvlan/ipvlan_main.c, `ipvlan_nl_policy`
 */
export interface IpvlanOptions {
  /** Layer at which the parent hands over; "l3s" passes netfilter; default "l3". */
  readonly mode?: "l2" | "l3" | "l3s";
  /** Whether siblings reach each other: all do, none do, or through an outer switch. */
  readonly modeFlag?: "bridge" | "private" | "vepa";
}

/** What a listing says of an ipvlan. */
export type IpvlanFacts = Reported<IpvlanOptions>;
