// Namespaces, bridges and wires for a test, written down as one literal.

import { invalidArgument, refuseUnknown } from "../errors.ts";
import { addAddress, replaceAddress } from "../rtnl/address.ts";
import { setForwarding } from "../rtnl/forwarding.ts";
import { createLink, setLink } from "../rtnl/link.ts";
import { addRoute, type RouteSpec, replaceRoute } from "../rtnl/route.ts";
import { openTransaction } from "../transaction/transaction.ts";
import { parseCidr } from "../values/cidr.ts";
import { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox.ts";

/** A namespace of a topology. */
export interface NamespaceLiteral extends SandboxOptions {
  /** Whether it forwards packets, of IPv4 and IPv6. Default: false. */
  readonly forwarding?: boolean;
}

/** A bridge. */
export interface BridgeLiteral<Name extends string = string> {
  readonly namespace: Name;
  readonly name: string;
  readonly addresses?: readonly string[];
}

/** One end of a wire. */
export interface WireEnd<Name extends string = string> {
  readonly namespace: Name;
  /** The name of the link there. */
  readonly link: string;
  /** The link's addresses, `"10.0.0.1/24"`; IPv6 ones can be used at once. */
  readonly addresses?: readonly string[];
  /** The bridge in this namespace that it is a port of. */
  readonly bridge?: string;
}

/** A veth pair; both ends are up. */
export interface WireLiteral<Name extends string = string> {
  readonly ends: readonly [WireEnd<Name>, WireEnd<Name>];
  readonly mtu?: number;
}

/** A route of a namespace. */
export interface RouteLiteral<Name extends string = string> extends RouteSpec {
  readonly namespace: Name;
}

/** What there shall be. */
export interface TopologyLiteral<Name extends string = string> {
  readonly namespaces: Readonly<Record<Name, NamespaceLiteral>>;
  readonly bridges?: readonly BridgeLiteral<NoInfer<Name>>[];
  readonly wires?: readonly WireLiteral<NoInfer<Name>>[];
  readonly routes?: readonly RouteLiteral<NoInfer<Name>>[];
}

/** A topology that was made. */
export interface Lab<Name extends string = string> extends AsyncDisposable {
  /** The namespaces by their names in the literal. */
  readonly namespaces: Readonly<Record<Name, Sandbox>>;
  /** Cuts every wire between two namespaces: both ends are set down. */
  cut(one: Name, other: Name): Promise<void>;
  /** Mends them: what the kernel took away with the links comes back as the literal has it. */
  mend(one: Name, other: Name): Promise<void>;
  /** Takes everything down. */
  close(): Promise<void>;
}

const known = {
  topology: ["namespaces", "bridges", "wires", "routes"],
  namespace: ["name", "ipv6", "forwarding"],
  bridge: ["namespace", "name", "addresses"],
  wire: ["ends", "mtu"],
  end: ["namespace", "link", "addresses", "bridge"],
};

function checkNamespace(literal: TopologyLiteral, name: unknown, path: string): void {
  if (typeof name === "string" && Object.hasOwn(literal.namespaces, name)) return;
  throw invalidArgument("range", path, "is not among the namespaces");
}

function checkAddresses(addresses: readonly string[] = [], path: string): void {
  for (const [position, address] of addresses.entries()) {
    try {
      if (address.includes("/") && parseCidr(address)) continue;
    } catch {
      // Told below, by its place in the literal.
    }
    throw invalidArgument("range", `${path}[${position}]`, "must be an address with its prefix");
  }
}

function checkEnd(literal: TopologyLiteral, end: WireEnd, path: string): void {
  refuseUnknown(path, end, known.end, `${path}.`);
  checkNamespace(literal, end.namespace, `${path}.namespace`);
  if (typeof end.link !== "string") throw invalidArgument("type", `${path}.link`, "is missing");
  checkAddresses(end.addresses, `${path}.addresses`);
  const there = literal.bridges?.some(
    ({ namespace, name }) => namespace === end.namespace && name === end.bridge,
  );
  if (end.bridge !== undefined && !there) {
    throw invalidArgument("range", `${path}.bridge`, "is not among the bridges of its namespace");
  }
}

/** Refuses mistakes that the kernel would find half-way, or not at all. */
function check(literal: TopologyLiteral): void {
  refuseUnknown("topology", literal, known.topology);
  for (const [name, namespace] of Object.entries(literal.namespaces)) {
    refuseUnknown(`namespaces.${name}`, namespace, known.namespace, `namespaces.${name}.`);
  }
  for (const [position, bridge] of (literal.bridges ?? []).entries()) {
    const path = `bridges[${position}]`;
    refuseUnknown(path, bridge, known.bridge, `${path}.`);
    checkNamespace(literal, bridge.namespace, `${path}.namespace`);
    checkAddresses(bridge.addresses, `${path}.addresses`);
  }
  for (const [position, wire] of (literal.wires ?? []).entries()) {
    refuseUnknown(`wires[${position}]`, wire, known.wire, `wires[${position}].`);
    if (wire.ends?.length !== 2) {
      throw invalidArgument("type", `wires[${position}].ends`, "must be two");
    }
    for (const [end, each] of wire.ends.entries()) {
      checkEnd(literal, each, `wires[${position}].ends[${end}]`);
    }
  }
  for (const [position, route] of (literal.routes ?? []).entries()) {
    checkNamespace(literal, route.namespace, `routes[${position}].namespace`);
  }
}

/** Duplicate address detection would make an IPv6 address unusable for a second or two. */
function usable(address: string) {
  return address.includes(":") ? { address, flags: ["noDad"] as const } : address;
}

/** What is made in the namespaces of a literal. */
class Builder<Name extends string> {
  readonly #literal: TopologyLiteral<Name>;
  readonly #namespaces: Readonly<Record<Name, Sandbox>>;

  constructor(literal: TopologyLiteral<Name>, namespaces: Readonly<Record<Name, Sandbox>>) {
    this.#literal = literal;
    this.#namespaces = namespaces;
  }

  async build(): Promise<void> {
    const { bridges = [], wires = [], routes = [], namespaces } = this.#literal;
    await Promise.all(bridges.map((bridge) => this.#bridge(bridge)));
    await Promise.all(wires.map((wire) => this.#wire(wire)));
    for (const route of routes) await addRoute(this.#namespaces[route.namespace], specOf(route));
    const forwarding = (Object.keys(namespaces) as Name[]).filter(
      (name) => namespaces[name].forwarding,
    );
    await Promise.all(forwarding.map((name) => this.#forward(name)));
  }

  async #bridge({ namespace, name, addresses = [] }: BridgeLiteral<Name>): Promise<void> {
    const inside = this.#namespaces[namespace];
    const link = await createLink(inside, { kind: "bridge", name, up: true });
    await Promise.all(addresses.map((address) => addAddress(inside, link, usable(address))));
  }

  async #wire({ ends: [near, far], mtu }: WireLiteral<Name>): Promise<void> {
    const size = mtu === undefined ? {} : { mtu };
    await createLink(this.#namespaces[near.namespace], {
      kind: "veth",
      name: near.link,
      ...size,
      peer: { name: far.link, namespace: this.#namespaces[far.namespace], ...size },
    });
    await Promise.all([this.#end(near), this.#end(far)]);
  }

  async #end({ namespace, link, addresses = [], bridge }: WireEnd<Name>): Promise<void> {
    const inside = this.#namespaces[namespace];
    const master = bridge === undefined ? {} : { master: { name: bridge } };
    await Promise.all([
      ...addresses.map((address) => addAddress(inside, { name: link }, usable(address))),
      setLink(inside, { name: link }, { up: true, ...master }),
    ]);
  }

  async #forward(name: Name): Promise<void> {
    await setForwarding(this.#namespaces[name], true);
    if (this.#literal.namespaces[name].ipv6 === false) return;
    await setForwarding(this.#namespaces[name], true, { family: "inet6" });
  }

  /** The ends of the wires between two namespaces. */
  ends(one: Name, other: Name): WireEnd<Name>[] {
    for (const name of [one, other]) checkNamespace(this.#literal, name, "namespace");
    const wires = (this.#literal.wires ?? []).filter(({ ends }) => {
      const names = ends.map(({ namespace }) => namespace);
      return (
        names.includes(one) && names.includes(other) && (one !== other || names[0] === names[1])
      );
    });
    if (wires.length === 0) throw invalidArgument("range", "namespace", "no wire joins the two");
    return wires.flatMap(({ ends }) => ends);
  }

  async setUp(ends: readonly WireEnd<Name>[], up: boolean): Promise<void> {
    await Promise.all(
      ends.map(({ namespace, link }) =>
        setLink(this.#namespaces[namespace], { name: link }, { up }),
      ),
    );
  }

  /** The kernel drops IPv6 addresses and routes with a link that is set down. */
  async restore(ends: readonly WireEnd<Name>[]): Promise<void> {
    for (const { namespace, link, addresses = [] } of ends) {
      for (const address of addresses) {
        await replaceAddress(this.#namespaces[namespace], { name: link }, usable(address));
      }
    }
    const touched = ends.map(({ namespace }) => namespace);
    for (const route of this.#literal.routes ?? []) {
      if (!touched.includes(route.namespace)) continue;
      await replaceRoute(this.#namespaces[route.namespace], specOf(route));
    }
  }
}

function specOf({ namespace: _, ...route }: RouteLiteral): RouteSpec {
  return route;
}

async function open<Name extends string>(literal: TopologyLiteral<Name>): Promise<Lab<Name>> {
  check(literal);
  const tx = openTransaction();
  try {
    const names = Object.keys(literal.namespaces) as Name[];
    const made = await Promise.all(
      names.map(async (name) => {
        const { forwarding: _, ...options }: NamespaceLiteral = literal.namespaces[name];
        return [name, await createSandbox(tx, options)] as const;
      }),
    );
    const namespaces = Object.fromEntries(made) as Record<Name, Sandbox>;
    const builder = new Builder(literal, namespaces);
    await builder.build();
    const close = () => tx.rollback();
    return {
      namespaces,
      cut: async (one, other) => await builder.setUp(builder.ends(one, other), false),
      mend: async (one, other) => {
        const ends = builder.ends(one, other);
        await builder.setUp(ends, true);
        await builder.restore(ends);
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await tx.rollback();
    throw error;
  }
}

/**
 * Makes what a literal says: namespaces, bridges, wires, addresses, routes.
 *
 * ```ts
 * await using lab = await topology({
 *   namespaces: { client: {}, router: { forwarding: true } },
 *   wires: [
 *     { ends: [
 *       { namespace: "client", link: "eth0", addresses: ["10.1.0.2/24"] },
 *       { namespace: "router", link: "left", addresses: ["10.1.0.1/24"] },
 *     ] },
 *   ],
 *   routes: [{ namespace: "client", to: "default", via: "10.1.0.1" }],
 * });
 * ```
 *
 * All of it goes when the lab is disposed of, when the callback ends, when something of it could not
 * be made, or when the process is told to stop.
 *
 * @throws {RangeError | TypeError} with the path of a mistake (`wires[0].ends[1].bridge`); nothing
 *   was made.
 * @throws {NetlinkError} if the kernel refuses something; nothing is left.
 */
export async function topology<Name extends string>(
  literal: TopologyLiteral<Name>,
): Promise<Lab<Name>>;
export async function topology<Name extends string, T>(
  literal: TopologyLiteral<Name>,
  test: (lab: Lab<Name>) => Promise<T>,
): Promise<T>;
export async function topology<Name extends string, T>(
  literal: TopologyLiteral<Name>,
  test?: (lab: Lab<Name>) => Promise<T>,
): Promise<Lab<Name> | T> {
  if (test === undefined) return await open(literal);
  await using lab = await open(literal);
  return await test(lab);
}
