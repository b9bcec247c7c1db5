// What there is in the container that a trial could leave behind.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import {
  getForwarding,
  listAddresses,
  listLinks,
  listNamespaces,
  listRoutes,
  openNamespace,
} from "vethwork";
import { within } from "./within.mjs";

/** @param {string} path */
function entriesOf(path) {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

/** What this process holds open of other network namespaces. */
function foreign() {
  const home = readlinkSync("/proc/self/ns/net");
  return entriesOf("/proc/self/fd").flatMap((fd) => {
    try {
      const to = readlinkSync(`/proc/self/fd/${fd}`);
      return to.startsWith("net:") && to !== home ? [to] : [];
    } catch {
      return []; // the descriptor that read the directory
    }
  });
}

/** @param {string} path */
function linesOf(path) {
  return readFileSync(path, "utf8").trim().split("\n");
}

/** The package's own reader of nftables, which it does not export. */
const { listTables } = await import(
  new URL("dist/netfilter/ruleset.js", import.meta.resolve("vethwork/package.json")).href
);

/**
 * The tables of nftables, which nobody makes who may not list them.
 *
 * @param {import("vethwork").Namespace} namespace
 */
async function tables(namespace) {
  try {
    /** @type {readonly { family: string, table: string }[]} */
    const listed = await listTables(namespace);
    return listed.map(({ family, table }) => `${family} ${table}`);
  } catch (error) {
    if (/** @type {{ code?: unknown }} */ (error).code === "EPERM") return [];
    throw error;
  }
}

/** Everything that counts. */
function stock() {
  return within(openNamespace(), async (own) => ({
    links: (await listLinks(own)).map(({ name }) => name),
    addresses: (await listAddresses(own)).map(({ address }) => address),
    routes: (await listRoutes(own)).map(({ to }) => to),
    tables: await tables(own),
    forwarding: await getForwarding(own),
    names: (await listNamespaces()).map(({ name }) => name),
    files: entriesOf("/etc/netns"),
    temporary: entriesOf("/tmp"),
    // The directory of names stays a mount, as it does with ip-netns(8).
    mounts: linesOf("/proc/self/mountinfo").filter((line) => !line.includes(" /run/netns ")),
    foreign: foreign(),
    children: linesOf(`/proc/self/task/${process.pid}/children`),
  }));
}

/** Everything as it is now, and a function that tells what of it is otherwise by then. */
export async function takeStock() {
  const before = new Map(Object.entries(await stock()));
  return async () => {
    const now = Object.entries(await stock());
    const differing = now.filter(
      ([what, value]) => JSON.stringify(value) !== JSON.stringify(before.get(what)),
    );
    return Object.fromEntries(differing);
  };
}
