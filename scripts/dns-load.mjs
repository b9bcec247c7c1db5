// How many queries a second the DNS servers of many sandboxes answer in one process.
//
//   npm run build && node scripts/sandbox.mjs scripts/dns-load.mjs [SANDBOXES [SECONDS]]
//
// Each sandbox has a server of its own, on the loopback interface here, and sees 10 names with two
// holders each. Another process asks all of them in turn, for A, AAAA and PTR, as fast as the answers
// come: it shares the machine's processors, so the servers' own share is told too.

import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { encode } from "dns-packet";
import { openNamespace, setLink } from "../dist/index.js";
import { Forwarder } from "../dist/network/dns/forward.js";
import { openDnsServer } from "../dist/network/dns/server.js";
import { View } from "../dist/network/dns/view.js";
import { Zone } from "../dist/network/dns/zone.js";

const host = "127.0.0.1";
const sockets = 8;
/** Queries under way on each socket. */
const window = 32;
const networks = 50;
const names = 10;

/** @param {number} n */
function zoneOf(n) {
  const zone = new Zone(`net${n}`);
  for (let name = 0; name < 2 * names; name += 1) {
    const addresses = [`10.0.0.${name + 2}`, `fd00::${name + 2}`];
    zone.add({ name: `box${name}`, aliases: [`web${name % names}`], addresses });
  }
  return zone;
}

/** @param {Zone} zone */
async function serve(zone) {
  const udp = createSocket("udp4").bind(0, host);
  const tcp = createServer().listen(0, host);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  const view = new View();
  view.add(zone);
  openDnsServer({ udp, tcp, view, forwarder: new Forwarder() });
  return udp.address().port;
}

async function measure(count = 1000, seconds = 5) {
  const home = await openNamespace();
  await setLink(home, { name: "lo" }, { up: true });
  const zones = Array.from({ length: networks }, (_, n) => zoneOf(n));
  const ports = await Promise.all(
    Array.from({ length: count }, (_, n) => serve(zones[n % networks] ?? zoneOf(0))),
  );
  const sender = fork(fileURLToPath(import.meta.url), ["--send"]);
  const before = process.cpuUsage();
  sender.send({ ports, seconds });
  const [{ answered, elapsed, latency }] = await once(sender, "message");
  const { user, system } = process.cpuUsage(before);
  const rate = Math.round(answered / elapsed);
  const busy = (user + system) / 1e6 / elapsed;
  const memory = Math.round(process.memoryUsage().rss / 1e6);
  console.log(`${count} sandboxes: ${rate} queries/s, ${latency.toFixed(2)} ms each on average,`);
  console.log(`with ${(100 * busy).toFixed(0)} % of one processor and ${memory} MB`);
  process.exit();
}

/** @typedef {{ ports: number[], seconds: number }} Task */

/** @param {Task} task */
function send({ ports, seconds }) {
  const questions = Array.from({ length: names }, (_, n) => [
    { name: `web${n}`, type: /** @type {const} */ ("A") },
    { name: `box${n}`, type: /** @type {const} */ ("AAAA") },
    { name: `${n + 2}.0.0.10.in-addr.arpa`, type: /** @type {const} */ ("PTR") },
  ]).flat();
  const queries = questions.map((question) => encode({ type: "query", questions: [question] }));
  const begun = performance.now();
  let [next, answered, waited] = [0, 0, 0];
  for (let n = 0; n < sockets; n += 1) {
    const socket = createSocket("udp4");
    const sent = new Float64Array(window);
    /** @param {number} id */
    const ask = (id) => {
      const query = queries[next % queries.length] ?? Buffer.alloc(0);
      query.writeUInt16BE(id);
      sent[id] = performance.now();
      // The socket sends at a later moment, and the query may be another's by then.
      socket.send(Buffer.from(query), ports[next++ % ports.length] ?? 0, host);
    };
    socket.on("message", (answer) => {
      const id = answer.readUInt16BE(0);
      if (answer.readUInt16BE(6) === 0) throw new Error("an answer without records");
      answered += 1;
      waited += performance.now() - (sent[id] ?? 0);
      ask(id);
    });
    for (let id = 0; id < window; id += 1) ask(id);
  }
  setTimeout(() => {
    const elapsed = (performance.now() - begun) / 1000;
    const message = { answered, elapsed, latency: waited / answered };
    process.send?.(message, () => process.exit());
  }, seconds * 1000);
}

if (process.argv[2] === "--send")
  process.once("message", (task) => send(/** @type {Task} */ (task)));
else await measure(...process.argv.slice(2).map(Number));
