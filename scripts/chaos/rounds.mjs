// What happens to hosts by chance: sandboxes come and go, processes, ways and cables are cut, the store is
// started anew.

import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "./remote.mjs";

/** @typedef {import("./lab.mjs").Lab} Lab */
/** @typedef {import("./lab.mjs").Host} Host */
/** @typedef {import("../random.mjs").Random} Random */
/** @typedef {(lab: Lab, random: Random) => Promise<unknown>} Deed */

export const networks = /** @type {const} */ (["n0", "n1"]);

/** Refusals that come of chance, and of what is done to the store and the processes meanwhile. */
const expected = new Set([
  ...["NETWORK_EXISTS", "NETWORK_MISSING", "NETWORK_IN_USE", "SANDBOX_EXISTS", "SANDBOX_MISSING"],
  ...["ENDPOINT_EXISTS", "ENDPOINT_MISSING", "NAMESPACE_EXISTS", "NAMESPACE_MISSING"],
  ...["STORE_FAILED", "STORE_BUSY", "LEASE_LOST", "HOST_ABSENT", "ADDRESS_TAKEN", "ENDED"],
]);

/** @param {Lab} lab @param {Random} random */
function someHost({ hosts }, random) {
  const host = hosts[random.integer(0, hosts.length - 1)];
  if (host === undefined) throw new Error("no hosts");
  return host;
}

/** @param {Lab} lab @param {Host} host @param {Random} random */
const someSandbox = ({ word }, { name }, random) => `${word}${name}-s${random.integer(0, 3)}`;

/** @type {Record<string, { weight: number, deed: Deed }>} */
export const deeds = {
  "create a sandbox": {
    weight: 14,
    deed: (lab, random) => {
      const host = someHost(lab, random);
      const name = someSandbox(lab, host, random);
      const chosen = networks.filter(() => random.chance(0.6));
      return host.controller.call("createSandbox", { name, networks: chosen });
    },
  },
  "delete a sandbox": {
    weight: 6,
    deed: (lab, random) => {
      const host = someHost(lab, random);
      return host.controller.call("deleteSandbox", someSandbox(lab, host, random));
    },
  },
  connect: {
    weight: 6,
    deed: (lab, random) => {
      const host = someHost(lab, random);
      const name = someSandbox(lab, host, random);
      return host.controller.call("connect", random.pick(networks), name);
    },
  },
  disconnect: {
    weight: 6,
    deed: (lab, random) => {
      const host = someHost(lab, random);
      const name = someSandbox(lab, host, random);
      return host.controller.call("disconnect", random.pick(networks), name);
    },
  },
  "create a network": {
    weight: 3,
    deed: (lab, random) => {
      const name = random.pick(networks);
      return someHost(lab, random).controller.call("createNetwork", { name, driver: "overlay" });
    },
  },
  "delete a network": {
    weight: 2,
    deed: (lab, random) =>
      someHost(lab, random).controller.call("deleteNetwork", random.pick(networks)),
  },
  "kill a process": {
    weight: 3,
    deed: async (lab, random) => {
      const host = someHost(lab, random);
      await sleep(random.integer(0, 300));
      host.restarting ??= host.restart().finally(() => {
        host.restarting = undefined;
      });
      await host.restarting;
    },
  },
  "cut a way to the store": {
    weight: 2,
    deed: async (lab, random) => {
      const { way } = someHost(lab, random);
      way.cut();
      await sleep(random.integer(50, 5000));
      way.heal();
    },
  },
  "cut a cable": {
    weight: 2,
    deed: async (lab, random) => {
      const host = someHost(lab, random);
      await lab.cable(host, false);
      await sleep(random.integer(50, 4000));
      await lab.cable(host, true);
    },
  },
  "start the store anew": {
    weight: 1,
    deed: async (lab, random) => {
      lab.restarting ??= (async () => {
        await lab.etcd.kill();
        await sleep(random.integer(0, 4000));
        await lab.etcd.launch();
      })().finally(() => {
        lab.restarting = undefined;
      });
      await lab.restarting;
    },
  },
};

/**
 * A few deeds at once. Returns what was refused that should not have been.
 *
 * @param {Lab} lab
 * @param {Random} random
 */
export async function round(lab, random) {
  const [first, ...more] = Object.entries(deeds).map(([name, one]) => ({ name, ...one }));
  if (first === undefined) throw new Error("there is nothing to do");
  const chosen = Array.from({ length: random.integer(1, 6) }, () =>
    random.weighted([first, ...more]),
  );
  const done = chosen.map(async ({ name, deed }) => {
    try {
      await deed(lab, random);
      return [];
    } catch (error) {
      if (error instanceof Refusal && expected.has(error.code)) return [];
      return [`${name}: ${error}`];
    }
  });
  return { names: chosen.map(({ name }) => name), wrong: (await Promise.all(done)).flat() };
}
