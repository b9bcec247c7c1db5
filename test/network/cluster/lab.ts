// Several hosts for a test: namespaces on one underlay, each with a controller, that share a store.

import { expect } from "vitest";
import { addAddress, addRoute, createLink, setLink } from "../../../lib/index.ts";
import {
  type Controller,
  type ControllerOptions,
  openController,
  openMemoryStore,
  type SandboxOptions,
  type Store,
} from "../../../lib/network/index.ts";
import { sandbox } from "../../../lib/testing/sandbox.ts";
import { bridge, ip, type Sandbox, type Testimony } from "../../support/sandbox.ts";

/** A host with its controller, which can end and come again. */
export interface Host {
  readonly number: number;
  /** What its controllers are called. */
  readonly name: string;
  readonly host: Sandbox;
  /** By which other hosts reach it. */
  readonly address: string;
  /** The present controller. */
  controller: Controller;
  /** Its handle on the store. */
  store: Store;
  /** Opens another controller in the place of the one that there is. */
  open(options?: Partial<ControllerOptions>): Promise<Controller>;
  /** A sandbox whose name is that of the word, on this host, with a handle that is closed for you. */
  create(word: string, options?: SandboxOptions): Promise<Sandbox>;
}

/** Several hosts. */
export interface ClusterLab {
  readonly hosts: readonly Host[];
  /** In the middle of the underlay, and the hosts' default route. */
  readonly world: Sandbox;
  /** A handle on the store, which no controller uses. */
  readonly store: Store;
}

/** How the hosts of a lab are. */
export interface LabOptions {
  readonly count?: number;
  /** Opens a handle on the one store, for the nth host or for nobody. Default: one in memory for all. */
  readonly openStore?: (host?: number) => Promise<Store>;
  readonly underlay?: "IPv4" | "IPv6";
  readonly cluster?: { readonly ttlMs?: number; readonly repairMs?: number };
}

let labs = 0;

async function named(name: string): Promise<Sandbox> {
  return Object.assign(await sandbox({ name, ipv6: true }), { name });
}

const worldAddress = { IPv4: "192.0.2.254", IPv6: "2001:db8:2::ff" };

/** The address of the nth host. */
export function hostAddress(number: number, underlay: "IPv4" | "IPv6" = "IPv4"): string {
  return underlay === "IPv4" ? `192.0.2.${number}` : `2001:db8:2::${number.toString(16)}`;
}

async function wire(world: Sandbox, host: Sandbox, number: number): Promise<void> {
  const peer = { name: "up0", namespace: host };
  const name = `h${number}`;
  await createLink(world, { kind: "veth", name, master: { name: "lan0" }, up: true, peer });
  const flags = ["noDad"] as const;
  await addAddress(host, peer, `${hostAddress(number)}/24`);
  await addAddress(host, peer, { address: `${hostAddress(number, "IPv6")}/64`, flags });
  await setLink(host, { name: "up0" }, { up: true });
  await addRoute(host, { to: "default", via: worldAddress.IPv4 });
}

async function buildWorld(world: Sandbox): Promise<void> {
  const link = { name: "lan0" };
  await createLink(world, { kind: "bridge", ...link, up: true });
  await addAddress(world, link, `${worldAddress.IPv4}/24`);
  await addAddress(world, link, { address: `${worldAddress.IPv6}/64`, flags: ["noDad"] });
}

/** What of a host is to be as before, when all networks are gone. */
async function stateOf(host: Sandbox): Promise<Testimony> {
  return {
    links: (await ip(host, "link")).map(({ ifname }) => ifname),
    routes: (await ip(host, "route")).map(({ dst, protocol }) => `${dst} ${protocol}`),
  };
}

/**
 * Runs a test with hosts that share a store, purges them, and expects each to be as it was, and the
 * store to have nothing of them.
 */
export async function withCluster(
  test: (lab: ClusterLab) => Promise<void>,
  { count = 2, openStore, underlay = "IPv4", cluster = {} }: LabOptions = {},
): Promise<void> {
  labs += 1;
  const prefix = `vethwork-${process.pid}-c${labs}-`;
  const memory = openMemoryStore();
  const openHandle = openStore ?? (async () => memory);
  const undo: (() => Promise<unknown>)[] = [];
  const handles: AsyncDisposable[] = [];
  const hosts: Host[] = [];
  const world = await named(`${prefix}w`);
  undo.push(() => world[Symbol.asyncDispose]());
  try {
    await buildWorld(world);
    const states: Testimony[] = [];
    for (let number = 1; number <= count; number += 1) {
      const host = await named(`${prefix}h${number}`);
      undo.push(() => host[Symbol.asyncDispose]());
      await wire(world, host, number);
      states.push(await stateOf(host));
      const address = hostAddress(number, underlay);
      const open = async (options: Partial<ControllerOptions> = {}) => {
        const store = options.store ?? own.store ?? (await openHandle(number));
        const controller = await openController({
          ...{ host, store, name: `h${number}`, waitMs: 30_000 },
          cluster: { address: own.address, ttlMs: 3000, repairMs: 1000, ...cluster },
          ...options,
        });
        Object.assign(own, { controller, store });
        return controller;
      };
      const create = async (word: string, options: SandboxOptions = {}) => {
        const name = `${prefix}${word}`;
        await own.controller.createSandbox({ name, ...options });
        const handle = await own.controller.openSandbox(name);
        handles.push(handle);
        return Object.assign(handle, { name });
      };
      const own = { number, name: `h${number}`, host, address, open, create } as Host;
      await open();
      hosts.push(own);
    }
    const store = await openHandle();
    await test({ hosts, world, store });
    for (const handle of handles) await handle[Symbol.asyncDispose]();
    for (const { controller } of hosts) await controller.purge();
    for (const { name } of (await hosts[0]?.controller.listNetworks()) ?? []) {
      await hosts[0]?.controller.deleteNetwork(name);
    }
    for (const [position, { host }] of hosts.entries()) {
      expect(await stateOf(host)).toEqual(states[position]);
    }
    const { entries } = await store.list("");
    const left = entries.map(({ key }) => key).filter((key) => !key.endsWith("/turn"));
    expect(left.filter((key) => !/^cluster\/hosts\/|\/(lock|names)$/.test(key))).toEqual([]);
    for (const one of hosts) {
      await one.controller.close();
      if (one.store !== store) await one.store.close();
    }
    await store.close();
  } finally {
    for (const step of undo.toReversed()) await step().catch(() => undefined);
  }
}

/** What the kernel of a host knows of endpoints on others, by network: from bridge(8) and ip(8). */
export async function known(
  { controller, name: _ }: Pick<Host, "controller" | "name">,
  network: string,
): Promise<readonly string[]> {
  const space = await spaceOf(controller, network);
  if (space === undefined) return [];
  const there = { name: space } as Sandbox;
  const entries = await bridge(there, "fdb", "show", "dev", "vxlan0");
  const neighbours = await ip(there, "neigh", "show", "dev", "vxlan0", "nud", "permanent");
  return [
    ...entries.filter(({ dst }) => dst).map(({ mac, dst }) => `${mac} at ${dst}`),
    ...neighbours.map(({ dst, lladdr }) => `${dst} is ${lladdr}`),
  ].sort();
}

/** The name of the namespace in which a host has its part of an overlay; `undefined` if it has none. */
async function spaceOf(controller: Controller, network: string): Promise<string | undefined> {
  const sandboxes = await controller.listSandboxes();
  for (const { id } of sandboxes) {
    const { connections } = await controller.inspectSandbox(id);
    const found = connections.find((one) => one.network.name === network);
    if (found !== undefined) return String(found.network.settings.namespace);
  }
  return undefined;
}

/** What it is to know: all members on other hosts, as the store says. */
export async function planned(
  { controller, name }: Pick<Host, "controller" | "name">,
  network: string,
): Promise<readonly string[]> {
  const { members = [] } = await controller.inspectNetwork(network);
  if (!members.some(({ host }) => host === name)) return [];
  return members
    .filter(({ host }) => host !== name)
    .flatMap(({ mac, hostAddress: at, addresses }) => [
      `${mac} at ${at}`,
      ...addresses.map((address) => `${address.split("/")[0]} is ${mac}`),
    ])
    .sort();
}

/** Waits until every host's kernel is as planned, and the plan is the same for all. */
export async function settled(hosts: readonly Host[], network: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const pairs = hosts.map(async (host) => [
          await known(host, network),
          await planned(host, network),
        ]);
        const differing = (await Promise.all(pairs)).filter(
          ([is, should]) => JSON.stringify(is) !== JSON.stringify(should),
        );
        return differing;
      },
      { timeout: 20_000, interval: 50 },
    )
    .toEqual([]);
}

/** The address that a sandbox has on a network. */
export async function addressOf(
  { controller }: Host,
  sandbox: Sandbox,
  network: string,
  position = 0,
): Promise<string> {
  const { connections } = await controller.inspectSandbox(sandbox.name);
  const found = connections.find((one) => one.network.name === network);
  return found?.endpoint.addresses[position]?.split("/")[0] ?? "";
}
