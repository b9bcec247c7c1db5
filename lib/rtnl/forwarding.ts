// Whether a namespace routes packets, and its other settings below /proc/sys/net.

import { invalidArgument, refuseUnknown } from "../errors.ts";
import { native } from "../native.ts";
import type { Family } from "./address.ts";
import type { Namespace } from "./namespace.ts";
import { type LinkReference, referenceTo } from "./reference.ts";
import { explained, request } from "./request.ts";
import { settingLine, settingPath } from "./setting.ts";

/** Which packets are meant. */
export interface ForwardingScope {
  /** Default: inet. */
  readonly family?: Family;
  /** Only packets that come in by this link. Default: by any. */
  readonly link?: LinkReference;
}

/**
 * Whether packets for others are forwarded. With a `link`, whose settings go by its name, that is
 * looked up first: one more round trip.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @see net/ipv4/devinet.c, `devinet_sysctl_forward()`; net/ipv6/addrconf.c, `addrconf_fixup_forwarding()`
 */
export async function getForwarding(
  namespace: Namespace,
  scope: ForwardingScope = {},
): Promise<boolean> {
  const setting = await forwardingSetting(namespace, scope);
  return (await read("getForwarding", namespace, setting)) !== "0";
}

/**
 * Says whether packets for others are forwarded, and returns whether they were. Without a `link`
 * all links follow, and those made later; with one, which is looked up first (one more round trip),
 * it alone.
 *
 * Needs a writable /proc/sys, and `CAP_NET_ADMIN`.
 *
 * @throws {NetlinkError} `ENODEV` if there is no such link.
 * @throws {NetlinkError} `EROFS` if /proc/sys is mounted read-only, `EACCES` or `EPERM` without
 *   the capability.
 * @see net/ipv4/devinet.c, `devinet_sysctl_forward()`; net/ipv6/addrconf.c, `addrconf_fixup_forwarding()`
 */
export async function setForwarding(
  namespace: Namespace,
  enabled: boolean,
  scope: ForwardingScope = {},
): Promise<boolean> {
  if (typeof enabled !== "boolean") {
    throw invalidArgument("type", "enabled", "must be true or false");
  }
  const setting = await forwardingSetting(namespace, scope);
  return (await write("setForwarding", namespace, setting, enabled)) !== "0";
}

async function forwardingSetting(namespace: Namespace, scope: ForwardingScope): Promise<string> {
  refuseUnknown("scope", scope, ["family", "link"]);
  const { family = "inet", link } = scope;
  if (family !== "inet" && family !== "inet6") {
    throw invalidArgument("range", "family", 'must be one of "inet", "inet6"');
  }
  const version = family === "inet" ? "ipv4" : "ipv6";
  if (link === undefined) {
    return family === "inet" ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
  }
  const { name } = await request(namespace, "getLink", { link: referenceTo(link) });
  return `net/${version}/conf/${name}/forwarding`;
}

/**
 * Reads a setting of the namespace, named as sysctl(8) does: `"net.ipv4.ip_forward"`, or with
 * slashes. The first separator counts: after a dot, a slash stands for a dot inside a component
 * (`"net.ipv4.conf.eth0/1.forwarding"`), and after a slash a dot is a dot
 * (`"net/ipv4/conf/eth0.1/forwarding"`). The value comes without the newline at its end.
 *
 * @throws {NetlinkError} `ENOENT` if there is no such setting, here or in any namespace but the
 *   machine's first; `EACCES` if it is write-only.
 * @throws {RangeError} for a name that is not one below `net`; nothing was read.
 * @see net/sysctl_net.c, `net_ctl_permissions()`
 */
export async function getSysctl(namespace: Namespace, name: string): Promise<string> {
  return await read("getSysctl", namespace, name);
}

/**
 * Changes a setting of the namespace, named as for {@link getSysctl}, and returns its earlier value.
 * True and false are written as 1 and 0.
 *
 * @throws {NetlinkError} `EINVAL` if the kernel does not take the value.
 * @throws {NetlinkError} `ENOENT` if there is no such setting in this namespace.
 * @throws {NetlinkError} `EROFS` if /proc/sys is mounted read-only, `EACCES` or `EPERM` without
 *   `CAP_NET_ADMIN`.
 * @throws {RangeError | TypeError} for a name that is not one below `net`, or a value of more than
 *   one line; nothing was written.
 * @see fs/proc/proc_sysctl.c, `proc_sys_write()`
 */
export async function setSysctl(
  namespace: Namespace,
  name: string,
  value: string | number | boolean,
): Promise<string> {
  return await write("setSysctl", namespace, name, value);
}

async function read(operation: string, namespace: Namespace, name: string): Promise<string> {
  return await explained(operation, name, native().readSysctl(namespace, settingPath(name)));
}

async function write(
  operation: string,
  namespace: Namespace,
  name: string,
  value: unknown,
): Promise<string> {
  const line = settingLine(value);
  return await explained(operation, name, native().writeSysctl(namespace, settingPath(name), line));
}
