// What a life does to a host: changes by chance, and one of each kind in a known place.

import { NetworkError } from "../../dist/network/index.js";

/** @typedef {import("../../dist/network/index.js").Controller} Controller */
/** @typedef {import("../random.mjs").Random} Random */

/** @type {readonly [string, ...string[]]} */
const networks = ["n0", "n1", "n2", "bridge"];

/** Refusals that come of chance: what is not there, or is there, or in use. */
const expected = new Set([
  ...["NETWORK_EXISTS", "NETWORK_MISSING", "NETWORK_IN_USE", "NETWORK_PREDEFINED"],
  ...["SANDBOX_EXISTS", "SANDBOX_MISSING", "SANDBOX_IN_USE", "NAMESPACE_MISSING"],
  ...["ENDPOINT_EXISTS", "ENDPOINT_MISSING", "MODE_CONFLICT", "TARGET_MISSING"],
  ...["SERVICE_EXISTS", "SERVICE_MISSING"],
]);

/** @param {string} prefix @param {Random} random */
const someSandbox = (prefix, random) => `${prefix}s${random.integer(0, 5)}`;

/** @typedef {(controller: Controller, prefix: string, random: Random) => Promise<unknown>} Change */

/** @type {Change} */
const createNetwork = (controller, _, random) =>
  controller.createNetwork({
    name: random.pick(networks),
    ipv6: random.chance(0.3),
    internal: random.chance(0.2),
  });

/** @type {Change} */
const createSandbox = (controller, prefix, random) => {
  const name = someSandbox(prefix, random);
  if (random.chance(0.1)) return controller.createSandbox({ name, mode: "none" });
  if (random.chance(0.1)) {
    return controller.createSandbox({ name, joins: someSandbox(prefix, random) });
  }
  const chosen = networks.filter(() => random.chance(0.4));
  const ports = random.chance(0.5) ? ["80", "53/udp"] : [];
  return controller.createSandbox({ name, networks: chosen, ports, hostname: "me" });
};

/** @type {Change} */
const connect = (controller, prefix, random) => {
  const network = random.pick(networks);
  const links = random.chance(0.2) ? { friend: someSandbox(prefix, random) } : {};
  const aliases = network !== "bridge" && random.chance(0.3) ? ["shared"] : [];
  return controller.connect(network, someSandbox(prefix, random), { links, aliases });
};

/** @type {readonly [Change, ...Change[]]} */
const changes = [
  createNetwork,
  ...[createSandbox, createSandbox, createSandbox, connect, connect],
  (controller, _, random) => controller.deleteNetwork(random.pick(networks)),
  (controller, prefix, random) => controller.deleteSandbox(someSandbox(prefix, random)),
  (controller, prefix, random) => controller.deleteSandbox(someSandbox(prefix, random)),
  (controller, prefix, random) =>
    controller.disconnect(random.pick(networks), someSandbox(prefix, random)),
  (controller, _, random) =>
    controller.createService({ network: random.pick(networks), name: "shared" }),
  (controller, _, random) => controller.deleteService(random.pick(networks), "shared"),
];

/**
 * One change by chance. What is refused because of how things stand is no failure.
 *
 * @param {Controller} controller
 * @param {string} prefix
 * @param {Random} random
 */
export async function changeSomething(controller, prefix, random) {
  try {
    await random.pick(changes)(controller, prefix, random);
  } catch (error) {
    if (!(error instanceof NetworkError) || !expected.has(error.code)) throw error;
  }
}

/**
 * How things stand before each of {@link single}: a network with a service and two sandboxes, one of
 * which publishes a port and is behind the service, and another network.
 *
 * @param {Controller} controller
 * @param {string} prefix
 */
export async function prepare(controller, prefix) {
  await controller.purge();
  await controller.createNetwork({ name: "n0" });
  await controller.createNetwork({ name: "n1", ipv6: true });
  const behind = { network: "n0", aliases: ["api"] };
  await controller.createSandbox({ name: `${prefix}s0`, networks: [behind], ports: ["8080:80"] });
  await controller.createSandbox({ name: `${prefix}s1`, networks: ["n0"] });
  await controller.createService({ network: "n0", name: "api" });
}

/** @type {Readonly<Record<string, (controller: Controller, prefix: string) => Promise<unknown>>>} */
export const single = {
  createNetwork: (controller) => controller.createNetwork({ name: "n2", ipv6: true }),
  createSandbox: (controller, prefix) =>
    controller.createSandbox({
      ...{ name: `${prefix}s2`, networks: ["n0", "n1"], ports: ["8081:80", "53/udp"] },
    }),
  connect: (controller, prefix) => controller.connect("n1", `${prefix}s0`),
  disconnect: (controller, prefix) => controller.disconnect("n0", `${prefix}s0`),
  deleteSandbox: (controller, prefix) => controller.deleteSandbox(`${prefix}s0`),
  deleteNetwork: (controller) => controller.deleteNetwork("n1"),
  createService: (controller) => controller.createService({ network: "n1", name: "web" }),
  deleteService: (controller) => controller.deleteService("n0", "api"),
  purge: (controller) => controller.purge(),
};
