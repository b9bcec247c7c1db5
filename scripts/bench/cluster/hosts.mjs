// A process with the controllers of some hosts, each with a handle of its own on the store.
//
// It is forked, and does what it is asked to; the answers have the numbers of the questions.

import { setTimeout as sleep } from "node:timers/promises";
import { openNamespace } from "../../../dist/index.js";
import { openController, openEtcdStore } from "../../../dist/network/index.js";

/** @typedef {import("./underlay.mjs").Host} Host */
/** @typedef {import("../../../dist/network/index.js").Controller} Controller */

/** @type {Map<number, { controller: Controller, close: () => Promise<void> }>} */
const opened = new Map();

/** How many sandboxes of a host are made at the same time. */
const together = 4;

/** @param {number} number */
function controllerOf(number) {
  const found = opened.get(number);
  if (found === undefined) throw new Error(`host ${number} is not open`);
  return found.controller;
}

/** @param {Host} own @param {{ endpoint: string, ttlMs: number }} options */
async function open({ number, name, address }, { endpoint, ttlMs }) {
  const host = await openNamespace({ name });
  const store = await openEtcdStore({ endpoints: [endpoint] });
  const cluster = { address, ttlMs };
  const controller = await openController({ host, store, name, cluster, waitMs: 60_000 });
  const close = async () => {
    await controller.close();
    await store.close();
    await host.close();
  };
  opened.set(number, { controller, close });
}

/** What is over when a lease was lost is begun anew: on a busy machine some are not renewed in time. */
const passing = ["LEASE_LOST", "HOST_ABSENT", "STORE_BUSY"];

/** @param {() => Promise<unknown>} work */
async function persist(work, attempts = 20) {
  try {
    await work();
  } catch (error) {
    const { code = "" } = /** @type {{ code?: string }} */ (error);
    if (attempts === 0 || !passing.includes(code)) throw error;
    await sleep(500);
    await persist(work, attempts - 1);
  }
}

/** @param {Controller} controller @param {string} sandbox */
async function connectionOf(controller, sandbox) {
  const { connections } = await controller.inspectSandbox(sandbox);
  return connections[0];
}

/** What this process can be asked. */
const calls = {
  open,

  /** @param {number} number @param {string} name */
  createNetwork: async (number, name) => {
    // Without the way out, which has nothing to do with other hosts.
    await controllerOf(number).createNetwork({
      ...{ name, driver: "overlay", internal: true },
      subnets: [{ subnet: "10.16.0.0/16" }],
    });
  },

  /** @param {number} number @param {string[]} names @param {string[]} networks */
  fill: async (number, names, networks) => {
    const controller = controllerOf(number);
    const left = [...names];
    const worker = async () => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        const options = { name, networks };
        await persist(() => controller.createSandbox(options));
      }
    };
    await Promise.all(Array.from({ length: together }, worker));
  },

  /** @param {number} number @param {string} network @param {string} sandbox */
  connect: async (number, network, sandbox) => {
    const controller = controllerOf(number);
    const begin = process.hrtime.bigint();
    const { addresses, mac } = await controller.connect(network, sandbox);
    const end = process.hrtime.bigint();
    return { begin, end, mac, address: addresses[0]?.split("/")[0] ?? "" };
  },

  /** @param {number} number @param {string} network @param {string} sandbox */
  disconnect: (number, network, sandbox) => controllerOf(number).disconnect(network, sandbox),

  /** The address of a sandbox, and the namespace of its host's part of the network. @param {number} number @param {string} sandbox */
  look: async (number, sandbox) => {
    const connection = await connectionOf(controllerOf(number), sandbox);
    return {
      network: connection?.network.id ?? "",
      mac: connection?.endpoint.mac ?? "",
      address: connection?.endpoint.addresses[0]?.split("/")[0] ?? "",
      space: String(connection?.network.settings.namespace),
    };
  },

  heap: async () => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  },

  close: async () => {
    await Promise.all(Array.from(opened.values(), ({ close }) => close()));
  },
};

/** @typedef {typeof calls} Calls */

process.on(
  "message",
  async (/** @type {{ id: number, call: keyof Calls, args: unknown[] }} */ question) => {
    const { id, call, args } = question;
    try {
      const work = /** @type {(...args: unknown[]) => Promise<unknown>} */ (calls[call]);
      process.send?.({ id, result: await work(...args) });
    } catch (error) {
      process.send?.({
        id,
        error: error instanceof Error ? (error.stack ?? error.message) : `${error}`,
      });
    }
  },
);
process.on("disconnect", () => process.exit(0));
