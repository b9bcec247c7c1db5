// Packets from one host to another: through our network, the same made by hand, and the plain link.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ip } from "../programs.mjs";
import { sandboxOf } from "./lab.mjs";
import { makeHosts } from "./underlay.mjs";

const run = promisify(execFile);

/** Two ends of a path: named namespaces, and the address of the second. @typedef {{ from: string, to: string, address: string }} Path */

const runs = 3;
const pings = 300;

/**
 * The same by hand: in each host a bridge with a VXLAN that knows the other host's MAC address, and
 * an end of the same size of packets.
 *
 * @param {readonly import("./underlay.mjs").Host[]} hosts
 * @returns {Promise<Path>}
 */
async function makeByHand(hosts) {
  const mac = (/** @type {number} */ n) => `02:00:00:00:00:0${n}`;
  for (const { name, number, address } of hosts) {
    const there = ["-n", name];
    const end = `end${number}`;
    await ip("netns", "add", end);
    const vxlan = ["type", "vxlan", "id", "42", "dstport", "4789", "local", address, "nolearning"];
    await ip(...there, "link", "add", "br0", "mtu", "1450", "type", "bridge");
    await ip(...there, "link", "add", "vx0", "mtu", "1450", ...vxlan);
    const peer = ["peer", "name", "eth0", "mtu", "1450", "address", mac(number), "netns", end];
    await ip(...there, "link", "add", "port0", "mtu", "1450", "type", "veth", ...peer);
    for (const port of ["vx0", "port0"]) {
      await ip(...there, "link", "set", port, "master", "br0", "up");
    }
    await ip(...there, "link", "set", "br0", "up");
    const other = hosts.find((one) => one.number !== number);
    if (other === undefined) throw new Error("no other host");
    const entry = [mac(other.number), "dev", "vx0", "dst", other.address, "self", "permanent"];
    await run("bridge", ["-n", name, "fdb", "append", ...entry]);
    await ip("-n", end, "address", "add", `10.9.0.${number}/24`, "dev", "eth0");
    await ip("-n", end, "link", "set", "eth0", "up");
    const neighbour = [`10.9.0.${other.number}`, "lladdr", mac(other.number), "dev", "eth0"];
    await ip("-n", end, "neigh", "replace", ...neighbour, "nud", "permanent");
  }
  return { from: "end1", to: "end2", address: "10.9.0.2" };
}

/**
 * Between the first sandboxes of two hosts.
 *
 * @param {import("./lab.mjs").Lab} lab
 * @returns {Promise<Path>}
 */
async function ourPath({ hosts: [one, other] }) {
  if (one === undefined || other === undefined) throw new Error("no hosts");
  const to = sandboxOf(other, 0);
  const { address } = await other.process.ask("look", other.number, to);
  return { from: sandboxOf(one, 0), to, address };
}

/** A command inside. @param {string} name @param {...string} line */
const inside = (name, ...line) => [`--net=/run/netns/${name}`, ...line];

/** Bits in a second, of one stream of TCP. @param {Path} path @param {string} program */
async function measureRate({ from, to, address }, program) {
  const server = spawn("nsenter", inside(to, program, "-s", "-1"), { stdio: "ignore" });
  const ended = once(server, "exit");
  await sleep(300);
  const line = inside(from, program, "-c", address, "-t", "1", "-O", "0.2", "-J");
  const { stdout } = await run("nsenter", line, { maxBuffer: 1 << 24 });
  await ended;
  return Number(JSON.parse(stdout).end.sum_received.bits_per_second);
}

/** Microseconds there and back. @param {Path} path */
async function measureRoundTrips({ from, address }) {
  const options = ["-n", "-c", String(pings), "-i", "0.002"];
  const { stdout } = await run("nsenter", inside(from, "ping", ...options, address));
  return Array.from(stdout.matchAll(/time=([\d.]+) ms/g), ([, ms]) => Number(ms) * 1000);
}

/**
 * @param {"ours" | "ip" | "veth"} rival
 * @param {readonly string[] | undefined} iperf3 its command; without it, only round trips are measured
 * @param {import("./lab.mjs").Lab} [lab] whose hosts ours is between
 * @returns {Promise<Record<string, number[]>>}
 */
export async function measurePath(rival, iperf3, lab) {
  const path = lab === undefined ? await pathOf(rival) : await ourPath(lab);
  const roundTrips = await measureRoundTrips(path);
  const rates = /** @type {number[]} */ ([]);
  const [program] = iperf3 ?? [];
  for (let n = 0; program !== undefined && n < runs; n += 1) {
    rates.push(await measureRate(path, program));
  }
  return { rate: rates, rtt: roundTrips };
}

/** @param {string} rival @returns {Promise<Path>} */
async function pathOf(rival) {
  const hosts = await makeHosts(2);
  return rival === "ip" ? await makeByHand(hosts) : { from: "h1", to: "h2", address: "192.0.2.2" };
}
