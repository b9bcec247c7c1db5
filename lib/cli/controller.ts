// The controller that commands work with, by the options that all of them have.

import { type Namespace, openNamespace } from "../index.ts";
import { type Controller, openController, openLmdbStore } from "../network/index.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

const defaultStore = "/var/lib/vethwork";

/** Options of every command that works on networks. */
export const controllerOptions: Readonly<Record<"host" | "store" | "table", Option>> = {
  host: { value: "NAME|PATH", help: "the namespace that is the host; that of the process" },
  store: { value: "DIRECTORY", help: `where the plan is; ${defaultStore}` },
  table: { value: "NAME", help: "the table of nftables on the host; vethwork" },
};

function openHost(place: string | undefined): Promise<Namespace> {
  if (place === undefined) return openNamespace();
  return openNamespace(place.startsWith("/") ? { path: place } : { name: place });
}

/**
 * Does work with a controller, and gives everything back afterwards. Names are served by those that
 * stay, not by every command that comes and goes.
 */
export async function withController<T>(
  args: Arguments,
  work: (controller: Controller) => Promise<T>,
  serveNames = false,
): Promise<T> {
  const table = args.last("table");
  const host = await openHost(args.last("host"));
  try {
    const store = await openLmdbStore({ directory: args.last("store") ?? defaultStore });
    try {
      const options = { host, store, serveNames, ...(table === undefined ? {} : { table }) };
      const controller = await openController(options);
      try {
        return await work(controller);
      } finally {
        await controller.close();
      }
    } finally {
      await store.close();
    }
  } finally {
    await host.close();
  }
}

/** Values as `key=value`, by their keys. */
export function pairs(args: Arguments, option: string): Record<string, string> {
  return Object.fromEntries(
    args.all(option).map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new UsageError(`--${option} ${JSON.stringify(text)} is not KEY=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** Labels as `key` or `key=value`. */
export function labels(args: Arguments): Record<string, string> {
  return Object.fromEntries(
    args.all("label").map((text) => {
      const [key = "", ...value] = text.split("=");
      return [key, value.join("=")];
    }),
  );
}

/** Links as `sandbox:alias`, or `sandbox` by its own name: alias to sandbox. */
export function links(args: Arguments): Record<string, string> {
  return Object.fromEntries(
    args.all("link").map((text) => {
      const [target = "", alias = target, ...more] = text.split(":");
      if (more.length > 0) throw new UsageError(`--link ${text} is not SANDBOX:ALIAS`);
      return [alias, target];
    }),
  );
}

/** The addresses that were asked for, IPv4 first. */
export function addresses(args: Arguments): string[] {
  return [args.last("ip"), args.last("ip6")].filter((address) => address !== undefined);
}

/** A number, if one was given. */
export function integer(args: Arguments, option: string): number | undefined {
  const text = args.last(option);
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw new UsageError(`--${option} must be a number`);
  return Number(text);
}
