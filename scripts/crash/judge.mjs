// Whether plan and kernel agree after a life has ended, and whether anything of it is left.

import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import { ping } from "../../dist/index.js";

/** @typedef {import("../../dist/network/index.js").Controller} Controller */
/** @typedef {import("../../dist/network/index.js").Store} Store */
/** @typedef {{ readonly controller: Controller, readonly store: Store, readonly host: string, readonly prefix: string }} Scene */

const run = promisify(execFile);

/** @param {string} host @param {string} file @param {readonly string[]} args */
async function ask(host, file, args) {
  const { stdout } = await run("ip", ["netns", "exec", host, file, ...args], { maxBuffer: 1e8 });
  return stdout;
}

/** @param {string} directory @param {string} prefix */
async function namesIn(directory, prefix) {
  return (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(prefix));
}

/** @param {readonly string[]} names */
const sorted = (names) => [...names].sort();

/**
 * The tables that spread connections in each sandbox, as nft(8) sees them, and those that there are
 * to be.
 *
 * @param {Controller} controller
 * @param {readonly import("../../dist/network/index.js").Service[]} services
 * @param {readonly import("../../dist/network/index.js").SandboxDescription[]} sandboxes
 * @returns {Promise<[present: unknown, wanted: unknown]>}
 */
async function tables(controller, services, sandboxes) {
  const led = await Promise.all(
    services.map(async ({ network, id }) => await controller.inspectService(network, id)),
  );
  const placed = sandboxes.filter(({ namespace }) => namespace !== undefined);
  const present = placed.map(async ({ name }) => {
    const text = await ask(name, "nft", ["list", "tables"]);
    return [...text.matchAll(/vethwork-(\S*\d\S*)/g)].map(([, address]) => `${name} ${address}`);
  });
  const wanted = placed.flatMap(({ name, connections }) =>
    led
      .filter(({ network, holders }) => {
        return holders.length > 0 && connections.some((one) => one.network.id === network);
      })
      // nft(8) takes no colons in the names of tables.
      .flatMap(({ addresses }) =>
        addresses.map((address) => `${name} ${address.replaceAll(":", "-")}`),
      ),
  );
  return [sorted((await Promise.all(present)).flat()), sorted(wanted)];
}

/**
 * What there is, by witnesses, beside what there is to be, by the plan.
 *
 * @param {Scene} scene
 * @returns {Promise<readonly [what: string, present: unknown, wanted: unknown][]>}
 */
async function compared({ controller, store, host, prefix }) {
  const networks = await controller.listNetworks();
  const sandboxes = await controller.listSandboxes();
  const described = await Promise.all(sandboxes.map(({ id }) => controller.inspectSandbox(id)));
  const endpoints = described.flatMap(({ connections }) => connections.map((one) => one.endpoint));
  const placed = sandboxes.filter(({ namespace }) => namespace !== undefined);
  const names = placed.map(({ name }) => name);
  const routed = networks.filter(({ driver }) => driver === "bridge");
  /** @type {{ ifname: string }[]} */
  const links = JSON.parse(await ask(host, "ip", ["-j", "link"]));
  /** @type {{ nftables: Record<string, any>[] }} */
  const { nftables } = JSON.parse(await ask(host, "nft", ["-j", "list", "ruleset"]));
  const chains = nftables.flatMap(({ chain }) => (chain ? [String(chain.name)] : []));
  const published = nftables.flatMap(({ map }) =>
    map && String(map.name).startsWith("ports") ? (map.elem ?? []) : [],
  );
  const leading = described.flatMap(({ ports, connections }) =>
    ports.filter(({ hostAddress }) => {
      const six = hostAddress.includes(":");
      return connections.some(({ gateways }) => gateways.some((via) => via.includes(":") === six));
    }),
  );
  const { entries } = await store.list("ipam/crash/");
  const held = entries.flatMap(({ key, value }) => {
    const holder = /** @type {{ holder?: string }} */ (value).holder;
    return holder !== undefined && key.includes("held") ? [holder] : [];
  });
  const services = await controller.listServices();
  const setting = (await ask(host, "cat", ["/proc/sys/net/ipv4/ip_forward"])).trim();
  return [
    [
      "links",
      sorted(links.map(({ ifname }) => ifname)),
      sorted([
        "lo",
        ...routed.map(({ settings }) => String(settings.link)),
        ...endpoints.flatMap(({ hostLink }) => (hostLink ? [hostLink.name] : [])),
      ]),
    ],
    ["namespaces", sorted(await namesIn("/run/netns", prefix)), sorted(names)],
    ["files", sorted(await namesIn("/etc/netns", prefix)), sorted(names)],
    ["chains of networks", chains.filter((name) => name.startsWith("into-")).length, routed.length],
    ["published ports", published.length, leading.length],
    [
      "held addresses",
      sorted(held),
      sorted([...endpoints, ...services].flatMap(({ id, addresses }) => addresses.map(() => id))),
    ],
    ["tables of services", ...(await tables(controller, services, described))],
    ["forwarding", setting, routed.some(({ internal }) => !internal) ? "1" : "0"],
  ];
}

/**
 * Reaches its gateway from every sandbox that has one.
 *
 * @param {Scene} scene
 */
async function unreached({ controller }) {
  const failures = [];
  for (const { id, name } of await controller.listSandboxes()) {
    const { connections } = await controller.inspectSandbox(id);
    const [gateway] = connections.flatMap(({ gateways }) => gateways);
    if (gateway === undefined) continue;
    const sandbox = await controller.openSandbox(id);
    try {
      await ping(sandbox, gateway, { timeoutMs: 3000 });
    } catch (error) {
      failures.push(`${name} does not reach ${gateway}: ${error}`);
    } finally {
      await sandbox.close();
    }
  }
  return failures;
}

/**
 * What is wrong, as sentences; nothing if all is well.
 *
 * @param {Scene} scene
 * @returns {Promise<string[]>}
 */
export async function judge(scene) {
  const planned = await scene.controller.plan();
  const wrong = planned.map(({ subject, problem }) => `${subject}: ${problem}`);
  for (const [what, present, wanted] of await compared(scene)) {
    if (isDeepStrictEqual(present, wanted)) continue;
    wrong.push(`${what}: there are ${JSON.stringify(present)}, not ${JSON.stringify(wanted)}`);
  }
  return [...wrong, ...(await unreached(scene))];
}
