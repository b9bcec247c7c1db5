// Several hosts whose store is in etcd, each by a way of its own that can be cut, and what becomes of
// them.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";
import { type EtcdStoreOptions, openEtcdStore } from "../../../lib/network/index.ts";
import { Way } from "../../../scripts/chaos/way.mjs";
import type { Etcd } from "../../support/etcd.ts";
import { bridge, inside, type Sandbox } from "../../support/sandbox.ts";
import { reaches } from "../model/lab.ts";
import { type ClusterLab, type Host, type LabOptions, settled, withCluster } from "./lab.ts";

/** Hosts with a store in etcd. */
export interface EtcdLab extends ClusterLab {
  /** The hosts' ways to the store, in their order. */
  readonly ways: readonly Way[];
  /** Below which the store is. */
  readonly prefix: string;
}

let labs = 0;

/** As `withCluster`, with a store in etcd. */
export async function withEtcdCluster(
  etcd: Etcd,
  test: (lab: EtcdLab) => Promise<void>,
  options: LabOptions & { readonly store?: Partial<EtcdStoreOptions> } = {},
): Promise<void> {
  labs += 1;
  const prefix = `clusters/${process.pid}/${labs}/`;
  const ways: Way[] = [];
  const openStore = async (host?: number) => {
    const way = host === undefined ? undefined : await Way.open(etcd.server.endpoint);
    if (way !== undefined) ways.push(way);
    const endpoints = [way?.endpoint ?? etcd.server.endpoint];
    return await openEtcdStore({ requestTimeoutMs: 3000, ...options.store, endpoints, prefix });
  };
  try {
    await withCluster((lab) => test({ ...lab, ways, prefix }), { ...options, openStore });
  } finally {
    for (const way of ways) await way.close();
  }
}

/** The namespace in which a host has its part of a network. */
export async function segmentOf({ controller }: Host, network: string): Promise<Sandbox> {
  for (const { id } of await controller.listSandboxes()) {
    const { connections } = await controller.inspectSandbox(id);
    const found = connections.find((one) => one.network.name === network);
    if (found !== undefined) return { name: String(found.network.settings.namespace) } as Sandbox;
  }
  throw new Error("the host has no part of it");
}

/** The hosts that a segment sends to, as bridge(8) says. */
export async function sendsTo(segment: Sandbox): Promise<string[]> {
  const entries = await bridge(segment, "fdb", "show", "dev", "vxlan0");
  return [...new Set(entries.flatMap(({ dst }) => dst ?? []))].sort() as string[];
}

/** Something that runs until it is asked what it has said. */
interface Running {
  end(): Promise<string>;
}

function run(file: string, ...args: readonly string[]): Running {
  const child: ChildProcess = spawn(file, [...args], { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  child.stdout?.on("data", (data) => {
    said += data;
  });
  const closed = once(child, "close");
  const end = async () => {
    child.kill("SIGINT");
    await closed;
    return said;
  };
  return { end };
}

/** What is deleted in a segment while it is looked at, as bridge(8) and ip(8) are told by the kernel. */
export function deletions({ name }: Sandbox): { end(): Promise<string[]> } {
  const lookers = [
    run("bridge", "-n", name, "monitor", "fdb"),
    run("ip", "-n", name, "monitor", "neigh"),
  ];
  const end = async () => {
    const said = (await Promise.all(lookers.map((one) => one.end()))).join("\n");
    return said.split("\n").filter((line) => /^Deleted .*(dst|lladdr)/i.test(line));
  };
  return { end };
}

/** A sandbox and its address. */
export interface Placed {
  readonly sandbox: Sandbox;
  readonly address: string;
}

/** Pings between all pairs, until they are ended: those that never came back, by pair. */
export function pinging(all: readonly Placed[]): { end(): Promise<string[]> } {
  const pairs = all.flatMap((from) =>
    all.filter((to) => to !== from).map((to) => ({ from: from.sandbox.name, to: to.address })),
  );
  const pings = pairs.map(({ from, to }) => ({
    pair: `${from} to ${to}`,
    running: run("ip", "netns", "exec", from, "ping", "-n", "-i", "0.2", to),
  }));
  const end = async () => {
    const lost = pings.map(async ({ pair, running }) => {
      const said = await running.end();
      const came = new Set(Array.from(said.matchAll(/icmp_seq=(\d+) ttl/g), ([, n]) => Number(n)));
      const last = Math.max(0, ...came);
      const missing = Array.from({ length: last }, (_, n) => n + 1).filter((n) => !came.has(n));
      return last === 0 ? [`${pair}: all`] : missing.map((n) => `${pair}: ${n} of ${last}`);
    });
    return (await Promise.all(lost)).flat();
  };
  return { end };
}

/** Waits until an address is reached from all that are elsewhere, and each from it. */
export async function allReach(all: readonly Placed[]): Promise<void> {
  const pairs = all.flatMap((from) => all.filter((to) => to !== from).map((to) => [from, to]));
  const failed = async () => {
    const results = pairs.map(async ([from, to]) => {
      if (from === undefined || to === undefined) return [];
      const isReached = await reaches(from.sandbox, to.address);
      return isReached ? [] : [`${from.sandbox.name} to ${to.address}`];
    });
    return (await Promise.all(results)).flat();
  };
  await expect.poll(failed, { timeout: 90_000, interval: 100 }).toEqual([]);
}

/** Waits until hosts know these and nobody else, kernel and all, and have nothing to be mended. */
export async function whole(
  hosts: readonly Host[],
  network: string,
  all: readonly Placed[],
): Promise<void> {
  const count = async () => {
    const seen = hosts.map(({ controller }) => controller.inspectNetwork(network));
    return (await Promise.all(seen)).map(({ members }) => members?.length);
  };
  await expect.poll(count, { timeout: 30_000 }).toEqual(hosts.map(() => all.length));
  await settled(hosts, network);
  for (const { controller } of hosts) {
    await expect.poll(() => controller.plan(), { timeout: 30_000 }).toEqual([]);
  }
  await allReach(all);
}

/** A sandbox on each host, on one network. */
export async function placeOnEach(
  { hosts }: ClusterLab,
  network: string,
  driver = "overlay",
): Promise<Placed[]> {
  await hosts[0]?.controller.createNetwork({ name: network, driver });
  const placed: Placed[] = [];
  for (const host of hosts) placed.push(await placeOn(host, network, `s${host.number}`));
  return placed;
}

/** One more sandbox. */
export async function placeOn(host: Host, network: string, word: string): Promise<Placed> {
  const sandbox = await host.create(word, { networks: [network] });
  const { connections } = await host.controller.inspectSandbox(sandbox.name);
  const found = connections.find((one) => one.network.name === network);
  return { sandbox, address: found?.endpoint.addresses[0]?.split("/")[0] ?? "" };
}

/** Cuts a host's cable, or mends it. */
export async function cable(
  { world }: ClusterLab,
  { number }: Host,
  state: "up" | "down",
): Promise<void> {
  await inside(world, "ip", "link", "set", `h${number}`, state);
}
