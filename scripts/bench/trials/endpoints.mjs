// Endpoints on one bridge, made and removed; and what the event loop does meanwhile.

import {
  addAddress,
  createEndpoints,
  createLink,
  deleteEndpoints,
  deleteLink,
  listAddresses,
  listLinks,
  listNamespaces,
  listRoutes,
  openNamespace,
} from "../../../dist/index.js";
import { host, interfaces, settle } from "../host.mjs";
import { inFlight, ip, ipBatch, runProgram } from "../programs.mjs";
import {
  addressOf,
  bridgeName,
  gateway,
  hostEndName,
  hostEndPrefix,
  namespaceName,
} from "../shape.mjs";
import { idleGap, longestGap, timed, verify } from "../timing.mjs";

/**
 * What sets up and tears down; both return the microseconds that it took.
 *
 * @typedef {{ up: (n: number) => Promise<number>, down: (n: number) => Promise<number> }} Driver
 */

/** @param {number} count */
const upTo = (count) => Array.from({ length: count }, (_, n) => n);

/**
 * The bridge, and endpoints made by this library.
 *
 * @param {number} count
 * @param {boolean} ipv6
 */
export async function makeOurs(count, ipv6) {
  const bridge = await createLink(host, { kind: "bridge", name: bridgeName, up: true });
  await addAddress(host, bridge, `${gateway}/16`);
  const results = await createEndpoints(
    host,
    upTo(count).map((n) => ({
      namespace: { name: namespaceName(n), ipv6 },
      address: addressOf(n),
      gateway,
      host: { name: hostEndName(n), master: bridge.index },
    })),
  );
  const endpoints = results.map(({ endpoint, error }) => {
    if (endpoint === undefined) throw error;
    return endpoint;
  });
  return { bridge, endpoints };
}

/**
 * @param {boolean} ipv6
 * @returns {Driver}
 */
function ours(ipv6) {
  let made = /** @type {Awaited<ReturnType<typeof makeOurs>> | undefined} */ (undefined);
  return {
    up: (n) =>
      timed(async () => {
        made = await makeOurs(n, ipv6);
      }),
    down: () =>
      timed(async () => {
        if (made === undefined) return;
        const { bridge, endpoints } = made;
        await Promise.all([deleteEndpoints(host, endpoints), deleteLink(host, bridge)]);
      }),
  };
}

/**
 * @param {readonly string[]} command
 * @param {boolean} ipv6
 * @returns {Driver}
 */
function program(command, ipv6) {
  const run = async (/** @type {string} */ what, /** @type {number} */ n) =>
    (await runProgram(command, what, n, ...(ipv6 ? ["ipv6"] : [])))[what]?.[0] ?? Number.NaN;
  return { up: (n) => run("up", n), down: (n) => run("down", n) };
}

const bridgeCommands = [
  `link add ${bridgeName} up type bridge`,
  `address add ${gateway}/16 dev ${bridgeName}`,
];

/** @param {number} n */
const outsideCommands = (n) => [
  `netns add ${namespaceName(n)}`,
  `link add ${hostEndName(n)} up master ${bridgeName} type veth peer name eth0 netns ${namespaceName(n)}`,
];

/** @param {number} n */
const insideCommands = (n) => [
  `address add ${addressOf(n)} dev eth0`,
  "link set eth0 up",
  "link set lo up",
  `route add default via ${gateway}`,
];

/** The namespaces take their veths along, in the kernel's own time. */
async function untilHostEndsAreGone() {
  while (interfaces().some((name) => name.startsWith(hostEndPrefix))) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** @type {Driver} */
const batch = {
  up: (count) =>
    timed(async () => {
      await ipBatch([...bridgeCommands, ...upTo(count).flatMap(outsideCommands)]);
      for (const n of upTo(count)) await ipBatch(insideCommands(n), "-n", namespaceName(n));
    }),
  down: (count) =>
    timed(async () => {
      await ipBatch(upTo(count).map((n) => `netns delete ${namespaceName(n)}`));
      await untilHostEndsAreGone();
      await ip("link", "delete", bridgeName);
    }),
};

/**
 * @param {number} atOnce
 * @returns {Driver}
 */
function commands(atOnce) {
  const run = (/** @type {string} */ line) => ip(...line.split(" "));
  return {
    up: (count) =>
      timed(async () => {
        for (const line of bridgeCommands) await run(line);
        await inFlight(count, atOnce, async (n) => {
          for (const line of outsideCommands(n)) await run(line);
          for (const line of insideCommands(n)) await run(`-n ${namespaceName(n)} ${line}`);
        });
      }),
    down: (count) =>
      timed(async () => {
        await inFlight(count, atOnce, (n) => run(`netns delete ${namespaceName(n)}`));
        await untilHostEndsAreGone();
        await run(`link delete ${bridgeName}`);
      }),
  };
}

/**
 * @param {import("../cell.mjs").Assignment} assignment
 * @param {boolean} ipv6
 * @returns {Driver}
 */
function driverOf({ rival, commands: programs }, ipv6) {
  if (rival === "ours") return ours(ipv6);
  if (rival === "ip -batch") return batch;
  if (rival === "ip x8") return commands(8);
  if (rival === "ip") return commands(1);
  return program(programs[rival === "floor" ? "floor endpoints" : rival] ?? [], ipv6);
}

/** @param {number} n */
async function verifyEndpoint(n) {
  const inside = await openNamespace({ name: namespaceName(n) });
  const links = await listLinks(inside);
  const [outer] = (await listLinks(host, { master: { name: bridgeName } })).filter(
    ({ name }) => name === hostEndName(n),
  );
  const addresses = await listAddresses(inside, { link: { name: "eth0" }, family: "inet" });
  const routes = await listRoutes(inside, { family: "inet" });
  await inside.close();
  verify(links.filter(({ up }) => up).length === 2, `lo and eth0 of ${n} are up`);
  verify(outer?.up === true && outer.carrier, `host end ${n} is a port, up, with a carrier`);
  verify(addresses[0]?.address === addressOf(n), `the address of ${n} is right`);
  verify(
    routes.some(({ to, via }) => to === "default" && via === gateway),
    `the default route of ${n} is right`,
  );
}

/** @param {Driver} driver */
async function verifyDriver(driver) {
  const count = 3;
  await driver.up(count);
  for (const n of upTo(count)) await verifyEndpoint(n);
  await driver.down(count);
  verify(interfaces().join() === "lo", "no link is left");
  verify((await listNamespaces()).length === 0, "no name is left");
  await settle();
}

/**
 * @param {import("../cell.mjs").Assignment} assignment
 * @param {{ ipv6: boolean }} options
 */
export async function measureEndpoints(assignment, { ipv6 }) {
  const { n, quick } = assignment;
  const driver = driverOf(assignment, ipv6);
  await verifyDriver(driver);
  const samples = { up: /** @type {number[]} */ ([]), down: /** @type {number[]} */ ([]) };
  const repeats = n <= 10 ? 3 : n <= 100 && !quick ? 2 : 1;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    if (repeat > 0) await settle();
    samples.up.push(await driver.up(n));
    samples.down.push(await driver.down(n));
  }
  return samples;
}

/**
 * The gaps of this process's loop. The floor runs in a process beside it, which shows what the
 * scheduler does to a loop that has nothing to do.
 *
 * @param {import("../cell.mjs").Assignment} assignment
 */
export async function measureGap(assignment) {
  const { n } = assignment;
  const driver = driverOf(assignment, false);
  await verifyDriver(driver);
  const up = await longestGap(() => driver.up(n));
  const down = await longestGap(() => driver.down(n));
  await settle();
  return { up: [up.gap], down: [down.gap], idle: [await idleGap(up.took + down.took)] };
}
