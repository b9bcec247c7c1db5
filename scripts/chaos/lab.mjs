// Hosts on one underlay, each with a controller in a process of its own and a way to one etcd.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  addAddress,
  addRoute,
  createLink,
  createNamespace,
  deleteNamespace,
  openNamespace,
  setLink,
} from "../../dist/index.js";
import { openEtcdStore } from "../../dist/network/index.js";
import { Remote } from "./remote.mjs";
import { Way } from "./way.mjs";

export const run = promisify(execFile);
export const ttlMs = 2000;
const prefix = "chaos/";

async function freePort() {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

/** A server of its own, with a directory that goes with it. */
export class Etcd {
  /** @param {string} directory @param {number} port @param {number} peer */
  constructor(directory, port, peer) {
    this.directory = directory;
    this.endpoint = `http://127.0.0.1:${port}`;
    const urls = { client: this.endpoint, peer: `http://127.0.0.1:${peer}` };
    this.args = [
      ...["--data-dir", join(directory, "data"), "--log-level", "error", "--name", "m"],
      ...["--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
      ...["--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer],
      ...["--initial-cluster", `m=${urls.peer}`],
    ];
  }

  static async start() {
    const directory = await mkdtemp(join(tmpdir(), "vethwork-chaos-"));
    const etcd = new Etcd(directory, await freePort(), await freePort());
    await etcd.launch();
    return etcd;
  }

  async launch() {
    this.child = spawn("etcd", this.args, { stdio: "ignore" });
    for (let attempt = 0; attempt < 600; attempt += 1) {
      const answer = await fetch(`${this.endpoint}/health`).catch(() => undefined);
      if ((await answer?.text().catch(() => ""))?.includes("true")) return;
      await sleep(100);
    }
    throw new Error("etcd does not serve");
  }

  async kill() {
    const { child } = this;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async end() {
    await this.kill();
    await rm(this.directory, { recursive: true });
  }
}

/** One host, and the process that has its controller. */
export class Host {
  /** @param {number} number @param {import("../../dist/index.js").Namespace} namespace @param {string} netns @param {Way} way */
  constructor(number, namespace, netns, way) {
    this.name = `h${number}`;
    this.address = `192.0.2.${number}`;
    this.namespace = namespace;
    this.netns = netns;
    this.way = way;
    /** @type {Remote} */
    this.controller = this.begin();
    /** @type {Promise<void> | undefined} */
    this.restarting = undefined;
  }

  /** @returns {Remote} */
  begin() {
    const { name, address, netns: host, way } = this;
    this.controller = new Remote({ host, name, address, endpoint: way.endpoint, prefix, ttlMs });
    return this.controller;
  }

  /** Another process, until one has come so far as to be asked. */
  async restart() {
    await this.controller.kill();
    for (;;) {
      const { open } = this.begin();
      const isOpen = await open.then(
        () => true,
        () => false,
      );
      if (isOpen) return;
      await this.controller.ended;
    }
  }
}

/** All of it. */
export class Lab {
  /** @type {Host[]} */
  hosts = [];
  word = `vethwork-${process.pid}-`;
  /** @type {Promise<void> | undefined} */
  restarting;

  /** @param {Etcd} etcd @param {import("../../dist/index.js").Namespace} world */
  constructor(etcd, world) {
    this.etcd = etcd;
    this.world = world;
  }

  /** @param {number} count */
  static async start(count) {
    const here = await openNamespace();
    await setLink(here, { name: "lo" }, { up: true });
    await here.close();
    const etcd = await Etcd.start();
    const world = await createNamespace({ name: `vethwork-${process.pid}-world` });
    const lab = new Lab(etcd, world);
    await createLink(world, { kind: "bridge", name: "lan0", up: true });
    await addAddress(world, { name: "lan0" }, "192.0.2.254/24");
    for (let number = 1; number <= count; number += 1) lab.hosts.push(await lab.add(number));
    for (const { controller } of lab.hosts) await controller.open;
    return lab;
  }

  /** @param {number} number */
  async add(number) {
    const netns = `${this.word}host${number}`;
    const namespace = await createNamespace({ name: netns });
    const peer = { name: "up0", namespace };
    const name = `h${number}`;
    await createLink(this.world, {
      ...{ kind: "veth", name, master: { name: "lan0" }, up: true, peer },
    });
    await addAddress(namespace, peer, `192.0.2.${number}/24`);
    await setLink(namespace, { name: "up0" }, { up: true });
    await addRoute(namespace, { to: "default", via: "192.0.2.254" });
    return new Host(number, namespace, netns, await Way.open(this.etcd.endpoint));
  }

  /** A handle on the store that nobody else has. */
  async openStore() {
    return await openEtcdStore({ endpoints: [this.etcd.endpoint], prefix });
  }

  /** @param {Host} host @param {boolean} up */
  async cable({ name }, up) {
    await setLink(this.world, { name }, { up });
  }

  async end() {
    for (const { controller, namespace, netns, way } of this.hosts) {
      await controller.kill();
      await namespace.close();
      await deleteNamespace(netns);
      await way.close();
    }
    await this.world.close();
    await deleteNamespace(`${this.word}world`);
    await this.etcd.end();
  }
}
