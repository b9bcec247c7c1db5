// Loads the addon; the only file that knows where binaries lie and what the addon exports.

import { accessSync, constants, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Refusal, UnavailableError } from "./errors.ts";

/** An object of the facade that the addon lets stand for a namespace. */
type Handle = object;

/** What native/binding exports. Refused operations reject with a `Refusal`, not with an `Error`. */
export interface Native {
  /** Settings are paths below /proc/sys/net and lines in turn. */
  createNamespace(
    handle: Handle,
    name: string,
    loopback: boolean,
    ipv6: boolean,
    settings: readonly string[],
  ): Promise<void>;
  openNamespace(handle: Handle, path: string): Promise<void>;
  /** Lets another object stand for the same handle. */
  shareNamespace(handle: Handle, namespace: Handle): void;
  /** A descriptor for another program, after the calls made before; the caller gives it back. */
  duplicateNamespace(handle: Handle): Promise<number>;
  /** For one that was handed over: worker threads warn of what they close without having opened. */
  closeDescriptor(descriptor: number): void;
  closeNamespace(handle: Handle): Promise<void>;
  namespaceInode(handle: Handle): number | undefined;
  listNamespaces(): Promise<string[]>;
  deleteNamespace(name: string): Promise<void>;
  readSysctl(handle: Handle, path: string): Promise<string>;
  writeSysctl(handle: Handle, path: string, value: string): Promise<string>;
  /** The inputs and outputs are typed by operation in rtnl/operations.ts. */
  request(
    handle: Handle,
    operation: string,
    record: object,
    /** One word of shared memory: 0 queued, 1 sent; made 2 while it is 0, the call is dropped. */
    token?: Int32Array,
  ): Promise<unknown>;
  /** The outputs are typed by operation in netfilter/ruleset.ts and netfilter/connections.ts. */
  askNetfilter(namespace: Handle, operation: string, record: object): Promise<object[]>;
  /** Makes all changes or none; the field of a refusal begins with `changes[3]`. */
  changeRuleset(
    namespace: Handle,
    changes: readonly (readonly [operation: string, record: object])[],
  ): Promise<void>;
  /** The outputs are typed by operation in xfrm/state.ts and xfrm/policy.ts. */
  askXfrm(namespace: Handle, operation: string, record: object): Promise<object[]>;
  /** A descriptor that is the caller's from then on. */
  openSocket(namespace: Handle, plan: SocketPlan): Promise<number>;
  /** The far end of an IPv6 connection, or the near one. */
  socketName(fd: number, far: boolean): { address: string; port: number } | undefined;
  /** Takes its place among the host's calls, which wait until the batch is made or abandoned. */
  beginEndpoints(batch: Handle, host: Handle): Promise<(EndpointIndexes | RefusedStep)[]>;
  planEndpoints(batch: Handle, plans: readonly object[], first: number): void;
  makeEndpoints(batch: Handle, handles: readonly Handle[]): void;
  abandonEndpoints(batch: Handle): void;
  openCounters(handle: Handle, namespace: Handle, options: object): Promise<void>;
  /** The rows; more than `into` has room for means that nothing was written. */
  readCounters(handle: Handle, namespace: Handle, into: BigUint64Array): Promise<number>;
  /** A sweep on the calling thread, which gives the rows likewise and throws a `Refusal`. */
  counterSweeper(handle: Handle): (into: BigUint64Array) => number;
  counterTime(handle: Handle): bigint;
  counterIndexes(handle: Handle): Uint32Array;
  counterChanges(handle: Handle): LinkChange[] | undefined;
  closeCounters(handle: Handle): void;
  openSampler(handle: Handle, namespace: Handle, options: object, periodMs: number): Promise<void>;
  writeSamplesTo(handle: Handle, memory: BigUint64Array, capacity: number): void;
  samplerRows(handle: Handle): number;
  samplerIndexes(handle: Handle): Uint32Array;
  samplerChanges(handle: Handle): LinkChange[] | undefined;
  closeSampler(handle: Handle): Promise<void>;
  /** Says what to call when there is something to be taken; once is enough. */
  hearBy(wake: () => void): void;
  openWatch(handle: Handle, namespace: Handle, watch: number, options: object): Promise<void>;
  openMountWatch(handle: Handle, watch: number): Promise<void>;
  /** What was heard, at most so much; if it is less, `wake` is called for more. */
  takeHeard(most: number): Heard[];
  /** Has all of a noun listed again. */
  listAgain(handle: Handle, noun: string): void;
  closeWatch(handle: Handle): Promise<void>;
  /** The names in /run/netns that stand for a namespace, with its inode. */
  namedNamespaces(): Promise<{ readonly name: string; readonly inode: number }[]>;
  /**
   * The codec by itself, for tests: a whole message, and from the family header on. Names of the
   * operations and nouns of netfilter begin with `netfilter.` here, those of XFRM with `xfrm.`.
   */
  encode(operation: string, record: object): Uint8Array;
  decode(noun: string, bytes: Uint8Array): object | undefined;
  print(noun: string, bytes: Uint8Array): string;
  schema(): Schema;
}

/** The inner and the outer end of an endpoint that was made. */
export interface EndpointIndexes {
  readonly index: number;
  readonly hostIndex: number;
}

/** Why an endpoint was not made. */
export interface RefusedStep extends Refusal {
  readonly operation: string;
}

/** What a socket inside a namespace shall be like. */
export interface SocketPlan {
  readonly family: "ipv4" | "ipv6" | "unix";
  readonly type: "stream" | "datagram";
  /** Whether it sends ICMP echoes; a datagram socket then. */
  readonly echo?: boolean;
  /** What is done with it before it is handed over; `connects` is for `unix` alone. */
  readonly use: "none" | "bound" | "listens" | "connects";
  /** An IP address without a zone; a path, or after a NUL the name of an abstract socket. */
  readonly address?: string;
  readonly port?: number;
  /** The link that it is bound to. */
  readonly device?: string;
  readonly backlog?: number;
  readonly reuseAddress?: boolean;
  readonly reusePort?: boolean;
  readonly ipv6Only?: boolean;
}

/** A link that came or went. */
export interface LinkChange {
  readonly type: "added" | "removed";
  readonly row: number;
  readonly index: number;
  readonly name: string;
}

/** One thing that a watcher has heard; see native/rtnl/watcher.hpp. */
export interface Heard {
  /** The number that the watch was opened with. */
  readonly watch: number;
  readonly kind:
    | "added"
    | "replaced"
    | "removed"
    | "begun"
    | "listed"
    | "ended"
    | "interrupted"
    | "whole"
    | "mounts";
  readonly noun?: string;
  readonly record?: object;
}

/** One row of a native table. */
export interface SchemaRow {
  readonly name: string;
  readonly type: number;
  readonly access: "both" | "given" | "reported";
  readonly names?: readonly string[];
  readonly fields?: readonly SchemaRow[];
}

/** The native tables by name, and the operations. */
export interface Schema {
  readonly nouns: Readonly<Record<string, readonly SchemaRow[]>>;
  readonly kinds: Readonly<Record<string, readonly SchemaRow[]>>;
  readonly portKinds: Readonly<Record<string, readonly SchemaRow[]>>;
  readonly operations: readonly string[];
  readonly netfilter: RoomSchema;
  readonly xfrm: RoomSchema;
}

/** The same of a protocol beside rtnetlink. */
export interface RoomSchema {
  readonly nouns: Readonly<Record<string, readonly SchemaRow[]>>;
  readonly operations: readonly string[];
}

/** What the report of an engine may have in its header. */
interface ReportHeader {
  readonly glibcVersionRuntime?: string;
}

/** An engine's report; `excludeNetwork` is missing in those that make none of the network. */
interface Report {
  excludeNetwork?: boolean | undefined;
  getReport(): { readonly header?: ReportHeader };
}

/** musl's Node has no glibc version in its own report; no file of the distribution is trusted. */
function libc(): "glibc" | "musl" {
  const report = process.report as Report;
  const { excludeNetwork } = report;
  // Or it would ask name servers for the names of all who are connected, and wait.
  report.excludeNetwork = true;
  try {
    return report.getReport().header?.glibcVersionRuntime === undefined ? "musl" : "glibc";
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** What was built here goes before what the package brings along, which may be older. */
const builtHere = "../build/Release";
const brought = `../prebuilds/linux-${process.arch}`;

const packageDirectory = fileURLToPath(new URL("..", import.meta.url));

/** How to come by a binary, for the end of a message. */
const remedy =
  'Build it: in a checkout by "npm ci"; where the package was installed by "npm install ' +
  `node-addon-api node-gyp && npx node-gyp rebuild --directory=${packageDirectory}". It takes a ` +
  "C++20 compiler, make and Python 3.";

/** What a first line of an error says, without the search path that Node adds. */
function reasonOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n", 1)[0] ?? "";
}

function load(): Native {
  if (process.platform !== "linux") {
    throw new UnavailableError(
      "ERR_UNSUPPORTED_PLATFORM",
      `vethwork speaks to the Linux kernel and cannot work on ${process.platform}`,
    );
  }
  const require = createRequire(import.meta.url);
  const name = `${brought}/vethwork.${libc()}.node`;
  const failures: unknown[] = [];
  for (const path of [`${builtHere}/vethwork.node`, name]) {
    if (!existsSync(new URL(path, import.meta.url))) continue;
    try {
      return require(path);
    } catch (error) {
      failures.push(error);
    }
  }
  const found =
    failures.length > 0
      ? `the binary of vethwork cannot be loaded: ${failures.map(reasonOf).join("; ")}`
      : `vethwork has no binary for linux-${process.arch} with ${libc()}, which would be ` +
        fileURLToPath(new URL(name, import.meta.url));
  throw new UnavailableError("ERR_NATIVE_MISSING", `${found}. ${remedy}`, {
    cause: new AggregateError(failures),
  });
}

let loaded: Native | undefined;

/**
 * The addon, loaded by the first call that needs it, so that types and pure functions can be
 * imported anywhere.
 *
 * @throws {UnavailableError} `ERR_UNSUPPORTED_PLATFORM` outside Linux; `ERR_NATIVE_MISSING`
 *   without a binary that loads.
 */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** Beside the addon. It needs no C library, so there is one of it. */
function launcherCandidates(): string[] {
  return [builtHere, brought].map((place) =>
    fileURLToPath(new URL(`${place}/vethwork-launcher`, import.meta.url)),
  );
}

/**
 * The path of the launcher, the program that becomes another one inside a namespace.
 *
 * @throws {UnavailableError} `ERR_NATIVE_MISSING` without one that may be executed.
 */
export function launcherPath(): string {
  const path = launcherCandidates().find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new UnavailableError(
      "ERR_NATIVE_MISSING",
      `vethwork has no launcher for linux-${process.arch}, which starts programs inside namespaces ` +
        `on x64 and arm64; it would be ${launcherCandidates().at(-1)}. ${remedy}`,
    );
  }
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new UnavailableError(
      "ERR_NATIVE_MISSING",
      `${path} may not be executed: it needs mode 755, on a file system that is not mounted noexec`,
      { cause },
    );
  }
  return path;
}
