// Network namespaces: made, opened, listed, deleted; and the one way to ask something of one.

import { invalidArgument, NetlinkError, refuseUnknown } from "../errors.ts";
import { native } from "../native.ts";
import { type CallLimits, explained, request } from "./request.ts";
import { settingLine, settingPath } from "./setting.ts";

/**
 * An open network namespace. Every function that acts in a namespace takes one of these.
 *
 * Nothing of the process is ever moved into it: the native layer opens a socket inside, once, and
 * keeps it. Calls on one handle are carried out in the order in which they were made, calls on
 * different handles side by side, even if these are of one namespace; deletions and moves of links,
 * which take the kernel 16 ms, queue apart, so a caller who needs one of them to have happened awaits
 * it.
 *
 * An open handle does not keep the process alive, and a forgotten one is closed when it is
 * collected.
 */
export class Namespace implements AsyncDisposable {
  /** The name it was created or opened by, if it was by a name. */
  readonly name: string | undefined;

  /** What the calls made with this object are limited by. */
  readonly limits: CallLimits | undefined;

  /** @internal Use {@link createNamespace} or {@link openNamespace}. */
  constructor(name?: string, limits?: CallLimits) {
    this.name = name;
    this.limits = limits;
  }

  /**
   * The same handle, for calls that may be given up: pass it to the functions of links, addresses,
   * routes, neighbours, rules and `getCounters` in place of this one.
   *
   * ```ts
   * const hurried = namespace.limited({ signal, timeoutMs: 50 });
   * await createLink(hurried, { kind: "bridge", name: "br0" });
   * ```
   *
   * A call that is aborted before it was sent is dropped and rejects with the signal's reason; one
   * that was sent is settled by the kernel, in milliseconds, as if there had been no signal. A call
   * that is not settled in time rejects with {@link DeadlineError}, which tells whether it was sent.
   *
   * @throws {RangeError} if `timeoutMs` is not from 1 to 2147483647.
   */
  limited(limits: CallLimits): Namespace {
    refuseUnknown("limits", limits, ["signal", "timeoutMs"]);
    const { timeoutMs } = limits;
    if (timeoutMs !== undefined && !(timeoutMs >= 1 && timeoutMs <= 0x7fffffff)) {
      throw invalidArgument("range", "timeoutMs", "must be from 1 to 2147483647");
    }
    const view = new Namespace(this.name, limits);
    native().shareNamespace(view, this);
    return view;
  }

  /**
   * The inode that identifies the namespace on this machine: two handles with the same inode are
   * one namespace. `ls -Li /run/netns` and `lsns` show it.
   *
   * @throws {TypeError} `ERR_NAMESPACE_CLOSED` after {@link close}.
   */
  get inode(): number {
    const inode = native().namespaceInode(this);
    if (inode === undefined) {
      throw Object.assign(new TypeError("the namespace handle is closed"), {
        code: "ERR_NAMESPACE_CLOSED",
      });
    }
    return inode;
  }

  /**
   * Waits for the calls made on this handle and closes it. An anonymous namespace goes with its
   * last handle (and process inside), and all its links with it; a named one stays.
   *
   * Closing again is no error.
   */
  async close(): Promise<void> {
    await native().closeNamespace(this);
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a new namespace shall be like. */
export interface NamespaceOptions {
  /**
   * Its name in `/run/netns`, where `ip netns` sees it too; such a namespace lives until it is
   * deleted. Without a name it is anonymous: it lives as long as its handle, and nothing of it is
   * left whatever ends the process. 1 to 255 bytes; no `/`, not `.` or `..`.
   */
  readonly name?: string;
  /** Whether `lo` is raised. Default: true. */
  readonly loopback?: boolean;
  /**
   * Whether links get IPv6 addresses. Default: true. Without, links on a bridge come up faster:
   * the kernel sends duplicate address detection to every port.
   */
  readonly ipv6?: boolean;
  /**
   * Settings of the namespace, named as for {@link setSysctl}, written before links or a name are
   * there: a tenth of what it takes to write them afterwards.
   */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** Which namespace to open: by name, by file, or the one that a process is in. */
export type NamespacePlace =
  | { readonly name: string }
  | { readonly path: string }
  | { readonly pid: number };

/** A named namespace. */
export interface NamespaceEntry {
  readonly name: string;
  /**
   * The number by which the observing namespace knows it; absent if it has none there. One is
   * given out when a link first joins the two.
   */
  readonly id: number | undefined;
}

/** The name itself, if it could be one file's below /run/netns. @internal */
export function checkName(name: unknown, property = "name"): string {
  if (typeof name !== "string") throw invalidArgument("type", property, "must be a string");
  if (name === "") throw invalidArgument("range", property, "must not be empty");
  if (Buffer.byteLength(name) > 255) throw invalidArgument("range", property, "at most 255 bytes");
  if (name === "." || name === ".." || /[/\0]/.test(name)) {
    throw invalidArgument("range", property, `${JSON.stringify(name)} is no file name`);
  }
  return name;
}

function checkFlag(property: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== "boolean") {
    throw invalidArgument("type", property, "must be true or false");
  }
  return value;
}

function pathOf(place: NamespacePlace | undefined): string {
  if (place === undefined) return "/proc/self/ns/net";
  refuseUnknown("place", place, ["name", "path", "pid"]);
  if (Object.keys(place).length !== 1) {
    throw invalidArgument("type", "place", "must have one of name, path and pid");
  }
  if ("name" in place) return `/run/netns/${checkName(place.name)}`;
  if ("pid" in place) {
    if (!Number.isInteger(place.pid) || place.pid < 1 || place.pid > 0x7fffffff) {
      throw invalidArgument("range", "pid", "must be an integer from 1 to 2147483647");
    }
    return `/proc/${place.pid}/ns/net`;
  }
  if (typeof place.path !== "string" || place.path === "" || place.path.includes("\0")) {
    throw invalidArgument("type", "path", "must be a path");
  }
  return place.path;
}

/**
 * Creates a network namespace; it takes about a third of a millisecond.
 *
 * @throws {NetlinkError} `EPERM` without `CAP_SYS_ADMIN`.
 * @throws {NetlinkError} `EEXIST` if a namespace has the name; nothing is left behind.
 * @throws {NetlinkError} `EROFS` if /proc/sys, for settings and `ipv6`, or /run, for a name, is mounted
 *   read-only; `EACCES`, `EPERM` if the name may not be mounted.
 * @throws {NetlinkError} `ENOENT`, `EINVAL` if the kernel does not have or take a setting; nothing is
 *   left behind.
 * @throws {RangeError} if the name could not be a file name, or a setting is none below `net`.
 * @see net/core/net_namespace.c, `copy_net_ns()`
 */
export async function createNamespace(options: NamespaceOptions = {}): Promise<Namespace> {
  refuseUnknown("options", options, ["name", "loopback", "ipv6", "settings"]);
  const name = options.name === undefined ? undefined : checkName(options.name);
  const loopback = checkFlag("loopback", options.loopback);
  const ipv6 = checkFlag("ipv6", options.ipv6);
  const namespace = new Namespace(name);
  const settings = Object.entries(options.settings ?? {}).flatMap(([setting, value]) => [
    settingPath(setting),
    settingLine(value),
  ]);
  const creation = native().createNamespace(namespace, name ?? "", loopback, ipv6, settings);
  await explained("createNamespace", name, creation);
  return namespace;
}

/**
 * Opens a namespace that exists; without an argument, the one that the process is in.
 *
 * @throws {NetlinkError} `ENOENT` if there is no such name, path or process.
 * @throws {NetlinkError} `EINVAL` if the file is no network namespace.
 */
export async function openNamespace(place?: NamespacePlace): Promise<Namespace> {
  const path = pathOf(place);
  const name = place !== undefined && "name" in place ? place.name : undefined;
  const namespace = new Namespace(name);
  await explained("openNamespace", name ?? path, native().openNamespace(namespace, path));
  return namespace;
}

/** Another handle on a namespace, with or without a name: closing one leaves the other. @internal */
export async function duplicateNamespace(namespace: Namespace): Promise<Namespace> {
  const caller = "duplicateNamespace";
  const duplicate = new Namespace(namespace.name);
  const descriptor = await explained(
    caller,
    namespace.name,
    native().duplicateNamespace(namespace),
  );
  try {
    const opened = native().openNamespace(duplicate, `/proc/self/fd/${descriptor}`);
    await explained(caller, namespace.name, opened);
  } finally {
    native().closeDescriptor(descriptor);
  }
  return duplicate;
}

/**
 * Lists the named namespaces, sorted, as `ip netns list` does, each with the number by which
 * `observer` (default: the namespace of the process) knows it.
 *
 * Opens each of them: about 10 µs apiece. One that is deleted meanwhile is left out.
 */
export async function listNamespaces(observer?: Namespace): Promise<NamespaceEntry[]> {
  const names = await explained("listNamespaces", undefined, native().listNamespaces());
  if (names.length === 0) return [];
  await using own = await openNamespace();
  const entries = await Promise.all(names.map((name) => identify(observer ?? own, name)));
  return entries.filter((entry) => entry !== undefined);
}

async function identify(observer: Namespace, name: string): Promise<NamespaceEntry | undefined> {
  try {
    await using namespace = await openNamespace({ name });
    const { id } = await request(observer, "getNamespaceId", { namespace });
    return { name, id };
  } catch (error) {
    // EINVAL: unmounted a moment ago, and the file not yet removed.
    const gone = error instanceof NetlinkError && ["ENOENT", "EINVAL"].includes(error.code);
    if (gone) return undefined;
    throw error;
  }
}

/**
 * Takes a namespace's name away, as `ip netns delete` does. The namespace itself goes when no
 * handle is open and no process is left inside.
 *
 * @throws {NetlinkError} `ENOENT` if no namespace has the name.
 */
export async function deleteNamespace(name: string): Promise<void> {
  await explained("deleteNamespace", checkName(name), native().deleteNamespace(name));
}

/**
 * The number by which `observer` knows `namespace`; undefined if it has none there.
 *
 * @see net/core/net_namespace.c, `rtnl_net_getid()`
 */
export async function getNamespaceId(
  observer: Namespace,
  namespace: Namespace,
): Promise<number | undefined> {
  return (await request(observer, "getNamespaceId", { namespace })).id;
}

/**
 * Gives `namespace` a number in `observer`. It keeps it as long as both live.
 *
 * @throws {NetlinkError} `EEXIST` if it has a number there already, `ENOSPC` if the number is
 *   another's.
 */
export async function setNamespaceId(
  observer: Namespace,
  namespace: Namespace,
  id: number,
): Promise<void> {
  await request(observer, "setNamespaceId", { namespace, id });
}
