// What the name services of many sandboxes in one process cost, and how many queries they answer.
//
//   npm run build && node scripts/sandbox.mjs scripts/dns-load.mjs [SANDBOXES [SECONDS [RATE]]]
//
// Each sandbox is a namespace with a service at its 127.0.0.11, and sees 10 names with two holders
// each. Another process asks all of them in turn from inside, for A, AAAA and PTR: RATE queries a
// second, or as fast as the answers come. It shares the machine's processors, so the services' own
// share is told too.

import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encode } from "dns-packet";
import { bindUdp, createNamespace, openNamespace } from "../dist/index.js";
import { openNameService, serviceAddress } from "../dist/network/dns/service.js";
import { View } from "../dist/network/dns/view.js";
import { Zone } from "../dist/network/dns/zone.js";

/** Queries under way if there is no rate. */
const window = 256;
const networks = 50;
const names = 10;

/** @param {number} n */
const nameOf = (n) => `dns-load-${n}`;

/** @param {number} n */
function zoneOf(n) {
  const zone = new Zone(`net${n}`);
  for (let name = 0; name < 2 * names; name += 1) {
    const addresses = [`10.0.0.${name + 2}`, `fd00::${name + 2}`];
    zone.add({ name: `box${name}`, aliases: [`web${name % names}`], addresses });
  }
  return zone;
}

/** @param {NodeJS.CpuUsage} [before] */
function processorMs(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** @param {number} count */
async function serve(count) {
  const sandboxes = [];
  for (let n = 0; n < count; n += 1) {
    sandboxes.push(await createNamespace({ name: nameOf(n), ipv6: false }));
  }
  const host = await openNamespace();
  const views = sandboxes.map(() => new View());
  const zones = Array.from({ length: networks }, (_, n) => zoneOf(n));
  for (const [n, view] of views.entries()) view.add(zones[n % networks] ?? zoneOf(0));
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const before = { open: descriptors(), memory: process.memoryUsage().rss, at: performance.now() };
  const processor = process.cpuUsage();
  const services = await Promise.all(
    sandboxes.map((sandbox, n) => openNameService({ sandbox, host, view: views[n] ?? new View() })),
  );
  const [used, passed] = [processorMs(processor), performance.now() - before.at];
  const kilobytes = (process.memoryUsage().rss - before.memory) / 1000 / count;
  const open = (descriptors() - before.open) / count;
  console.log(`${count} services opened at once in ${passed.toFixed(0)} ms,`);
  console.log(
    `${used.toFixed(0)} ms of processor time; each ${kilobytes.toFixed(1)} kB, ${open} fds`,
  );
  return services.map((service) => service.ports.udp);
}

async function measure(count = 1000, seconds = 5, rate = 0) {
  const ports = await serve(count);
  const asker = fork(fileURLToPath(import.meta.url), ["--ask"]);
  asker.send({ ports, seconds, rate });
  await once(asker, "message");
  const before = process.cpuUsage();
  const [{ asked, answered, elapsed, latencies }] = await once(asker, "message");
  const busy = processorMs(before) / 10 / elapsed;
  const memory = Math.round(process.memoryUsage().rss / 1e6);
  const [mean, late] = latencies.map((/** @type {number} */ ms) => ms.toFixed(2));
  const lost = rate > 0 ? `, ${asked - answered} not at all` : "";
  console.log(`${Math.round(answered / elapsed)} queries/s answered${lost};`);
  console.log(`${mean} ms each on average, 99 % within ${late} ms,`);
  console.log(`with ${busy.toFixed(0)} % of one processor and ${memory} MB`);
  process.exit();
}

/** @typedef {{ ports: number[], seconds: number, rate: number }} Task */

function queries() {
  const questions = Array.from({ length: names }, (_, n) => [
    { name: `web${n}`, type: /** @type {const} */ ("A") },
    { name: `box${n}`, type: /** @type {const} */ ("AAAA") },
    { name: `${n + 2}.0.0.10.in-addr.arpa`, type: /** @type {const} */ ("PTR") },
  ]).flat();
  return questions.map((question) => encode({ type: "query", questions: [question] }));
}

/** @param {Task} task */
async function ask({ ports, seconds, rate }) {
  /** @type {import("node:dgram").Socket[]} */
  const sockets = [];
  for (const n of ports.keys()) {
    const namespace = await openNamespace({ name: nameOf(n) });
    sockets.push(await bindUdp(namespace));
    await namespace.close();
  }
  const all = queries();
  const sent = new Float64Array(0x10000);
  /** @type {number[]} */
  const latencies = [];
  let [asked, answered] = [0, 0];
  const next = () => {
    const query = Buffer.from(all[asked % all.length] ?? "");
    query.writeUInt16BE(asked % 0x10000);
    sent[asked % 0x10000] = performance.now();
    const n = asked % ports.length;
    asked += 1;
    sockets[n]?.send(query, ports[n] ?? 0, serviceAddress);
  };
  for (const socket of sockets) {
    socket.on("message", (answer) => {
      if (answer.readUInt16BE(6) === 0) throw new Error("an answer without records");
      answered += 1;
      latencies.push(performance.now() - (sent[answer.readUInt16BE(0)] ?? 0));
      if (rate === 0) next();
    });
  }
  process.send?.("begun");
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1000;
  for (let n = 0; rate === 0 && n < window; n += 1) next();
  const pacing = setInterval(() => {
    while (asked < rate * Math.min(passed(), seconds)) next();
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  clearInterval(pacing);
  const elapsed = passed();
  // What is under way may still be answered.
  if (rate > 0) await new Promise((resolve) => setTimeout(resolve, 200));
  latencies.sort((a, b) => a - b);
  const mean = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
  const late = latencies[Math.floor(latencies.length * 0.99)];
  process.send?.({ asked, answered, elapsed, latencies: [mean, late] }, () => process.exit());
}

if (process.argv[2] === "--ask") process.once("message", (task) => ask(/** @type {Task} */ (task)));
else await measure(...process.argv.slice(2).map(Number));
