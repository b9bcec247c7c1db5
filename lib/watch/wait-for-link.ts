// Waits until a link is as it is wanted.

import { isDeepStrictEqual } from "node:util";
import { refuseUnknown } from "../errors.ts";
import type { LinkKind } from "../rtnl/kinds/kinds.ts";
import type { Link, LinkFacts } from "../rtnl/link.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { LinkReference } from "../rtnl/reference.ts";
import { SoughtLink } from "./sought.ts";
import { limitsOf, type WaitOptions, waitWith } from "./waiting.ts";
import { watch } from "./watch.ts";

/** What a link is to be like: all these properties with these values. */
export type LinkCondition = Partial<LinkFacts> & { readonly kind?: LinkKind };

const conditionProperties = Object.keys({
  kind: true,
  index: true,
  name: true,
  alternativeNames: true,
  up: true,
  flags: true,
  type: true,
  operationalState: true,
  linkMode: true,
  carrier: true,
  carrierChanges: true,
  mtu: true,
  minMtu: true,
  maxMtu: true,
  address: true,
  broadcast: true,
  permanentAddress: true,
  group: true,
  alias: true,
  master: true,
  parent: true,
  parentNamespaceId: true,
  transmitQueueLength: true,
  transmitQueues: true,
  receiveQueues: true,
  gsoMaxSize: true,
  gsoMaxSegments: true,
  groMaxSize: true,
  promiscuity: true,
  protocolDown: true,
  queueDiscipline: true,
  ipv6AddressGeneration: true,
} satisfies Record<keyof LinkCondition, true>);

/**
 * Waits until a link is as it is wanted, or there at all if nothing is wanted of it, and returns it.
 * It need not exist yet; of a name, whichever link has it is meant. Without polling and without a
 * gap: what the calls made before have done is seen, and so is all that happens afterwards.
 *
 * ```ts
 * await waitForLink(namespace, { name: "eth0" }, { operationalState: "up" }, { timeoutMs: 5000 });
 * await waitForLink(namespace, veth, (link) => link === undefined); // until it is gone
 * ```
 *
 * @param condition The values that properties are to have, or a function that is called with the
 *   link, or undefined if there is none, when it has changed.
 * @throws {WaitTimeoutError} `ERR_WAIT_TIMEOUT` if it is not in time; `last` is the link as it was.
 * @throws the signal's reason if it is aborted; what the function throws.
 * @throws {NetlinkError} as `watch`.
 * @throws {RangeError | TypeError} for a property that is unknown or of the wrong type.
 */
export async function waitForLink(
  namespace: Namespace,
  link: LinkReference,
  condition?: LinkCondition,
  options?: WaitOptions,
): Promise<Link>;
export async function waitForLink(
  namespace: Namespace,
  link: LinkReference,
  condition: (link: Link | undefined) => boolean,
  options?: WaitOptions,
): Promise<Link | undefined>;
export async function waitForLink(
  namespace: Namespace,
  link: LinkReference,
  condition: LinkCondition | ((link: Link | undefined) => boolean) = {},
  options: WaitOptions = {},
): Promise<Link | undefined> {
  const limits = limitsOf(options);
  const sought = new SoughtLink("link", link);
  const holds = typeof condition === "function" ? condition : comparison(condition);
  limits.signal?.throwIfAborted();
  return await waitWith(watch(namespace, { links: true, snapshot: true }), limits, {
    operation: "waitForLink",
    take: (event) => sought.take(event),
    found: () => (holds(sought.link) ? { it: sought.link } : undefined),
    instead: () => sought.link,
  });
}

function comparison(condition: LinkCondition): (link: Link | undefined) => boolean {
  refuseUnknown("condition", condition, conditionProperties, "condition.");
  const wanted = Object.entries(condition).filter(([, value]) => value !== undefined);
  return (link) => {
    if (link === undefined) return false;
    const facts = new Map<string, unknown>(Object.entries(link));
    return wanted.every(([name, value]) => isDeepStrictEqual(facts.get(name), value));
  };
}
