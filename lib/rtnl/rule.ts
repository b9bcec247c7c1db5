// Routing rules, which choose the table that a packet's route is looked up in.

import { objectArgument } from "../errors.ts";
import type { Family } from "./address.ts";
import type { Namespace } from "./namespace.ts";
import { request } from "./request.ts";
import type { RouteProtocol, RouteTable } from "./route.ts";

/** What a rule does with the packets it is for. */
export type RuleAction =
  | "table"
  | "goto"
  | "nop"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | number;

/** What the kernel says of a rule (`FIB_RULE_*`). A detached device does not exist (any more). */
export type RuleFlag =
  | "permanent"
  | "invert"
  | "unresolved"
  | "inputDeviceDetached"
  | "outputDeviceDetached";

/** Numbers from `first` to `last`, both included. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** What both a rule to be added and a listed one say. */
interface RuleProperties {
  /** Only packets from this prefix. */
  readonly from?: string;
  /** Only packets to this prefix. */
  readonly to?: string;
  /** Only packets with this type of service. */
  readonly tos?: number;
  /** The table to look in. Default: main; when removing: any. */
  readonly table?: RouteTable;
  /** Of action `goto`: the priority of the rule to go on with, which has to be a later one. */
  readonly goto?: number;
  /** Only packets that came in by the link of this name, which need not exist. */
  readonly inputDevice?: string;
  /** Only packets of sockets that are bound to the link of this name. */
  readonly outputDevice?: string;
  /** Only packets whose mark, under `markMask`, is this one. */
  readonly mark?: number;
  /** Default: 4294967295, all bits. */
  readonly markMask?: number;
  /** Routes with prefixes of this length or shorter are not taken, 0 to 128. */
  readonly suppressPrefixLength?: number;
  /** Routes by links of this group are not taken. */
  readonly suppressGroup?: number;
  /** The realms, source's in the upper 16 bits; IPv4 only. */
  readonly realm?: number;
  /** Whether the table is that of the VRF that the packet belongs to. */
  readonly l3mdev?: boolean;
  /** Only packets of these users. */
  readonly uidRange?: NumberRange;
  /** 0 to 255; 6 is TCP, 17 UDP. */
  readonly ipProtocol?: number;
  /** Only packets from these ports, 1 to 65534. */
  readonly sourcePorts?: NumberRange;
  /** Only packets to these ports, 1 to 65534. */
  readonly destinationPorts?: NumberRange;
}

/** A rule to be added, or that there is. */
export interface RuleSpec extends RuleProperties {
  /** Needed only if no prefix tells it; default then: inet. */
  readonly family?: Family;
  /** The smaller comes first. Default: one before the first rule after 0; when removing: any. */
  readonly priority?: number;
  /** Default: goto if there is `goto`, otherwise table; when removing: any. */
  readonly action?: RuleAction;
  /** Whether the rule is for all other packets. Default: false. */
  readonly invert?: boolean;
  /** Who adds it. Default: unspec; when removing: any. */
  readonly protocol?: RouteProtocol;
}

/** A rule as the kernel reports it. */
export interface Rule extends RuleProperties {
  readonly family: Family;
  readonly priority: number;
  readonly action: RuleAction;
  readonly invert: boolean;
  readonly protocol: RouteProtocol;
  readonly flags: readonly RuleFlag[];
}

/**
 * Adds a routing rule; one round trip. Needs `CAP_NET_ADMIN`.
 *
 * ```ts
 * await addRule(namespace, { from: "10.0.0.0/8", table: 100, priority: 1000 });
 * ```
 *
 * @throws {NetlinkError} `EEXIST` if there is such a rule.
 * @throws {NetlinkError} `EINVAL` for a rule that goes to an earlier one, and for ranges that are
 *   empty.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property that is unknown, of the wrong type or out of
 *   range; nothing was sent.
 * @see net/core/fib_rules.c, `fib_newrule()`
 */
export async function addRule(namespace: Namespace, rule: RuleSpec): Promise<void> {
  await request(namespace, "addRule", rule);
}

/** Without what only a listing says. */
function matchOf(rule: RuleSpec & Partial<Rule>): RuleSpec {
  const { flags, ...match } = objectArgument("rule", rule);
  return match;
}

/**
 * Removes the first rule that has all the properties given; a listed {@link Rule} will do. Without
 * any, that is the one for the table `local`.
 *
 * @throws {NetlinkError} `ENOENT` if there is none.
 * @see net/core/fib_rules.c, `fib_delrule()`
 */
export async function removeRule(namespace: Namespace, rule: RuleSpec | Rule): Promise<void> {
  await request(namespace, "removeRule", matchOf(rule));
}

/**
 * Lists routing rules in the order in which they are tried, IPv4's before IPv6's. Never partial,
 * as with `listLinks`.
 *
 * @throws {DumpInterruptedError} `EINTR` if the list changed a dozen times in a row.
 * @see net/core/fib_rules.c, `fib_nl_dumprule()`
 */
export async function listRules(
  namespace: Namespace,
  filter: { readonly family?: Family } = {},
): Promise<Rule[]> {
  const rules = await request(namespace, "listRules", filter);
  // Asked for no family, the kernel also lists those of multicast forwarding, by number.
  return rules.filter((rule) => rule.family === "inet" || rule.family === "inet6");
}
