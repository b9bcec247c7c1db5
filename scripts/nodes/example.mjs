// Real calls of each kind, for engines that the tests do not run in.
//
//   ENGINE example.mjs [--without-sockets] [--without-programs]
//
// Without sockets where node:net and node:dgram of the engine take no descriptors over, and without
// programs where its node:child_process does not always tell that a pipe has ended.

import { deepStrictEqual, strictEqual } from "node:assert";
import { text } from "node:stream/consumers";
import {
  addAddress,
  connect,
  createLink,
  createNamespace,
  exec,
  getCounters,
  getRoute,
  listen,
  listLinks,
  lookup,
  openSampler,
  setLink,
  watch,
} from "../../dist/index.js";
import { openController, openMemoryStore } from "../../dist/network/index.js";

const sockets = ["servers and connections", "networks"];

/** @type {string[]} */
const done = [];

/**
 * Tells what fails, and goes on with the rest.
 *
 * @param {string} name @param {() => Promise<void>} step
 */
async function attempt(name, step) {
  if (sockets.includes(name) && process.argv.includes("--without-sockets")) return;
  if (name === "programs" && process.argv.includes("--without-programs")) return;
  try {
    await step();
    done.push(name);
  } catch (error) {
    console.error(`${name}:`, error);
    process.exitCode = 1;
  }
}

const left = await createNamespace();
const right = await createNamespace();
const veth = await createLink(left, {
  kind: "veth",
  name: "eth0",
  up: true,
  peer: { name: "eth0", namespace: right },
});

await attempt("addresses and routes", async () => {
  await addAddress(left, veth, "10.0.0.1/24");
  await addAddress(right, { name: "eth0" }, "10.0.0.2/24");
  await setLink(right, { name: "eth0" }, { up: true });
  strictEqual((await getRoute(left, "10.0.0.2")).source, "10.0.0.1");
});

await attempt("errors", async () => {
  const refused = await createLink(left, { kind: "bridge", name: "eth0" }).catch((error) => error);
  deepStrictEqual([refused.name, refused.code], ["NetlinkError", "EEXIST"]);
});

await attempt("events", async () => {
  const watcher = watch(left, { links: true });
  await watcher.ready();
  await createLink(left, { kind: "bridge", name: "seen" });
  // The link that was raised just now may still find its carrier.
  for await (const event of watcher) {
    if (event.noun !== "link" || event.type === "changed") continue;
    deepStrictEqual([event.type, event.link.name], ["added", "seen"]);
    break;
  }
});

await attempt("servers and connections", async () => {
  const server = await listen(right, { port: 80 }, (socket) => socket.end("hello"));
  const socket = await connect(left, { host: "10.0.0.2", port: 80 });
  strictEqual(await text(socket), "hello");
  await new Promise((resolve) => server.close(resolve));
});

await attempt("counters", async () => {
  strictEqual(typeof (await getCounters(left, veth)).txPackets, "bigint");
  const sampler = await openSampler(left, { periodMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  strictEqual(sampler.latest() === undefined, false);
  await sampler.close();
});

await attempt("programs", async () => {
  strictEqual((await exec(right, "ls", ["/sys/class/net"])).stdout, "eth0\nlo\n");
});

await attempt("networks", async () => {
  const host = await createNamespace();
  const controller = await openController({ host, store: openMemoryStore() });
  await controller.createNetwork({ name: "web" });
  await controller.createSandbox({ name: "db", networks: ["web"] });
  await controller.createSandbox({ name: "shop", networks: ["web"], ports: ["8080:80"] });
  const shop = await controller.openSandbox("shop");
  strictEqual((await lookup(shop, "db"))[0]?.address.startsWith("172."), true);
  const server = await listen(shop, { port: 80 }, (socket) => socket.end("hello"));
  strictEqual(await text(await connect(host, { host: "127.0.0.1", port: 8080 })), "hello");
  await new Promise((resolve) => server.close(resolve));
  await shop.close();
  await controller.purge();
  await controller.close();
  await host.close();
});

strictEqual((await listLinks(left)).length, 3);
await Promise.all([left.close(), right.close()]);
console.log(`done: ${done.join(", ")}`);
