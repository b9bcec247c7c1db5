// The network of the demo, and nothing but calls of vethwork: built, and taken down again.
//
//     alpha  beta  gamma          delta
//       └──────┼──────┘             │        a veth pair each; the inner end is eth0
//             br0                  br1       10.0.1.1/24 and 10.0.2.1/24
//              └───── router ───────┘        one namespace, which stands for the host

import {
  addAddress,
  addRoute,
  createLink,
  createNamespace,
  deleteLinks,
  deleteNamespace,
  listLinks,
  setForwarding,
  setLink,
} from "../../dist/index.js";

/** @typedef {import("../../dist/index.js").Namespace} Namespace */
/** @typedef {{ name: string, namespace: Namespace, bridge: string, address: string, outer: number, inner: number }} Guest */

export const bridges = [
  { name: "br0", gateway: "10.0.1.1" },
  { name: "br1", gateway: "10.0.2.1" },
];

export const plan = [
  { name: "alpha", bridge: "br0", address: "10.0.1.2", gateway: "10.0.1.1" },
  { name: "beta", bridge: "br0", address: "10.0.1.3", gateway: "10.0.1.1" },
  { name: "gamma", bridge: "br0", address: "10.0.1.4", gateway: "10.0.1.1" },
  { name: "delta", bridge: "br1", address: "10.0.2.2", gateway: "10.0.2.1" },
];

/** What was built so far: enough to take it down at any moment. */
export class Lab {
  namespaces = /** @type {Map<string, Namespace>} */ (new Map());
  guests = /** @type {Guest[]} */ ([]);

  /** The namespace that has the bridges and routes between them. */
  get router() {
    return this.#namespace("router");
  }

  /** @param {string} name */
  #namespace(name) {
    const namespace = this.namespaces.get(name);
    if (namespace === undefined) throw new Error(`${name} is not built`);
    return namespace;
  }

  /** @param {string} name */
  async #createNamespace(name) {
    // The demo is about IPv4; without IPv6 its counters show nothing but the demo's own packets.
    const namespace = await createNamespace({ name, ipv6: false });
    this.namespaces.set(name, namespace);
  }

  async createNamespaces() {
    const names = ["router", ...plan.map((guest) => guest.name)];
    await Promise.all(names.map((name) => this.#createNamespace(name)));
    // A new namespace takes forwarding over from the machine's first one.
    await setForwarding(this.router, false);
  }

  async createBridges() {
    for (const { name, gateway } of bridges) {
      await createLink(this.router, { kind: "bridge", name, up: true });
      await addAddress(this.router, { name }, `${gateway}/24`);
    }
  }

  /** Joins every guest to its bridge: calls on one namespace keep their order, so few are awaited. */
  async connectGuests() {
    await Promise.all(plan.map((guest) => this.#connect(guest)));
  }

  /** @param {(typeof plan)[number]} guest */
  async #connect({ name, bridge, address, gateway }) {
    const namespace = this.#namespace(name);
    const veth = await createLink(this.router, {
      kind: "veth",
      name: `${name}0`,
      master: { name: bridge },
      up: true,
      peer: { name: "eth0", namespace },
    });
    const inner = veth.peerIndex;
    await Promise.all([
      addAddress(namespace, inner, `${address}/24`),
      setLink(namespace, inner, { up: true }),
      addRoute(namespace, { to: "default", via: gateway }),
    ]);
    this.guests.push({ name, namespace, bridge, address, outer: veth.index, inner });
  }

  /**
   * Takes the guests' namespaces down. With a namespace go its links, and with a veth its peer, so
   * the outer ends vanish from the router; the kernel does that in the background.
   *
   * @returns {Promise<boolean>} whether they did, within two seconds
   */
  async deleteGuests() {
    await Promise.all(plan.map(({ name }) => this.#deleteNamespace(name)));
    const deadline = performance.now() + 2000;
    while ((await listLinks(this.router, { kind: "veth" })).length > 0) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return true;
  }

  /** Deletes the bridges together: that takes as long as one. */
  async deleteBridges() {
    await deleteLinks(this.router, await listLinks(this.router, { kind: "bridge" }));
  }

  /** @param {string} name */
  async #deleteNamespace(name) {
    const namespace = this.#namespace(name);
    this.namespaces.delete(name);
    await namespace.close();
    await deleteNamespace(name);
  }

  /** Takes down whatever is left, the router last. */
  async deleteAll() {
    await Promise.all([...this.namespaces.keys()].map((name) => this.#deleteNamespace(name)));
  }
}
