// Endpoints: namespaces joined to a host by a veth pair, many at once, at the kernel's own speed.

import { setImmediate as nextTurn } from "node:timers/promises";
import {
  errorOfRefusal,
  invalidArgument,
  isRefusal,
  type NetlinkError,
  refuseUnknown,
} from "../errors.ts";
import { native } from "../native.ts";
import { checkName, deleteNamespace, Namespace } from "./namespace.ts";
import type { LinkReference } from "./reference.ts";
import { explained, request } from "./request.ts";

/** What an endpoint shall be like. */
export interface EndpointSpec {
  /** Its namespace. Default: an anonymous one without IPv6. */
  readonly namespace?: {
    /** A name in `/run/netns`, as for `createNamespace`. */
    readonly name?: string;
    /** Whether links get IPv6 addresses. Default: false, which makes many endpoints faster. */
    readonly ipv6?: boolean;
  };
  /** The name of the link inside. Default: `eth0`. */
  readonly name?: string;
  /** The index of the link inside. Default: 1000, which nothing that the kernel makes itself has. */
  readonly index?: number;
  /** The MAC address of the link inside. Default: a random one. */
  readonly mac?: string;
  /** The MTU of both ends. Default: 1500. */
  readonly mtu?: number;
  /** The address of the link inside, or several: `"10.0.0.2/24"`. */
  readonly address?: string | readonly string[];
  /** Where the default route leads. */
  readonly gateway?: string;
  /** The other end, on the host; it is raised. */
  readonly host: {
    readonly name: string;
    /** The bridge that it becomes a port of. */
    readonly master?: LinkReference;
    readonly group?: number;
  };
}

/** An endpoint that was made. */
export interface Endpoint {
  /** Its namespace; the caller closes it. */
  readonly namespace: Namespace;
  /** The index of the link inside. */
  readonly index: number;
  /** The index of the other end on the host. */
  readonly hostIndex: number;
}

/** What became of one spec. */
export type EndpointResult =
  | { readonly endpoint: Endpoint; readonly error?: never }
  | { readonly error: NetlinkError; readonly endpoint?: never };

const defaultIndex = 1000;
/** How many specs are checked and encoded in one turn of the event loop: half a millisecond. */
const specsPerTurn = 32;
const knownProperties = "namespace name index mac mtu address gateway host".split(" ");
const knownHostProperties = ["name", "master", "group"];
const knownNamespaceProperties = ["name", "ipv6"];

/** The messages of one endpoint, in the order found fastest: all that is inside goes in one send. */
function planOf(spec: EndpointSpec, position: number): object {
  const path = `[${position}].`;
  refuseUnknown(`[${position}]`, spec, knownProperties, path);
  refuseUnknown(`${path}host`, spec.host, knownHostProperties, `${path}host.`);
  refuseUnknown(
    `${path}namespace`,
    spec.namespace ?? {},
    knownNamespaceProperties,
    `${path}namespace.`,
  );
  const { index = defaultIndex, mtu, address = [], gateway } = spec;
  const { name } = spec.namespace ?? {};
  const { master, ...outer } = spec.host;
  const queues = { transmitQueues: 1, receiveQueues: 1 };
  const addresses = typeof address === "string" ? [address] : address;
  return {
    name: name === undefined ? "" : checkName(name, `${path}namespace.name`),
    ipv6: spec.namespace?.ipv6 ?? false,
    // The inner end is the main device, because the peer of a veth cannot be born up. The native
    // layer adds where the peer is, and to the last record the peer's index, which the kernel tells
    // with the first answer.
    veth: {
      kind: "veth",
      name: spec.name ?? "eth0",
      index,
      address: spec.mac,
      mtu,
      up: true,
      ...queues,
      peer: { ...outer, mtu, ...queues },
    },
    inside: [
      ["setLink", { link: 1, up: true }],
      ...addresses.map((each) => ["addAddress", addressRecord(index, each)]),
      ...(gateway === undefined ? [] : [["addRoute", { to: "default", via: gateway }]]),
    ],
    outside: { link: 1, up: true, master },
  };
}

/** Duplicate address detection would make an IPv6 address unusable for a second or two. */
function addressRecord(link: number, address: string): object {
  return address.includes(":") ? { link, address, flags: ["noDad"] } : { link, address };
}

/**
 * Creates endpoints: for each a namespace with `lo` up, a veth pair into it, address, default route
 * and the outer end up, on a bridge if wanted. Two workers share the work, with two sends for each
 * endpoint; a thousand on one bridge take about a second.
 *
 * Every endpoint succeeds or fails by itself, and of one that fails nothing is left. Calls made on
 * `host` before are carried out before, later ones after. Needs `CAP_SYS_ADMIN`, and `CAP_NET_ADMIN`
 * in `host`.
 *
 * The specs are checked some at a time, so that the event loop goes on; leave them as they are until
 * then.
 *
 * @returns one result for each spec, in their order.
 * @throws {RangeError | TypeError} if any spec has a bad argument (`[3].mtu`); nothing was made.
 */
export async function createEndpoints(
  host: Namespace,
  specs: readonly EndpointSpec[],
): Promise<EndpointResult[]> {
  if (!Array.isArray(specs)) throw invalidArgument("type", "specs", "must be an array");
  const wanted: readonly EndpointSpec[] = [...specs];
  const batch = {};
  const creation = native().beginEndpoints(batch, host);
  const namespaces: Namespace[] = [];
  try {
    for (let first = 0; first < wanted.length; first += specsPerTurn) {
      if (first > 0) await nextTurn();
      const slice = wanted.slice(first, first + specsPerTurn);
      const plans = slice.map((spec, position) => planOf(spec, first + position));
      native().planEndpoints(batch, plans, first);
      namespaces.push(...slice.map((spec) => new Namespace(spec.namespace?.name)));
    }
  } catch (error) {
    native().abandonEndpoints(batch);
    throw error;
  }
  native().makeEndpoints(batch, namespaces);
  const results = await explained("createEndpoints", undefined, creation);
  return results.map((result, position): EndpointResult => {
    const namespace = namespaces[position] ?? new Namespace();
    if (!isRefusal(result)) return { endpoint: { namespace, ...result } };
    return { error: errorOfRefusal(result.operation, wanted[position]?.host.name, result) };
  });
}

/**
 * Deletes endpoints together: their veth pairs at once, then their namespaces' names and handles.
 * What is gone already counts as deleted.
 *
 * @throws {AggregateError} of a {@link NetlinkError} for each that is left.
 */
export async function deleteEndpoints(
  host: Namespace,
  endpoints: readonly Endpoint[],
): Promise<void> {
  if (!Array.isArray(endpoints)) throw invalidArgument("type", "endpoints", "must be an array");
  const removals = await Promise.allSettled(
    endpoints.map(({ hostIndex }) => request(host, "deleteLink", { link: hostIndex })),
  );
  const closings = await Promise.allSettled(
    endpoints.map(async ({ namespace }) => {
      await namespace.close();
      if (namespace.name !== undefined) await deleteNamespace(namespace.name);
    }),
  );
  const errors = [...removals, ...closings]
    .filter((outcome) => outcome.status === "rejected")
    .map(({ reason }): unknown => reason)
    .filter((error) => !isGone(error));
  if (errors.length > 0) throw new AggregateError(errors, "some endpoints could not be deleted");
}

function isGone(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error)) return false;
  return error.code === "ENODEV" || error.code === "ENOENT";
}
