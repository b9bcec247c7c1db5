// Whether hosts, store and kernels agree once everything is there again, and whether any address was ever
// given twice.

import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { run } from "./lab.mjs";

/** @typedef {import("./lab.mjs").Lab} Lab */
/** @typedef {import("../../dist/network/index.js").Store} Store */
/** @typedef {{ id: string, network: string, host: string, hostAddress: string, mac: string, addresses: string[] }} Member */
/** @typedef {{ host: string, sandbox: string, address: string, network: string, id: string }} Placed */

/** How long everything may take to be as it is to be. */
const patienceMs = 90_000;

/** Tells of every address that two endpoints have at once, as the store is changed. */
export class AddressBook {
  /** @type {Map<string, string>} */
  owners = new Map();
  /** @type {Map<string, readonly string[]>} */
  keys = new Map();
  /** The beginnings of the ids of all networks that there were. @type {Set<string>} */
  networks = new Set();
  /** @type {string[]} */
  wrong = [];
  ending = new AbortController();

  /** @param {Store} store */
  async follow(store) {
    const prefix = "cluster/";
    const { revision } = await store.list(prefix);
    const options = { prefix, after: revision, signal: this.ending.signal };
    this.following = (async () => {
      for await (const { changes } of store.watch(options)) {
        for (const { key } of changes) {
          const id = /^cluster\/networks\/(.{12})/.exec(key)?.[1];
          if (id !== undefined) this.networks.add(id);
        }
        this.note(changes.filter(({ key }) => key.startsWith("cluster/members/")));
      }
    })().catch((error) => {
      if (!this.ending.signal.aborted) this.wrong.push(`the history broke off: ${error}`);
    });
  }

  /** @param {readonly import("../../dist/network/index.js").Change[]} changes */
  note(changes) {
    for (const { key } of changes) {
      for (const address of this.keys.get(key) ?? []) {
        if (this.owners.get(address) === key) this.owners.delete(address);
      }
      this.keys.delete(key);
    }
    for (const { key, value } of changes) {
      if (value === undefined) continue;
      const { network, addresses } = /** @type {Member} */ (/** @type {unknown} */ (value));
      const own = addresses.map((address) => `${network} ${address}`);
      for (const address of own) {
        const other = this.owners.get(address);
        if (other !== undefined) this.wrong.push(`${address} is that of ${other} and of ${key}`);
        this.owners.set(address, key);
      }
      this.keys.set(key, own);
    }
  }

  async close() {
    this.ending.abort();
    await this.following;
  }
}

/** @param {readonly string[]} args */
async function ask(...args) {
  const [file = "", ...rest] = args;
  const { stdout } = await run(file, rest, { maxBuffer: 1e8 });
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

/** What a segment knows of other hosts. @param {string} namespace */
async function knownIn(namespace) {
  const at = ["-n", namespace, "-j"];
  /** @type {{ mac: string, dst?: string }[]} */
  const fdb = await ask("bridge", ...at, "fdb", "show", "dev", "vxlan0");
  /** @type {{ dst: string, lladdr?: string }[]} */
  const neighbours = await ask(
    ...["ip", ...at, "neigh", "show", "dev", "vxlan0", "nud", "permanent"],
  );
  return [
    ...fdb.filter(({ dst }) => dst).map(({ mac, dst }) => `${mac} at ${dst}`),
    ...neighbours.map(({ dst, lladdr }) => `${dst} is ${lladdr}`),
  ].sort();
}

/** @param {string} cidr */
const bare = (cidr) => cidr.split("/")[0] ?? "";

/** @param {readonly Member[]} members */
function toBeKnown(members) {
  return members
    .flatMap(({ mac, hostAddress, addresses }) => [
      `${mac} at ${hostAddress}`,
      ...addresses.map((address) => `${bare(address)} is ${mac}`),
    ])
    .sort();
}

/** @param {Lab} lab @param {Store} store @param {ReadonlySet<string>} networks */
async function compared(lab, store, networks) {
  /** @type {string[]} */
  const wrong = [];
  /** @param {string} what @param {unknown} is @param {unknown} should */
  const expect = (what, is, should) => {
    if (isDeepStrictEqual(is, should)) return;
    wrong.push(`${what}: there is ${JSON.stringify(is)}, not ${JSON.stringify(should)}`);
  };
  const { entries } = await store.list("cluster/members/");
  const members = entries.map(
    ({ value }) => /** @type {Member} */ (/** @type {unknown} */ (value)),
  );
  /** @type {Placed[]} */
  const placed = [];
  const namespaces = [`${lab.word}world`, ...lab.hosts.map(({ netns }) => netns)];
  for (const { name: host, controller } of lab.hosts) {
    for (const { subject, problem } of await controller.call("plan")) {
      wrong.push(`${host}, ${subject}: ${problem}`);
    }
    /** @type {Map<string, string>} */
    const segments = new Map();
    for (const { id, name } of await controller.call("listSandboxes")) {
      namespaces.push(name);
      for (const { network, endpoint } of (await controller.call("inspectSandbox", id))
        .connections) {
        if (network.scope !== "cluster") continue;
        segments.set(network.id, network.settings.namespace);
        const [address] = endpoint.addresses.map(bare);
        placed.push({ host, sandbox: name, address, network: network.id, id: endpoint.id });
      }
    }
    namespaces.push(...segments.values());
    for (const [network, namespace] of segments) {
      const others = members.filter((one) => one.network === network && one.host !== host);
      expect(`what ${host} knows of ${network}`, await knownIn(namespace), toBeKnown(others));
    }
  }
  const ids = (/** @type {readonly { id: string }[]} */ all) => all.map(({ id }) => id).sort();
  expect("members", ids(members), ids(placed));
  const present = (await readdir("/run/netns")).filter(
    (name) => name.startsWith(lab.word) || networks.has(name.slice(9, 21)),
  );
  expect("namespaces", present.sort(), namespaces.sort());
  const held = (await store.list("ipam/_cluster/held/")).entries.map(
    ({ value }) => /** @type {{ holder: string }} */ (value).holder,
  );
  expect("held addresses", held.sort(), placed.map(({ host, id }) => `${host}/${id}`).sort());
  return { wrong, placed };
}

/** @param {readonly Placed[]} placed */
async function unreached(placed) {
  const pairs = placed.flatMap((from) =>
    placed.filter((to) => to !== from && to.network === from.network).map((to) => ({ from, to })),
  );
  const failures = pairs.map(async ({ from, to }) => {
    const line = ["netns", "exec", from.sandbox, "ping", "-n", "-c", "1", "-W", "3", to.address];
    return await run("ip", line).then(
      () => [],
      () => [`${from.sandbox} of ${from.host} does not reach ${to.address} of ${to.host}`],
    );
  });
  return (await Promise.all(failures)).flat();
}

/**
 * Waits until all is as it is to be. Returns what is wrong then, as sentences.
 *
 * @param {Lab} lab
 * @param {Store} store
 * @param {AddressBook} book
 */
export async function judge(lab, store, book) {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { wrong, placed } = await compared(lab, store, book.networks).catch((error) => ({
      ...{ wrong: [String(error)], placed: [] },
    }));
    if (wrong.length === 0) wrong.push(...(await unreached(placed)));
    if (wrong.length === 0 || performance.now() > deadline) return { wrong, count: placed.length };
    await sleep(200);
  }
}
