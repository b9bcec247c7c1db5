// Namespaces for a test, and the independent witnesses that look into them.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, vi } from "vitest";
import {
  createLink,
  getLink,
  type Link,
  listAddresses,
  type Namespace,
  NetlinkError,
  setLink,
} from "../../lib/index.ts";
import { sandbox } from "../../lib/testing/sandbox.ts";

const run = promisify(execFile);

let made = 0;

/** A named namespace, so that `ip -n NAME` can look into it. Gone, with all in it, afterwards. */
export interface Sandbox extends Namespace {
  readonly name: string;
}

async function createSandbox(ipv6: boolean): Promise<Sandbox> {
  made += 1;
  const name = `vethwork-${process.pid}-${made}`;
  return Object.assign(await sandbox({ name, ipv6 }), { name });
}

/** So many sandboxes. */
interface Sandboxes {
  1: [Sandbox];
  2: [Sandbox, Sandbox];
  3: [Sandbox, Sandbox, Sandbox];
}

/** Runs a test in so many fresh namespaces: the "host" of a test is one of them too. */
export async function withSandboxes<Count extends keyof Sandboxes, T>(
  count: Count,
  test: (sandboxes: Sandboxes[Count]) => Promise<T>,
  options: { ipv6?: boolean } = {},
): Promise<T> {
  const sandboxes: Sandbox[] = [];
  try {
    for (let n = 0; n < count; n += 1) sandboxes.push(await createSandbox(options.ipv6 ?? true));
    return await test(sandboxes as Sandboxes[Count]);
  } finally {
    for (const each of sandboxes) await each[Symbol.asyncDispose]();
  }
}

/**
 * What a witness says. Its shape is the witness's business, and a test that relies on a member that
 * is not there fails.
 */
// biome-ignore lint/suspicious/noExplicitAny: a typed copy of iproute2's output would be no witness
export type Testimony = any;

/** What `ip -j -d ARGS` says inside, parsed. */
export async function ip(sandbox: Sandbox, ...args: string[]): Promise<Testimony[]> {
  const { stdout } = await run("ip", ["-n", sandbox.name, "-j", "-d", ...args], { maxBuffer: 1e8 });
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

/** What `ip address show` says of a link once it has a carrier, of which the kernel tells later. */
export async function linkInUse(sandbox: Sandbox, name: string): Promise<Testimony> {
  return await vi.waitFor(
    async () => {
      const [link] = await ip(sandbox, "address", "show", name);
      expect(link).toMatchObject({ operstate: "UP" });
      return link as Testimony;
    },
    { timeout: 20_000 },
  );
}

/** What `bridge -j -d ARGS` says inside, parsed. */
export async function bridge(sandbox: Sandbox, ...args: string[]): Promise<Testimony[]> {
  const { stdout } = await run("bridge", ["-n", sandbox.name, "-j", "-d", ...args]);
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

/** Runs a program inside and gives its output; rejects when it fails. */
export async function inside(sandbox: Sandbox, file: string, ...args: string[]): Promise<string> {
  return (await run("ip", ["netns", "exec", sandbox.name, file, ...args])).stdout;
}

/** True if one of three ICMP echoes from inside comes back, the last within a second. */
export async function pings(sandbox: Sandbox, address: string): Promise<boolean> {
  try {
    await inside(sandbox, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", address);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a test in a fresh namespace that has nothing but `lo` and a veth pair, `eth0` and `far0`,
 * both up.
 */
export async function withPair(
  test: (sandbox: Sandbox, near: Link, far: Link) => Promise<void>,
  options: { ipv6?: boolean } = {},
): Promise<void> {
  await withSandboxes(
    1,
    async ([sandbox]) => {
      const [near, far] = await join(sandbox, sandbox);
      if (options.ipv6 ?? true) await Promise.all([near, far].map((link) => settle(sandbox, link)));
      await test(sandbox, near, far);
    },
    options,
  );
}

/** Waits until the kernel, which is told of carriers later, has made the link-local address. */
async function settle(sandbox: Sandbox, link: Link): Promise<void> {
  const made = async () => expect(await listAddresses(sandbox, { link })).toHaveLength(1);
  await vi.waitFor(made, { timeout: 5000, interval: 2 });
}

/** Joins two sandboxes, or one with itself, by a veth pair: `eth0` on the left, `far0`; both up. */
export async function join(left: Sandbox, right: Sandbox): Promise<[near: Link, far: Link]> {
  const peer = { name: "far0", namespace: right };
  const near = await createLink(left, { kind: "veth", name: "eth0", up: true, peer });
  await setLink(right, { name: "far0" }, { up: true });
  return [near, await getLink(right, { name: "far0" })];
}

/** What tells one refusal from another; undefined if the work is not refused. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: unknown; field?: unknown; property?: unknown } | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError) return { code: error.code, field: error.field };
    if (!(error instanceof Error) || !("code" in error) || !("property" in error)) throw error;
    return { code: error.code, property: error.property };
  }
}

/** The refusal of a value that is out of range, and of what has the wrong type or is unknown. */
export const outOfRange = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });
export const wrongType = (property: string) => ({ code: "ERR_INVALID_ARG_TYPE", property });
