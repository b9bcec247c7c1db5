// A whole host for a test: a namespace with a controller, and a world outside of it.

import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect } from "vitest";
import { addAddress, addRoute, createLink, setLink } from "../../../lib/index.ts";
import {
  type Controller,
  type ControllerOptions,
  openController,
  openMemoryStore,
  type Sandbox as Planned,
  type SandboxOptions,
  type Store,
} from "../../../lib/network/index.ts";
import { ip, type Sandbox, type Testimony, withSandboxes } from "../../support/sandbox.ts";
import { lan } from "../traffic.ts";

const run = promisify(execFile);

export { curl, lan, serving } from "../traffic.ts";

/** A host with its controller, and the world outside. */
export interface Lab {
  readonly host: Sandbox;
  /** What the host has a link `lan0` to. It knows no route to any network of the host. */
  readonly world: Sandbox;
  readonly controller: Controller;
  readonly store: Store;
  /** A name that no other test of the machine has; the same one for the same word. */
  readonly named: (word: string) => string;
  /** A sandbox whose name is that of the word. */
  readonly create: (word: string, options?: SandboxOptions) => Promise<Placed>;
  /** A handle on a sandbox that is there; closed after the test. */
  readonly open: (planned: Planned) => Promise<Placed>;
}

/** A sandbox with a handle on it, which the witnesses take by its name. */
export interface Placed extends Sandbox {
  readonly planned: Planned;
}

let made = 0;

/** What of a host a controller changes, said by witnesses. */
async function stateOf(host: Sandbox, prefix: string): Promise<Testimony> {
  const { stdout: rules } = await run("ip", [
    ...["netns", "exec", host.name, "nft", "-j", "list", "ruleset"],
  ]);
  const settings = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];
  const values = settings.map(async (name) =>
    (await run("ip", ["netns", "exec", host.name, "cat", `/proc/sys/${name}`])).stdout.trim(),
  );
  const names = async (directory: string) =>
    (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(prefix));
  return {
    links: (await ip(host, "link")).map(({ ifname }) => ifname),
    routes: (await ip(host, "route")).map(({ dst }) => dst),
    rules: JSON.parse(rules).nftables.filter((one: Testimony) => one.metainfo === undefined),
    settings: await Promise.all(values),
    namespaces: await names("/run/netns"),
    files: await names("/etc/netns"),
  };
}

/** The host's own resolv.conf, which has it ask the world outside. */
async function writeResolvConf(host: Sandbox): Promise<() => Promise<void>> {
  const directory = `/etc/netns/${host.name}`;
  const text = `nameserver ${lan.world}\nsearch corp.example\noptions timeout:2\n`;
  await mkdir(directory, { recursive: true });
  await writeFile(`${directory}/resolv.conf`, text);
  return () => rm(directory, { recursive: true });
}

async function joinWorld(host: Sandbox, world: Sandbox): Promise<void> {
  const peer = { name: "lan0", namespace: world };
  await createLink(host, { kind: "veth", name: "lan0", up: true, peer });
  const link = { name: "lan0" };
  const flags = ["noDad"] as const;
  await Promise.all([
    setLink(world, link, { up: true }),
    addAddress(host, link, `${lan.host}/24`),
    addAddress(world, link, `${lan.world}/24`),
    addAddress(host, link, { address: `${lan.host6}/64`, flags }),
    addAddress(world, link, { address: `${lan.world6}/64`, flags }),
  ]);
  await addRoute(host, { to: "default", via: lan.world });
  await addRoute(host, { to: "default", via: lan.world6 });
}

/**
 * Runs a test with a host and its controller, purges, and expects the host to be as it was and the
 * store to be empty.
 */
export async function withLab(
  test: (lab: Lab) => Promise<void>,
  options: Partial<Omit<ControllerOptions, "host" | "store">> = {},
): Promise<void> {
  await withSandboxes(2, async ([host, world]) => {
    await joinWorld(host, world);
    const forget = await writeResolvConf(host);
    made += 1;
    const prefix = `vethwork-${process.pid}-lab${made}-`;
    const named = (word: string) => `${prefix}${word}`;
    const before = await stateOf(host, prefix);
    const store = openMemoryStore();
    const controller = await openController({ host, store, name: "lab", ...options });
    const placed: Placed[] = [];
    const open = async (planned: Planned) => {
      const { name } = planned;
      const one = Object.assign(await controller.openSandbox(name), { name, planned });
      placed.push(one);
      return one;
    };
    const create = async (word: string, more: SandboxOptions = {}) =>
      await open(await controller.createSandbox({ name: named(word), ...more }));
    try {
      await test({ host, world, controller, store, named, create, open });
    } finally {
      await Promise.all(placed.map((one) => one.close()));
      await controller.purge();
      await controller.close();
      const { entries } = await store.list("");
      await store.close();
      await forget();
      // Which address was given last, where they go round, says nothing of anybody.
      expect(entries.map(({ key }) => key).filter((key) => !key.endsWith("/turn"))).toEqual([]);
      expect(await stateOf(host, prefix)).toEqual(before);
    }
  });
}

/** The nth address that a sandbox has on a network, without its prefix length. */
export async function addressOn(
  { controller }: Lab,
  sandbox: Sandbox,
  network: string,
  position = 0,
): Promise<string> {
  const { connections } = await controller.inspectSandbox(sandbox.name);
  const found = connections.find((one) => one.network.name === network);
  const [address] = found?.endpoint.addresses[position]?.split("/") ?? [];
  if (address === undefined) throw new Error(`${sandbox.name} has no such address on ${network}`);
  return address;
}

/** True if an ICMP echo comes back, which is awaited for so many seconds at most. */
export async function reaches(from: Sandbox, to: string, seconds = 3): Promise<boolean> {
  try {
    const args = ["-n", "-c", "1", "-W", String(seconds), to];
    await run("ip", ["netns", "exec", from.name, "ping", ...args]);
    return true;
  } catch {
    return false;
  }
}

/** What a file is to the programs in a sandbox. */
export async function fileIn(sandbox: Sandbox, path: string): Promise<string> {
  return (await run("ip", ["netns", "exec", sandbox.name, "cat", path])).stdout;
}

/** What is in a file of the machine. */
export async function fileAt(path: string): Promise<string> {
  return await readFile(path, "utf8");
}

/** The answers of dig(1) in a sandbox, which asks the server of its resolv.conf. */
export async function dig(from: Sandbox, ...args: string[]): Promise<string[]> {
  const all = ["netns", "exec", from.name, "dig", "+short", "+tries=1", "+time=2", ...args];
  const { stdout } = await run("ip", all).catch((error: { code: unknown; stdout: string }) => {
    if (error.code === 9) return { stdout: "" }; // nobody answered
    throw error;
  });
  return stdout.split("\n").filter((line) => line !== "");
}

/** The default routes of a sandbox, as `via` and device. */
export async function defaultsOf(sandbox: Sandbox, family: "-4" | "-6" = "-4"): Promise<string[]> {
  const routes = await ip(sandbox, family, "route", "show", "default");
  return routes.map(({ gateway, dev }) => `${gateway} ${dev}`);
}
