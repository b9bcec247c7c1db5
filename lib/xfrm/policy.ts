// Which packets have to be ESP: the policies of IPsec, for datagrams to a port.

import { invalidArgument } from "../errors.ts";
import { native } from "../native.ts";
import type { Family } from "../rtnl/address.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";

/**
 * What of UDP has to be ESP: of a direction and family, to a port. What goes out is encrypted by the
 * state of its addresses and the reqid, and silently dropped while there is none; so is what comes in
 * without having been ESP.
 */
export interface EspPolicy {
  /** `"in"`: for this host; `"out"`: from it. */
  readonly direction: "in" | "out";
  readonly family: Family;
  /** Only packets from this address or prefix. Default: from any. */
  readonly source?: string;
  /** Only packets to this address or prefix. Default: to any. */
  readonly destination?: string;
  /** UDP port of the destination, 1 to 65535. */
  readonly port: number;
  /** The reqid that the state must have, 1 to 4294967295. */
  readonly reqid: number;
  /** Of several policies for a packet the one with the smallest counts, 0 to 4294967295. */
  readonly priority: number;
}

/** What tells one policy from another. */
export type EspPolicyPlace = Omit<EspPolicy, "reqid" | "priority">;

/** All algorithms, a bit each. @see net/xfrm/xfrm_user.c, `copy_templates()` */
const any = 0xffffffff;

function checkInteger(property: string, value: unknown, max: number): number {
  const reason = `must be an integer from 1 to ${max}`;
  if (typeof value !== "number") throw invalidArgument("type", property, reason);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw invalidArgument("range", property, reason);
  }
  return value;
}

/** What the native tables know the place of a policy by. */
function placeRecord({ direction, family, source, destination, port }: EspPolicyPlace): object {
  return {
    ...{ direction, family, source, destination, protocol: "udp" },
    destinationPort: checkInteger("port", port, 0xffff),
  };
}

/** What a policy is called in errors. */
function named({ direction, family, port }: EspPolicyPlace): string {
  return `${direction} ${family} udp ${port}`;
}

/**
 * Makes a policy, or puts it in the place of the one with the same selector (direction, family,
 * addresses, port). Needs `CAP_NET_ADMIN`.
 *
 * @throws {NetlinkError} `EPROTONOSUPPORT` if the kernel has no IPsec.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property of the wrong type or out of range; nothing was
 *   sent.
 * @see net/xfrm/xfrm_user.c, `xfrm_add_policy()`
 */
export async function setEspPolicy(namespace: Namespace, policy: EspPolicy): Promise<void> {
  const { family, priority } = policy;
  const reqid = checkInteger("reqid", policy.reqid, 0xffffffff);
  const template = {
    ...{ protocol: "esp", mode: "transport", family, reqid, optional: false },
    ...{ authentications: any, encryptions: any, compressions: any },
  };
  const record = { ...placeRecord(policy), priority, action: "allow", templates: [template] };
  const done = native().askXfrm(namespace, "replacePolicy", record);
  await explained("setEspPolicy", named(policy), done);
}

/**
 * Removes the policy of a selector, whatever its reqid and priority. Needs `CAP_NET_ADMIN`.
 *
 * @throws {NetlinkError} `ENOENT` if there is none.
 * @throws {RangeError | TypeError} as {@link setEspPolicy}.
 * @see net/xfrm/xfrm_user.c, `xfrm_get_policy()`
 */
export async function removeEspPolicy(namespace: Namespace, policy: EspPolicyPlace): Promise<void> {
  const done = native().askXfrm(namespace, "deletePolicy", placeRecord(policy));
  await explained("removeEspPolicy", named(policy), done);
}

/** A policy as the native table reads it. */
interface ReportedPolicy {
  readonly direction: string | number;
  readonly family: string | number;
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: string | number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly priority: number;
  readonly action: string | number;
  readonly templates?: readonly ReportedTemplate[];
}

interface ReportedTemplate {
  readonly protocol: string | number;
  readonly mode: string | number;
  readonly reqid: number;
  readonly optional: boolean;
}

/** An address by itself, as it was given, of a prefix that has no other. */
function addressOf(prefix: string): string {
  return prefix.replace(prefix.includes(":") ? /\/128$/ : /\/32$/, "");
}

/** The policy that it would be, if it is one that {@link setEspPolicy} makes. */
function espPolicyOf(reported: ReportedPolicy, reqid: number): EspPolicy | undefined {
  const { direction, family, source, destination, protocol, priority } = reported;
  const { sourcePort, destinationPort: port, action, templates = [] } = reported;
  if (direction !== "in" && direction !== "out") return undefined;
  if (family !== "inet" && family !== "inet6") return undefined;
  if (protocol !== "udp" || port === undefined || sourcePort !== undefined) return undefined;
  const [template, ...others] = templates;
  if (action !== "allow" || template?.reqid !== reqid || others.length > 0) return undefined;
  if (template.protocol !== "esp" || template.mode !== "transport") return undefined;
  if (template.optional) return undefined;
  return {
    ...{ direction, family },
    ...(source !== undefined && { source: addressOf(source) }),
    ...(destination !== undefined && { destination: addressOf(destination) }),
    ...{ port, reqid, priority },
  };
}

/**
 * The policies that {@link setEspPolicy} makes and whose states have a reqid; of both families. Needs
 * `CAP_NET_ADMIN`.
 *
 * What comes or goes while the kernel lists may be there or not; what stays is.
 *
 * @throws {NetlinkError} `EPROTONOSUPPORT` if the kernel has no IPsec.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @see net/xfrm/xfrm_user.c, `xfrm_dump_policy()`
 */
export async function listEspPolicies(namespace: Namespace, reqid: number): Promise<EspPolicy[]> {
  const listed = native().askXfrm(namespace, "listPolicies", {});
  const policies = (await explained("listEspPolicies", undefined, listed)) as ReportedPolicy[];
  return policies.flatMap((policy) => espPolicyOf(policy, reqid) ?? []);
}
