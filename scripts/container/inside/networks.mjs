// Trials of the network model: two networks, names, a published port, isolation, all taken away.

import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec, listen, lookup, openNamespace, ping } from "vethwork";
import { openController, openLmdbStore, openMemoryStore } from "vethwork/network";
import { within } from "./within.mjs";

/** @typedef {import("vethwork").Namespace} Namespace */
/** @typedef {import("vethwork/network").Controller} Controller */
/** @typedef {import("vethwork/network").Store} Store */

/** Asks for a name as programs do: by the resolv.conf that the sandbox's programs find. */
const asking = `
  require("node:dns").lookup("db", { family: 4 }, (error, address) => {
    console.log(error ? error.message : address);
  });`;

/**
 * @param {Namespace} from
 * @param {string} to
 */
async function reaches(from, to) {
  return await ping(from, to, { timeoutMs: 500 }).then(
    () => true,
    (error) => {
      if (error.code === "ETIMEDOUT" || error.code === "ENETUNREACH") return false;
      throw error;
    },
  );
}

/**
 * An HTTP server in a sandbox, asked at a port of the container.
 *
 * @param {Namespace} shop
 */
async function askPublished(shop) {
  const server = createServer((request, reply) => reply.end(`asked for ${request.url}`));
  await listen(shop, { port: 80, server });
  try {
    const headers = { connection: "close" };
    return await (await fetch("http://127.0.0.1:8080/shop", { headers })).text();
  } finally {
    server.close();
    await once(server, "close");
  }
}

/**
 * @param {Controller} controller
 * @param {string} sandbox
 */
async function addressOf(controller, sandbox) {
  const { connections } = await controller.inspectSandbox(sandbox);
  return connections[0]?.endpoint.addresses[0]?.split("/")[0] ?? "";
}

/**
 * What does not work. What may not, warnings tell: they depend on the machine.
 *
 * @param {Controller} controller
 */
async function wrongWith(controller) {
  const found = await controller.doctor();
  return found.flatMap(({ level, code, problem }) =>
    level === "error" ? [`${code}: ${problem}`] : [],
  );
}

/** @param {Controller} controller */
async function useNetworks(controller) {
  await controller.createNetwork({ name: "web", subnets: [{ subnet: "10.5.0.0/24" }] });
  await controller.createNetwork({ name: "back", subnets: [{ subnet: "10.6.0.0/24" }] });
  await controller.createSandbox({ name: "db", networks: ["web"] });
  await controller.createSandbox({ name: "shop", networks: ["web"], ports: ["8080:80"] });
  await controller.createSandbox({ name: "vault", networks: ["back"] });
  return await within(controller.openSandbox("shop"), async (shop) => {
    const vault = await addressOf(controller, "vault");
    const apart = !(await reaches(shop, vault));
    await controller.connect("back", "shop");
    return {
      apart,
      joined: await reaches(shop, vault),
      found: (await lookup(shop, "db")).map(({ address }) => address),
      foundByProgram: (await exec(shop, process.execPath, ["-e", asking])).stdout.trim(),
      answer: await askPublished(shop),
      unplanned: (await controller.plan()).length,
      wrong: await wrongWith(controller),
    };
  });
}

/**
 * Works with a controller of the container's own namespace, and takes everything away.
 *
 * @template T
 * @param {Store} store
 * @param {(controller: Controller) => Promise<T>} work
 */
function withController(store, work) {
  return within(store, () =>
    within(openNamespace(), (host) =>
      within(openController({ host, store, name: "container" }), work),
    ),
  );
}

/** @param {Store} store */
function networksIn(store) {
  return withController(store, async (controller) => {
    try {
      const seen = await useNetworks(controller);
      await controller.deleteSandbox("vault");
      return { ...seen, deleted: !existsSync("/run/netns/vault") };
    } finally {
      await controller.purge();
    }
  });
}

function networksInMemory() {
  return networksIn(openMemoryStore());
}

async function networksOnDisk() {
  const directory = mkdtempSync(join(tmpdir(), "plan-"));
  try {
    return await networksIn(await openLmdbStore({ directory }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What is missing, said before anything is tried. */
function diagnosing() {
  return withController(openMemoryStore(), async (controller) => {
    return { wrong: await wrongWith(controller) };
  });
}

export const networks = { diagnosing, networksInMemory, networksOnDisk };
