// Real calls of each kind, for engines that the tests do not run in.

import { deepStrictEqual, strictEqual } from "node:assert";
import { createServer } from "node:net";
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
  openSampler,
  setLink,
  watch,
} from "../../dist/index.js";
import { openController, openMemoryStore } from "../../dist/network/index.js";

/** @type {string[]} */
const done = [];

/**
 * Tells what fails, and goes on with the rest.
 *
 * @param {string} name @param {() => Promise<void>} step
 */
async function attempt(name, step) {
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
  const refused = await createLink(left, { kind: "dummy", name: "eth0" }).catch((error) => error);
  deepStrictEqual([refused.name, refused.code], ["NetlinkError", "EEXIST"]);
});

await attempt("events", async () => {
  await using watcher = watch(left, { links: true });
  await watcher.ready();
  await createLink(left, { kind: "dummy", name: "seen" });
  const { value } = await watcher.next();
  deepStrictEqual([value?.type, value?.noun], ["added", "link"]);
});

await attempt("servers and connections", async () => {
  const server = createServer((socket) => socket.end("hello"));
  await listen(right, server, { port: 8080 });
  const socket = await connect(left, { host: "10.0.0.2", port: 8080 });
  const [text] = await Array.fromAsync(socket.setEncoding("utf8"));
  strictEqual(text, "hello");
  await new Promise((resolve) => server.close(resolve));
});

await attempt("counters", async () => {
  strictEqual((await getCounters(left, veth)).txPackets > 0n, true);
  const sampler = await openSampler(left, { periodMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  strictEqual(sampler.latest() === undefined, false);
  await sampler.close();
});

await attempt("programs", async () => {
  strictEqual((await exec(right, "ls", ["/sys/class/net"])).stdout, "eth0\nlo\n");
});

await attempt("networks", async () => {
  const controller = await openController({ store: openMemoryStore() });
  await controller.createNetwork({ name: "example" });
  await controller.deleteNetwork("example");
  await controller.close();
});

strictEqual((await listLinks(left)).length, 3);
await Promise.all([left.close(), right.close()]);
console.log(`done: ${done.join(", ")}`);
