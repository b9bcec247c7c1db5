// Counters of all links of a namespace, and of one.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import {
  columnOf,
  counterRowLength,
  getCounters,
  getLink,
  listCounters,
  openCounters,
  openSampler,
} from "../../../dist/index.js";
import { fillWithLinks, host, readDevices } from "../host.mjs";
import { ip, runProgram } from "../programs.mjs";
import { counterLinkName } from "../shape.mjs";
import { sample, sampleSync, timed, verify } from "../timing.mjs";

/** @typedef {{ links: number, sent: number }} Totals how many links, and the bytes they sent */

/**
 * A way to read. `pause` is waited before each read, untimed; `totals` are of the last read.
 *
 * @typedef {{
 *   read: () => unknown, totals: () => Totals, sync?: boolean, pause?: number, few?: boolean,
 * }} Reader
 */

/** @typedef {{ index: number, name: string } | undefined} One the one link, or all */

const sentColumn = columnOf("txBytes");

/**
 * @param {BigUint64Array} counters
 * @param {number} rows
 * @returns {Totals}
 */
function totalsOf(counters, rows) {
  let sent = 0n;
  for (let row = 0; row < rows; row += 1) {
    sent += counters[row * counterRowLength + sentColumn] ?? 0n;
  }
  return { links: rows, sent: Number(sent) };
}

/** @param {readonly number[]} sent */
const totalsOfList = (sent) => ({ links: sent.length, sent: sent.reduce((a, b) => a + b, 0) });

/**
 * @param {One} one
 * @param {{ sync?: boolean, source?: "netlink" | "proc" }} options
 * @returns {Promise<Reader>}
 */
async function sweeping(one, { sync = false, source = "netlink" }) {
  const reader = await openCounters(host, { source, ...(one && { links: [one.index] }) });
  const into = reader.allocate();
  return {
    read: sync ? () => reader.readSync(into) : () => reader.read(into),
    totals: () => totalsOf(into, reader.rows),
    sync,
  };
}

/**
 * The newest sample, and a sum over its rates so that they have been read.
 *
 * @param {One} one
 * @returns {Promise<Reader>}
 */
async function sampling(one) {
  const sampler = await openSampler(host, { periodMs: 10, ...(one && { links: [one.index] }) });
  while (sampler.latest().number === 0) await sleep(1);
  return {
    read: () => {
      const { rates, rows } = sampler.latest();
      let sum = 0;
      for (let row = 0; row < rows; row += 1) sum += rates[row * counterRowLength] ?? 0;
      return sum;
    },
    totals: () => totalsOf(sampler.latest().counters, sampler.latest().rows),
    sync: true,
  };
}

/**
 * A reader whose every read gives the bytes that each link sent.
 *
 * @param {() => readonly number[] | Promise<readonly number[]>} list
 * @param {Omit<Reader, "read" | "totals">} options
 * @returns {Reader}
 */
function listing(list, options = {}) {
  let last = /** @type {readonly number[]} */ ([]);
  const keep = (/** @type {readonly number[]} */ sent) => {
    last = sent;
  };
  return {
    read: options.sync
      ? () => keep(/** @type {readonly number[]} */ (list()))
      : async () => keep(await list()),
    totals: () => totalsOfList(last),
    ...options,
  };
}

const sysfsFiles = ["packets", "bytes", "errors", "dropped"].flatMap((what) => [
  `rx_${what}`,
  `tx_${what}`,
]);

/** @param {string} name */
function readSysfs(name) {
  const [, , , sent = 0] = sysfsFiles.map((file) =>
    Number(readFileSync(`/sys/class/net/${name}/statistics/${file}`, "latin1")),
  );
  return sent;
}

/** @param {string} path */
const load = async (path) => await import(pathToFileURL(path).href);

/**
 * @param {One} one
 * @param {string} path
 */
async function npmNetlink(one, path) {
  const socket = (await load(path)).createRtNetlink();
  const sentBy = (/** @type {{ attrs: { stats64?: { txBytes?: bigint } } }} */ { attrs }) =>
    Number(attrs.stats64?.txBytes ?? Number.NaN);
  return listing(
    async () =>
      one
        ? [await socket.getLink({ index: one.index })].flat().map(sentBy)
        : (await socket.getLinks()).map(sentBy),
    { few: true },
  );
}

/**
 * It answers from a cache for half a second.
 *
 * @param {One} one
 * @param {string} path
 */
async function systeminformation(one, path) {
  const { default: library } = await load(path);
  const names = one ? [one.name] : readDevices().map(({ name }) => name);
  return listing(
    async () => {
      const rows = await library.networkStats(names.join(","));
      return rows.map((/** @type {{ tx_bytes: number }} */ row) => row.tx_bytes);
    },
    { pause: 600 },
  );
}

/**
 * @param {One} one
 * @param {Readonly<Record<string, readonly string[]>>} commands
 * @returns {Readonly<Record<string, () => Reader | Promise<Reader>>>}
 */
function readersOf(one, commands) {
  const only = (/** @type {{ name: string }} */ { name }) => one === undefined || name === one.name;
  const names = readDevices().map(({ name }) => name);
  const objects = async () => (one ? [await getCounters(host, one.index)] : listCounters(host));
  return {
    ours: () => sweeping(one, {}),
    "ours sync": () => sweeping(one, { sync: true }),
    "ours proc": () => sweeping(one, { source: "proc" }),
    "ours sampler": () => sampling(one),
    "ours objects": () =>
      listing(async () => (await objects()).map(({ txBytes }) => Number(txBytes))),
    "ip -s -j": () =>
      listing(
        async () => {
          const text = await ip("-s", "-j", "link", "show", ...(one ? ["dev", one.name] : []));
          const links = /** @type {{ stats64: { tx: { bytes: number } } }[]} */ (JSON.parse(text));
          return links.map(({ stats64 }) => stats64.tx.bytes);
        },
        { few: true },
      ),
    proc: () =>
      listing(
        () =>
          readDevices()
            .filter(only)
            .map(({ sent }) => sent),
        { sync: true },
      ),
    sysfs: () =>
      listing(() => (one ? [one.name] : names).map(readSysfs), { sync: true, few: !one }),
    netlink: () => npmNetlink(one, commands.netlink?.[0] ?? ""),
    systeminformation: () => systeminformation(one, commands.systeminformation?.[0] ?? ""),
  };
}

/** @param {Totals} totals @param {One} one */
function verifyTotals({ links, sent }, one) {
  const devices = readDevices().filter(({ name }) => one === undefined || name === one.name);
  verify(links === devices.length, `${devices.length} links, not ${links}`);
  const expected = totalsOfList(devices.map((device) => device.sent)).sent;
  verify(sent === expected && sent > 0, `${expected} bytes sent, not ${sent}`);
}

/**
 * @param {Reader} reader
 * @param {number} repeats
 */
async function sampleReader({ read, sync, pause, few }, repeats) {
  if (pause === undefined) {
    const times = few ? Math.ceil(repeats / 10) : repeats;
    return sync ? sampleSync(times, read) : await sample(times, async () => await read());
  }
  await sleep(pause);
  return [await timed(read)];
}

/**
 * @param {import("../cell.mjs").Assignment} assignment
 * @param {One} one
 * @param {number} repeats
 */
async function measureReads({ rival, commands }, one, repeats) {
  const prepare = readersOf(one, commands)[rival];
  if (prepare === undefined) {
    const floor = rival === "floor";
    const program = commands[floor ? "floor counters" : rival] ?? [];
    const what = [floor ? [] : "counters", one ? "one" : "sweep"].flat();
    const run = (/** @type {number} */ times) =>
      runProgram(program, ...what, times, ...(one ? [one.index] : []));
    const first = await run(1);
    verifyTotals({ links: first.links?.[0] ?? 0, sent: first.sent?.[0] ?? 0 }, one);
    return (await run(rival === "pyroute2" ? Math.ceil(repeats / 10) : repeats)).read ?? [];
  }
  const reader = await prepare();
  await reader.read();
  verifyTotals(reader.totals(), one);
  return await sampleReader(reader, repeats);
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureCounters(assignment) {
  const { n } = assignment;
  await fillWithLinks(n);
  const repeats = n <= 10 ? 500 : n <= 100 ? 200 : n <= 1000 ? 100 : 40;
  return { sweep: await measureReads(assignment, undefined, repeats) };
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureCounter(assignment) {
  await fillWithLinks(100);
  const name = counterLinkName(0);
  const { index } = await getLink(host, { name });
  return { read: await measureReads(assignment, { index, name }, 2000) };
}
