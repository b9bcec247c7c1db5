// One operation at a time, awaited before the next.

import {
  addAddress,
  addRoute,
  createLink,
  createNamespace,
  deleteNamespace,
  listAddresses,
  listLinks,
  listNamespaces,
  listRoutes,
  setLink,
} from "../../../dist/index.js";
import { host } from "../host.mjs";
import { ip, runProgram } from "../programs.mjs";
import { timed, verify } from "../timing.mjs";

/**
 * @typedef {{
 *   namespace: (name: string, keep: boolean) => Promise<unknown>,
 *   veth: (name: string, peer: string) => Promise<unknown>,
 *   bridge: (name: string) => Promise<unknown>,
 *   address: (link: string, address: string) => Promise<unknown>,
 *   route: (to: string, via: string) => Promise<unknown>,
 *   up: (link: string) => Promise<unknown>,
 * }} Operator
 */

/** @type {Operator} */
const ours = {
  namespace: async (name, keep) => {
    const namespace = await createNamespace({ name, loopback: false });
    await namespace.close();
    if (!keep) await deleteNamespace(name);
  },
  veth: (name, peer) =>
    createLink(host, {
      kind: "veth",
      name,
      transmitQueues: 1,
      receiveQueues: 1,
      peer: { name: peer, transmitQueues: 1, receiveQueues: 1 },
    }),
  bridge: (name) => createLink(host, { kind: "bridge", name, up: true }),
  address: (name, address) => addAddress(host, { name }, address),
  route: (to, via) => addRoute(host, { to, via }),
  up: (name) => setLink(host, { name }, { up: true }),
};

/** @type {Operator} */
const command = {
  namespace: async (name, keep) => {
    await ip("netns", "add", name);
    if (!keep) await ip("netns", "delete", name);
  },
  veth: (name, peer) => {
    const queues = ["numtxqueues", "1", "numrxqueues", "1"];
    return ip("link", "add", name, ...queues, "type", "veth", "peer", "name", peer, ...queues);
  },
  bridge: (name) => ip("link", "add", name, "up", "type", "bridge"),
  address: (name, address) => ip("address", "add", address, "dev", name),
  route: (to, via) => ip("route", "add", to, "via", via),
  up: (name) => ip("link", "set", name, "up"),
};

/**
 * @param {number} count
 * @param {(n: number) => Promise<unknown>} operation
 */
async function series(count, operation) {
  const samples = /** @type {number[]} */ ([]);
  for (let n = 0; n < count; n += 1) samples.push(await timed(() => operation(n)));
  return samples;
}

/** @param {string} prefix */
const network = (prefix) => `10.${prefix.charCodeAt(0)}`;

/**
 * @param {Operator} operator
 * @param {string} prefix
 * @param {number} count
 */
async function operate(operator, prefix, count) {
  const net = network(prefix);
  const samples = {
    namespace: await series(count, (n) => operator.namespace(`${prefix}n${n}`, false)),
    veth: await series(count, (n) => operator.veth(`${prefix}v${n}`, `${prefix}w${n}`)),
    bridge: await series(count, (n) => operator.bridge(`${prefix}b${n}`)),
    address: await series(count, (n) => operator.address(`${prefix}b0`, `${net}.0.${1 + n}/24`)),
    route: await series(count, (n) => operator.route(`${net}.128.${n}`, `${net}.0.250`)),
    up: await series(count, (n) => operator.up(`${prefix}v${n}`)),
  };
  await operator.namespace(`${prefix}last`, true);
  return samples;
}

/**
 * @param {string} prefix
 * @param {number} count
 */
async function verifyOperations(prefix, count) {
  const links = await listLinks(host);
  const named = (/** @type {string} */ name) => links.find((link) => link.name === name);
  const addresses = (await listAddresses(host)).map(({ address }) => address);
  const routes = await listRoutes(host, { family: "inet" });
  const net = network(prefix);
  for (let n = 0; n < count; n += 1) {
    verify(named(`${prefix}v${n}`)?.up === true, `veth ${n} is there and up`);
    verify(named(`${prefix}w${n}`)?.kind === "veth", `peer ${n} is there`);
    verify(named(`${prefix}b${n}`)?.kind === "bridge", `bridge ${n} is there`);
    verify(addresses.includes(`${net}.0.${1 + n}/24`), `address ${n} is there`);
    const route = routes.find(({ to }) => to.startsWith(`${net}.128.${n}`));
    verify(route?.via === `${net}.0.250`, `route ${n} is there`);
  }
  const names = (await listNamespaces()).map(({ name }) => name);
  verify(names.join() === `${prefix}last`, "namespaces were made and deleted");
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureOperations({ rival, commands }) {
  const operator = { ours, ip: command }[rival];
  const program = commands[rival === "floor" ? "floor operations" : rival] ?? [];
  const first = rival === "floor" ? [] : ["operations"];
  const run = (/** @type {string} */ prefix, /** @type {number} */ count) =>
    operator ? operate(operator, prefix, count) : runProgram(program, ...first, prefix, count);
  await run("a", 2);
  await verifyOperations("a", 2);
  return await run("b", rival === "ip" ? 10 : 40);
}
