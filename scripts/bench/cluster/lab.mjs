// Hosts with their controllers, in processes, and endpoints on one network across them.

import { setTimeout as sleep } from "node:timers/promises";
import {
  listFdbEntries,
  listNeighbours,
  openNamespace,
  removeNeighbour,
  setLink,
} from "../../../dist/index.js";
import { host } from "../host.mjs";
import { startEtcd } from "./etcd.mjs";
import { HostProcess } from "./processes.mjs";
import { makeHosts } from "./underlay.mjs";
import { Witness } from "./witness.mjs";

/** @typedef {import("./underlay.mjs").Host} Host */

/**
 * How long the place of the last host outlives its process: as it is without being told. That of the
 * others outlives what a busy machine keeps them waiting.
 */
const ttlMs = 10_000;
const longTtlMs = 60_000;

/** In one process, so many event loops' work waits for each other. */
const mostHosts = 10;

export const network = "web";

/** @param {Host} host @param {number} k */
export const sandboxOf = ({ name }, k) => `${name}-s${k}`;

/** A host with the process that its controller is in. @typedef {Host & { process: HostProcess, space: string }} Placed */

/** Several hosts that share a store. */
export class Lab {
  /** @type {Placed[]} */
  hosts = [];
  /** @type {HostProcess[]} */
  processes = [];
  /** @type {Awaited<ReturnType<typeof startEtcd>> | undefined} */
  #etcd;

  get etcd() {
    if (this.#etcd === undefined) throw new Error("etcd was not started");
    return this.#etcd;
  }

  /**
   * Opens a controller for each of so many hosts. The last host has a process to itself.
   *
   * @param {number} count
   */
  async open(count) {
    await setLink(host, { name: "lo" }, { up: true });
    this.#etcd = await startEtcd();
    const hosts = await makeHosts(count);
    const shared = Math.max(1, Math.ceil((count - 1) / mostHosts));
    this.processes = Array.from({ length: shared + 1 }, () => new HostProcess());
    this.hosts = hosts.map((one, n) => {
      const process = this.processes[n === count - 1 ? shared : n % shared];
      if (process === undefined) throw new Error("a host is without a process");
      return { ...one, process, space: "" };
    });
    const { endpoint } = this.etcd;
    for (const { process, number, name, address } of this.hosts) {
      const options = { endpoint, ttlMs: number === count ? ttlMs : longTtlMs };
      await process.ask("open", { number, name, address }, options);
    }
    await this.hosts[0]?.process.ask("createNetwork", 1, network);
  }

  /**
   * Makes so many endpoints on each host, in every process on one host after the other: as fast as
   * all at once, and etcd renews the hosts' leases in time meanwhile.
   *
   * @param {number} each
   */
  async fill(each) {
    const numbers = Array.from({ length: each }, (_, k) => k);
    await Promise.all(
      this.processes.map(async (process) => {
        for (const one of this.hosts.filter((one) => one.process === process)) {
          const names = numbers.map((k) => sandboxOf(one, k));
          await process.ask("fill", one.number, names, [network]);
          one.space = (await process.ask("look", one.number, sandboxOf(one, 0))).space;
        }
      }),
    );
  }

  /** Waits until the kernel of every host knows so many endpoints of others. @param {number} remote */
  async converged(remote) {
    for (const { space } of this.hosts) {
      while ((await remotesIn(space)).length !== remote) await sleep(20);
    }
  }

  /** How many endpoints of others the kernels of all hosts know, each of its own. */
  async countRemotes() {
    let sum = 0;
    for (const { space } of this.hosts) sum += (await remotesIn(space)).length;
    return sum;
  }

  /** How many endpoints of a host the kernels of the others know. @param {Host} of */
  async countEntriesFor({ address, number }) {
    let sum = 0;
    for (const one of this.hosts.filter((one) => one.number !== number)) {
      sum += (await remotesIn(one.space)).filter((remote) => remote === address).length;
    }
    return sum;
  }

  /** A witness in the first sandbox of each host. @param {readonly string[]} command */
  witness(command) {
    return new Witness(
      command,
      this.hosts.map((one) => sandboxOf(one, 0)),
    );
  }

  /** Everything in the namespaces goes with the cell's own. */
  async close() {
    await Promise.all(this.processes.map((process) => process.end()));
    await this.#etcd?.end();
  }
}

/** The hosts of all endpoints that are known in a namespace. @param {string} name */
async function remotesIn(name) {
  const inside = await openNamespace({ name });
  const entries = await listFdbEntries(inside, { link: { name: "vxlan0" } });
  await inside.close();
  return entries.flatMap(({ remote }) => remote ?? []);
}

/**
 * Has a sandbox forget the MAC addresses of those who asked it. All namespaces of the kernel share
 * one table of 1,024 that are not permanent (`gc_thresh3`): some twenty sandboxes that 50 hosts have
 * asked would fill it.
 *
 * @param {string} name
 */
export async function flushSandbox(name) {
  const inside = await openNamespace({ name });
  const link = { name: "eth0" };
  const known = await listNeighbours(inside, { link });
  const removals = known.map(({ address }) => removeNeighbour(inside, link, { address }));
  await Promise.allSettled(removals);
  await inside.close();
}
