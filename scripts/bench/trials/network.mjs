// Sandboxes with a name and a published port on one bridge network; and one more connected.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, listen, lookup, setLink } from "../../../dist/index.js";
import { openController, openLmdbStore, openMemoryStore } from "../../../dist/network/index.js";
import { host } from "../host.mjs";
import { timed, verify } from "../timing.mjs";

/** A bridge takes 1,023 endpoints. */
const mostSpares = 50;
const mostEndpoints = 1023;
const firstPort = 20_000;

/** @typedef {import("../../../dist/network/index.js").Controller} Controller */

/**
 * @param {number} n
 * @param {readonly string[]} networks
 */
const options = (n, networks) => ({ name: `s${n}`, networks, ports: [`${firstPort + n}:80`] });

/**
 * That a sandbox answers at its published port, and by its name from another one.
 *
 * @param {Controller} controller
 * @param {number} n
 */
async function verifyOne(controller, n) {
  const own = await controller.openSandbox(`s${n}`);
  const server = await listen(own, { port: 80 }, (socket) => socket.end("here"));
  const socket = await connect(host, { host: "127.0.0.1", port: firstPort + n });
  let text = "";
  for await (const chunk of socket) text += chunk;
  server.close();
  verify(text === "here", "the published port is answered");
  const other = await controller.openSandbox("s0");
  const [found] = await lookup(other, `s${n}`);
  await Promise.all([own.close(), other.close()]);
  verify(found !== undefined, "it is found by its name");
}

/**
 * @param {Controller} controller
 * @param {number} n
 */
async function timeConnections(controller, n) {
  const spares = Math.min(mostSpares, mostEndpoints - n);
  const samples = /** @type {number[]} */ ([]);
  const numbers = Array.from({ length: spares }, (_, k) => n + k);
  for (const k of numbers) await controller.createSandbox(options(k, []));
  for (const k of numbers) samples.push(await timed(() => controller.connect("web", `s${k}`)));
  await verifyOne(controller, n + spares - 1);
  for (const k of numbers) await controller.deleteSandbox(`s${k}`);
  return samples;
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureNetwork({ rival, n }) {
  const directory = mkdtempSync(join(tmpdir(), "vethwork-bench-"));
  const onDisk = rival === "ours on disk";
  const store = onDisk ? await openLmdbStore({ directory }) : openMemoryStore();
  const controller = await openController({ host, store });
  const all = Array.from({ length: n }, (_, k) => k);
  try {
    await setLink(host, { name: "lo" }, { up: true });
    await controller.createNetwork({ name: "web" });
    const up = await timed(() =>
      Promise.all(all.map((k) => controller.createSandbox(options(k, ["web"])))),
    );
    await verifyOne(controller, n - 1);
    const connected = await timeConnections(controller, n);
    const down = await timed(() => Promise.all(all.map((k) => controller.deleteSandbox(`s${k}`))));
    verify((await controller.listSandboxes()).length === 0, "all are gone");
    return { up: [up], connect: connected, down: [down] };
  } finally {
    await controller.purge();
    await controller.close();
    await store.close();
    rmSync(directory, { recursive: true });
  }
}
