// What a soak does: operations of every room, each of which leaves things as they were.

import {
  addAddress,
  addRoute,
  addRule,
  connect,
  createLink,
  createNamespace,
  deleteLink,
  exec,
  getLink,
  listAddresses,
  listen,
  listLinks,
  listRoutes,
  listRules,
  NetlinkError,
  openCounters,
  openNamespace,
  openSampler,
  removeAddress,
  removeRoute,
  removeRule,
  setLink,
  setSysctl,
  transaction,
  watch,
} from "../../dist/index.js";
import { openController, openMemoryStore } from "../../dist/network/index.js";

/** @typedef {import("../../dist/index.js").Namespace} Namespace */
/** @typedef {import("../random.mjs").Random} Random */

/**
 * What stays during all of it: a namespace with a hundred links, and what is open on it.
 *
 * @typedef {{
 *   home: Namespace,
 *   counters: import("../../dist/index.js").CounterReader,
 *   into: BigUint64Array,
 *   controller: import("../../dist/network/index.js").Controller,
 *   close: () => Promise<void>,
 *   next: () => number,
 * }} Scene
 */

const links = 100;

/**
 * A store remembers its last commits, up to twice 10,000 of them: until then it grows, and then no more.
 *
 * @param {import("../../dist/network/index.js").Store} store
 */
async function fillHistory(store) {
  const value = "as long as what a sandbox's commit changes, ".repeat(16);
  for (let commit = 0; commit < 19_900; commit += 1) {
    await store.commit({ put: [{ key: "filling", value }] });
  }
  await store.commit({ delete: ["filling"] });
}

/** @returns {Promise<Scene>} */
export async function prepare() {
  const home = await createNamespace();
  await Promise.all(
    Array.from({ length: links / 2 }, (_, n) =>
      createLink(home, { kind: "veth", name: `a${n}`, up: true, peer: { name: `b${n}` } }),
    ),
  );
  await addAddress(home, { name: "a0" }, "192.0.2.1/24");
  await setLink(home, { name: "b0" }, { up: true });
  const counters = await openCounters(home);
  const host = await createNamespace();
  const store = openMemoryStore();
  await fillHistory(store);
  const controller = await openController({ host, store, waitMs: 60_000 });
  await controller.createNetwork({ name: "web" });
  let last = 0;
  return {
    ...{ home, counters, controller },
    into: new BigUint64Array(25 * (links + 64)),
    next: () => {
      last += 1;
      return last;
    },
    close: async () => {
      await controller.purge();
      await controller.close();
      await counters.close();
      await Promise.all([home.close(), host.close()]);
    },
  };
}

/** @typedef {{ name: string, weight: number, work: (scene: Scene, random: Random) => Promise<unknown> }} Operation */

/**
 * That a call is refused with an errno.
 *
 * @param {Promise<unknown>} call
 * @param {string} code
 */
async function refusal(call, code) {
  const error = await call.then(
    () => undefined,
    (/** @type {unknown} */ reason) => reason,
  );
  if (error instanceof NetlinkError && error.code === code) return;
  throw new Error(`not refused with ${code}`, { cause: error });
}

/** @type {readonly [Operation, ...Operation[]]} */
export const operations = [
  {
    name: "getLink",
    weight: 300,
    work: ({ home }, random) => getLink(home, { name: `a${random.integer(0, 49)}` }),
  },
  { name: "listLinks", weight: 40, work: ({ home }) => listLinks(home) },
  { name: "listAddresses", weight: 60, work: ({ home }) => listAddresses(home) },
  { name: "listRoutes", weight: 60, work: ({ home }) => listRoutes(home) },
  { name: "counters", weight: 150, work: ({ counters, into }) => counters.read(into) },
  {
    name: "countersSync",
    weight: 150,
    work: async ({ counters, into }) => counters.readSync(into),
  },
  {
    name: "setLink",
    weight: 60,
    work: ({ home }, random) =>
      setLink(home, { name: `a${random.integer(1, 49)}` }, { mtu: random.integer(1280, 9000) }),
  },
  {
    name: "address",
    weight: 30,
    work: async ({ home, next }) => {
      const number = next();
      const address = `198.18.${(number >> 8) & 255}.${number & 255}/32`;
      await addAddress(home, { name: "b0" }, address);
      await removeAddress(home, { name: "b0" }, address);
    },
  },
  {
    name: "route",
    weight: 30,
    work: async ({ home, next }) => {
      const number = next();
      const to = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}/32`;
      await addRoute(home, { to, via: "192.0.2.2" });
      await removeRoute(home, { to, via: "192.0.2.2" });
    },
  },
  {
    name: "rule",
    weight: 10,
    work: async ({ home, next }) => {
      const rule = { priority: 1000 + (next() % 30_000), table: 100 };
      await addRule(home, rule);
      await listRules(home);
      await removeRule(home, rule);
    },
  },
  {
    name: "refused",
    weight: 60,
    work: async ({ home }) => {
      await refusal(createLink(home, { kind: "veth", name: "a0", peer: { name: "x" } }), "EEXIST");
      await refusal(getLink(home, { name: "none" }), "ENODEV");
      await refusal(openNamespace({ name: "there-is-none" }), "ENOENT");
    },
  },
  { name: "sysctl", weight: 20, work: ({ home }) => setSysctl(home, "net/ipv4/ip_forward", 1) },
  {
    name: "aborted",
    weight: 20,
    work: async ({ home }) => {
      const stop = new AbortController();
      const call = listLinks(home.limited({ signal: stop.signal })).catch(() => undefined);
      stop.abort();
      await call;
    },
  },
  {
    name: "veth",
    weight: 4,
    work: async ({ home, next }) => {
      const name = `v${next()}`;
      await createLink(home, { kind: "veth", name, peer: { name: `${name}p` } });
      await deleteLink(home, { name });
    },
  },
  {
    name: "namespace",
    weight: 2,
    work: async ({ home, next }) => {
      const namespace = await createNamespace();
      const peer = { name: "eth0", namespace };
      const link = await createLink(home, { kind: "veth", name: `n${next()}`, peer });
      await addAddress(namespace, { name: "eth0" }, "10.0.0.2/24");
      await deleteLink(home, link);
      await namespace.close();
    },
  },
  {
    name: "transaction",
    weight: 1,
    work: async ({ home, next }) => {
      const name = `t${next()}`;
      const undone = transaction(async (tx) => {
        await tx.createLink(home, { kind: "veth", name, peer: { name: `${name}p` } });
        throw new Error("undo it");
      });
      await undone.catch(() => undefined);
      await refusal(getLink(home, { name }), "ENODEV");
    },
  },
  {
    name: "watch",
    weight: 1,
    work: async ({ home, next }) => {
      const name = `w${next()}`;
      const watcher = await watch(home, { links: true });
      await createLink(home, { kind: "veth", name, peer: { name: `${name}p` } });
      for await (const { type } of watcher) if (type === "added") break;
      await deleteLink(home, { name });
    },
  },
  {
    name: "sampler",
    weight: 1,
    work: async ({ home }) => {
      const sampler = await openSampler(home, { periodMs: 1 });
      await new Promise((resolve) => setTimeout(resolve, 5));
      sampler.latest();
      await sampler.close();
    },
  },
  {
    name: "sockets",
    weight: 5,
    work: async ({ home }) => {
      const server = await listen(home, { port: 0, host: "192.0.2.1" }, (socket) => socket.end());
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const socket = await connect(home, { port: address.port, host: "192.0.2.1" });
      await new Promise((resolve) => socket.on("close", resolve).resume());
      await new Promise((resolve) => server.close(resolve));
    },
  },
  { name: "exec", weight: 0.2, work: ({ home }) => exec(home, "/bin/true") },
  {
    name: "sandbox",
    weight: 0.5,
    work: async ({ controller, next }) => {
      const name = `soak${next()}`;
      await controller.createSandbox({ name, networks: ["web"], ports: ["80"] });
      await controller.deleteSandbox(name);
    },
  },
];
