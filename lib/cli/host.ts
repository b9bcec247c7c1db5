// The host that commands act on, and its plan: opened for a command, and closed after it.

import { type Namespace, openNamespace } from "../index.ts";
import { type Controller, openController, openLmdbStore } from "../network/index.ts";
import type { Call } from "./call.ts";
import { type Options, UsageError } from "./command.ts";

/** Options of all commands that act on a host. */
export const hostOptions: Options = {
  host: {
    value: "NAME|PATH",
    help: "the namespace that plays the host, by its name in /run/netns or by a path; that of the command itself unless it is given",
  },
  store: {
    value: "DIRECTORY",
    help: "where the plan is kept; /var/lib/vethwork unless it is given",
    property: "directory",
  },
  table: {
    value: "NAME",
    help: "the table of nftables on the host; vethwork unless it is given",
    property: "table",
  },
};

const defaultStore = "/var/lib/vethwork";

/** Directories whose files are namespaces by their names. */
const named = /^\/(?:var\/)?run\/netns\/([^/]+)$/;

/** Where a host's namespace is, and under what its plan goes: hosts can share a store. */
function placeOf(host: string | undefined) {
  if (host === undefined) return {};
  const name = host.includes("/") ? named.exec(host)?.[1] : host;
  if (name !== undefined) return { place: { name }, plan: planName(`netns.${name}`, host) };
  return { place: { path: host }, plan: planName(`path${host.replaceAll("/", ".")}`, host) };
}

function planName(name: string, host: string): string {
  if (/^[\w.-]{1,63}$/.test(name)) return name;
  const rule = "must be at most 57 letters, digits, '_', '.' and '-', with '/' in a path";
  throw new UsageError(`--host ${JSON.stringify(host)} ${rule}`);
}

/** Opens the namespace that plays the host. */
export async function openHost(call: Call): Promise<Namespace> {
  const { place } = placeOf(call.text("host"));
  return await openNamespace(place);
}

/**
 * Runs a piece of work with a controller of the host, and gives everything back.
 *
 * A controller that lives for one change does not serve names: they would end with it.
 */
export async function withController<T>(
  call: Call,
  { serveNames = false }: { readonly serveNames?: boolean },
  work: (controller: Controller, host: Namespace) => Promise<T>,
): Promise<T> {
  const { plan } = placeOf(call.text("host"));
  const table = call.text("table");
  await using host = await openHost(call);
  await using store = await openLmdbStore({ directory: call.text("store") ?? defaultStore });
  await using controller = await openController({
    ...{ host, store, serveNames },
    ...(plan === undefined ? {} : { name: plan }),
    ...(table === undefined ? {} : { table }),
  });
  return await work(controller, host);
}
