// The counters of many namespaces: from their host ends in one dump, or from each by itself.

import { columnOf, counterRowLength, openCounters } from "../../../dist/index.js";
import { host, readDevices, sendBroadcasts, untilUp } from "../host.mjs";
import { ip, runProgram } from "../programs.mjs";
import { bridgeName, gateway, hostEndName, hostEndPrefix } from "../shape.mjs";
import { sample, verify } from "../timing.mjs";
import { makeOurs } from "./endpoints.mjs";

const received = columnOf("rxBytes");

/**
 * @param {BigUint64Array} counters
 * @param {number} rows
 */
function bytesReceived(counters, rows) {
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    sum += Number(counters[row * counterRowLength + received]);
  }
  return sum;
}

/**
 * @typedef {{ read: () => Promise<unknown>, received: () => number }} Reader
 *   `received` is what the namespaces received, as of the last read
 */

/**
 * @param {import("../../../dist/index.js").Namespace} namespace
 * @param {import("../../../dist/index.js").CounterOptions} options
 * @returns {Promise<Reader>}
 */
async function sweeping(namespace, options) {
  const reader = await openCounters(namespace, options);
  const into = reader.allocate();
  return {
    read: () => reader.read(into),
    received: () => bytesReceived(into, reader.rows),
  };
}

/**
 * @param {string} rival
 * @param {Awaited<ReturnType<typeof makeOurs>>} made
 * @returns {Promise<Reader>}
 */
async function readerOf(rival, { bridge, endpoints }) {
  if (rival === "ours") return await sweeping(host, { master: bridge.index, farEnds: true });
  if (rival === "ours each") {
    const readers = await Promise.all(
      endpoints.map(({ namespace, index }) => sweeping(namespace, { links: [index] })),
    );
    return {
      read: () => Promise.all(readers.map((reader) => reader.read())),
      received: () => readers.reduce((sum, reader) => sum + reader.received(), 0),
    };
  }
  let links = /** @type {{ stats64: { tx: { bytes: number } } }[]} */ ([]);
  return {
    read: async () => {
      links = JSON.parse(await ip("-s", "-j", "link", "show", "master", bridgeName));
    },
    received: () => links.reduce((sum, { stats64 }) => sum + stats64.tx.bytes, 0),
  };
}

function bytesSentToNamespaces() {
  const hostEnds = readDevices().filter(({ name }) => name.startsWith(hostEndPrefix));
  return hostEnds.reduce((sum, { sent }) => sum + sent, 0);
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureNamespaces({ rival, n, quick, commands }) {
  const made = await makeOurs(n, false);
  await untilUp(bridgeName);
  for (const n of made.endpoints.keys()) await untilUp(hostEndName(n));
  await sendBroadcasts(gateway, "10.200.255.255");
  const before = bytesSentToNamespaces();
  const check = (bytes = 0) => {
    // The bridge may send a group membership report of its own at any time.
    const after = bytesSentToNamespaces();
    const holds = bytes > 0 && bytes >= before && bytes <= after;
    verify(holds, `${before} to ${after} bytes received, but ${bytes}`);
  };
  const repeats = quick ? 100 : 200;
  const program = commands["floor counters"] ?? [];
  if (rival === "floor") {
    const result = await runProgram(program, "sweep", repeats);
    verify(result.links?.[0] === n + 2, "the bridge, lo and all host ends are counted");
    return { read: result.read ?? [] };
  }
  if (rival === "floor each") {
    const result = await runProgram(program, "namespaces", repeats, n);
    check(result.received?.[0]);
    return { read: result.read ?? [] };
  }
  const reader = await readerOf(rival, made);
  await reader.read();
  check(reader.received());
  return { read: await sample(rival === "ip -s -j" ? 10 : repeats, reader.read) };
}
