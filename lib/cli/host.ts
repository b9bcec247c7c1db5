// The host that commands act on, and its plan: opened for a command, and closed after it.

import { hostname } from "node:os";
import { type Namespace, openNamespace } from "../index.ts";
import { type ClusterOptions, type Controller, openController } from "../network/index.ts";
import type { Call } from "./call.ts";
import { type Options, UsageError } from "./command.ts";
import { isShared, openStore } from "./store.ts";

/** Options of all commands that act on a host. */
export const hostOptions: Options = {
  host: {
    value: "NAME|PATH",
    help: "the namespace that plays the host, by its name in /run/netns or by a path; that of the command itself unless it is given",
  },
  store: {
    value: "DIRECTORY|URL,…",
    help: "where the plan is kept: a directory, /var/lib/vethwork unless it is given, or members of an etcd, as http://127.0.0.1:2379, whose user and password are in VETHWORK_STORE_USER and VETHWORK_STORE_PASSWORD, or servers of ZooKeeper, as zookeeper://127.0.0.1:2181/vethwork",
    property: "directory",
  },
  table: {
    value: "NAME",
    help: "the table of nftables on the host; vethwork unless it is given",
    property: "table",
  },
};

/** Directories whose files are namespaces by their names. */
const named = /^\/(?:var\/)?run\/netns\/([^/]+)$/;

/** Where a host's namespace is, and what it is called among hosts that share a store. */
function placeOf(host: string | undefined) {
  if (host === undefined) return {};
  const name = host.includes("/") ? named.exec(host)?.[1] : host;
  if (name !== undefined) return { place: { name }, plan: `netns.${name}` };
  return { place: { path: host }, plan: `path${host.replaceAll("/", ".")}` };
}

/** Under what a host's plan goes. Where machines share a store, each has its own hosts. */
function planName(host: string | undefined, store: string | undefined): string | undefined {
  const { plan } = placeOf(host);
  if (plan === undefined) return undefined;
  const machine = isShared(store) ? `${hostname().replace(/[^\w.-]/g, "-")}.` : "";
  if (/^[\w.-]{1,63}$/.test(machine + plan)) return machine + plan;
  const most = 63 - machine.length - "netns.".length;
  const rule = `must be at most ${most} letters, digits, '_', '.' and '-', with '/' in a path`;
  throw new UsageError(`--host ${JSON.stringify(host)} ${rule}`);
}

/** Opens the namespace that plays the host. */
export async function openHost(call: Call): Promise<Namespace> {
  const { place } = placeOf(call.text("host"));
  return await openNamespace(place);
}

/** What a controller does besides a command's work, for as long as that takes. */
export interface Duties {
  readonly serveNames?: boolean;
  /** Keeps the host's place among those that share the store. */
  readonly cluster?: ClusterOptions;
}

/**
 * Runs a piece of work with a controller of the host, and gives everything back.
 *
 * A controller that lives for one change does not serve names: they would end with it.
 */
export async function withController<T>(
  call: Call,
  { serveNames = false, cluster }: Duties,
  work: (controller: Controller, host: Namespace) => Promise<T>,
): Promise<T> {
  const place = call.text("store");
  const plan = planName(call.text("host"), place);
  const table = call.text("table");
  await using host = await openHost(call);
  await using store = await openStore(place);
  await using controller = await openController({
    ...{ host, store, serveNames },
    ...(plan === undefined ? {} : { name: plan }),
    ...(table === undefined ? {} : { table }),
    ...(cluster === undefined ? {} : { cluster }),
  });
  return await work(controller, host);
}
