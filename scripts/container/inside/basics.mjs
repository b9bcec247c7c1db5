// Trials of the first door: links, addresses, routes, settings, namespaces, traffic, programs.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import {
  addAddress,
  addRoute,
  addRule,
  connect,
  createLink,
  createNamespace,
  deleteLink,
  deleteNamespace,
  exec,
  findLink,
  flushAddresses,
  getCounters,
  getForwarding,
  getLink,
  getRoute,
  getSysctl,
  listAddresses,
  listen,
  listLinks,
  listNamespaces,
  listRoutes,
  openNamespace,
  ping,
  removeRule,
  setForwarding,
  setLink,
  setSysctl,
  spawn,
  transaction,
  waitForLink,
  watch,
} from "vethwork";
import { within } from "./within.mjs";

/** Where the container has a namespace of somebody else's. */
const elsewhere = "/given/network";

/** Prints the links of the namespace that the program is in, by /proc and by /sys. */
const program = `
  const { readdirSync, readFileSync } = require("node:fs");
  const lines = readFileSync("/proc/self/net/dev", "utf8").trim().split("\\n").slice(2);
  const links = lines.map((line) => line.trim().split(":")[0]).sort();
  console.log(JSON.stringify({ links, sys: readdirSync("/sys/class/net").sort() }));`;

/** Two namespaces that a veth pair joins, as the README's first example has them. */
async function joined() {
  const left = await createNamespace();
  const right = await createNamespace();
  const peer = { name: "eth0", namespace: right };
  await createLink(left, { kind: "veth", name: "eth0", up: true, peer });
  await setLink(right, { name: "eth0" }, { up: true });
  await addAddress(left, { name: "eth0" }, "10.0.0.1/24");
  await addAddress(right, { name: "eth0" }, "10.0.0.2/24");
  return { left, right, close: () => Promise.all([left.close(), right.close()]) };
}

/**
 * A server greets a client.
 *
 * @param {Record<"from" | "to", import("vethwork").Namespace>} ends
 * @param {string} host
 */
async function greet({ from, to }, host) {
  const server = await listen(to, { port: 8080 }, (socket) => socket.end("hello"));
  try {
    return await text(await connect(from, { host, port: 8080 }));
  } finally {
    server.close();
    await once(server, "close");
  }
}

/** Looks, and changes nothing. */
function reading() {
  return within(openNamespace(), async (own) => {
    await getCounters(own, { name: "lo" });
    const routes = await listRoutes(own, { table: "all" });
    return {
      links: (await listLinks(own)).map(({ name }) => name),
      listed: [routes, await listAddresses(own)].every(Array.isArray),
      ttl: await getSysctl(own, "net.ipv4.ip_default_ttl"),
    };
  });
}

function watching() {
  return within(openNamespace(), async (own) => {
    const heard = [];
    for await (const event of watch(own, { links: true, addresses: true, snapshot: true })) {
      if (event.type === "synced") break;
      if (event.noun === "link") heard.push(event.link.name);
    }
    return { heard };
  });
}

/** @param {import("vethwork").Namespace} own */
async function change(own) {
  const bridge = await createLink(own, { kind: "bridge", name: "br0", up: true });
  const peer = { name: "far0" };
  const port = await createLink(own, {
    kind: "veth",
    name: "port0",
    master: bridge,
    up: true,
    peer,
  });
  await setLink(own, peer, { up: true, mtu: 1400 });
  await waitForLink(own, port, { operationalState: "up" }, { timeoutMs: 5000 });
  await addAddress(own, bridge, "10.0.0.1/24");
  await addRoute(own, { to: "10.9.0.0/16", via: "10.0.0.9" });
  await addRule(own, { from: "10.0.0.0/8", table: 100 });
  const { via } = await getRoute(own, "10.9.1.2");
  const { mtu } = await getLink(own, peer);
  await removeRule(own, { from: "10.0.0.0/8", table: 100 });
  const flushed = await flushAddresses(own, bridge, { family: "inet" });
  await deleteLink(own, port);
  await deleteLink(own, bridge);
  return { via, mtu, flushed, gone: (await findLink(own, peer)) === undefined };
}

/** Everything that can be changed in the namespace of the process, and is heard to change. */
function changing() {
  return within(openNamespace(), async (own) => {
    const events = watch(own, { links: true });
    try {
      await events.ready();
      // Before it is all gone again, of which nothing would be heard.
      const first = events.next();
      const seen = await change(own);
      return { ...seen, heard: (await first).value?.type };
    } finally {
      await events.close();
    }
  });
}

/** A change that fails in the middle, in the namespace of the process. */
function undoing() {
  return within(openNamespace(), async (own) => {
    const failed = new Error("no further");
    const undone = await transaction(async (tx) => {
      const bridge = await tx.createLink(own, { kind: "bridge", name: "br0", up: true });
      await tx.addAddress(own, bridge, "10.0.0.1/24");
      throw failed;
    }).catch((error) => {
      if (error !== failed) throw error;
      return true;
    });
    return { undone, gone: (await findLink(own, { name: "br0" })) === undefined };
  });
}

function settings() {
  return within(openNamespace(), async (own) => {
    const before = await setForwarding(own, true);
    const during = await getForwarding(own);
    await setForwarding(own, before);
    const ttl = await setSysctl(own, "net.ipv4.ip_default_ttl", 63);
    const changed = await setSysctl(own, "net.ipv4.ip_default_ttl", ttl);
    return { during, ttl, changed };
  });
}

/** A namespace of the user's own; nothing is written below /proc/sys. */
function namespaces() {
  return within(createNamespace(), async (namespace) => {
    const [lo, ...more] = await listLinks(namespace);
    return { lo: lo?.name, up: lo?.up, more: more.length };
  });
}

/** A namespace with settings of its own. */
function settled() {
  return within(createNamespace({ ipv6: false }), async (namespace) => {
    await createLink(namespace, { kind: "bridge", name: "br0", up: true });
    const addresses = await listAddresses(namespace, { link: { name: "br0" } });
    return { addresses: addresses.length };
  });
}

function traffic() {
  return within(joined(), async ({ left, right }) => {
    const before = await getCounters(left, { name: "eth0" });
    const greeting = await greet({ from: left, to: right }, "10.0.0.2");
    const after = await getCounters(left, { name: "eth0" });
    return { greeting, counted: after.txPackets > before.txPackets };
  });
}

function echoes() {
  return within(joined(), async ({ left }) => {
    return { echoed: (await ping(left, "10.0.0.2", { timeoutMs: 5000 })) > 0 };
  });
}

async function names() {
  return await within(createNamespace({ name: "red" }), async (made) => {
    try {
      return await within(openNamespace({ name: "red" }), async (opened) => {
        const listed = (await listNamespaces()).map(({ name }) => name);
        return { listed, same: opened.inode === made.inode, file: existsSync("/run/netns/red") };
      });
    } finally {
      await deleteNamespace("red");
    }
  });
}

function programs() {
  return within(createNamespace(), async (namespace) => {
    await createLink(namespace, { kind: "bridge", name: "br0" });
    return JSON.parse((await exec(namespace, process.execPath, ["-e", program])).stdout);
  });
}

/** The same with the mounts of this process, whose /sys shows another namespace. */
function sharingPrograms() {
  return within(createNamespace(), async (namespace) => {
    await createLink(namespace, { kind: "bridge", name: "br0" });
    const child = await spawn(namespace, process.execPath, ["-e", program], { mounts: "shared" });
    return { links: JSON.parse(await text(child.stdout)).links };
  });
}

function ownPrograms() {
  return within(openNamespace(), async (own) =>
    JSON.parse((await exec(own, process.execPath, ["-e", program])).stdout),
  );
}

/** A namespace that somebody else made and handed in. */
function elsewhereReading() {
  return within(openNamespace({ path: elsewhere }), async (given) => {
    return { links: (await listLinks(given)).map(({ name }) => name).sort() };
  });
}

function elsewhereListening() {
  return within(openNamespace({ path: elsewhere }), async (given) => {
    const server = await listen(given, { port: 0, host: "0.0.0.0" });
    const { listening } = server;
    server.close();
    await once(server, "close");
    return { listening };
  });
}

export const basics = {
  reading,
  watching,
  changing,
  undoing,
  settings,
  namespaces,
  settled,
  traffic,
  echoes,
  names,
  programs,
  sharingPrograms,
  ownPrograms,
  elsewhereReading,
  elsewhereListening,
};
