// What a watcher is asked for, checked.

import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { NounOfOption, WatchedNoun, WatchedRoutes, WatchOptions } from "./events.ts";

const nounOfOption: NounOfOption = {
  links: "link",
  addresses: "address",
  routes: "route",
  neighbours: "neighbour",
  rules: "rule",
  namespaces: "namespace",
};
const nounOptions = Object.keys(nounOfOption) as (keyof NounOfOption)[];
const knownOptions = [...nounOptions, "snapshot", "receiveBuffer", "signal"];

const defaultReceiveBuffer = 4 * 1024 * 1024;
const largestReceiveBuffer = 0x3fffffff;

/** What options come to. */
export interface Plan {
  readonly nouns: readonly WatchedNoun[];
  readonly snapshot: boolean;
  readonly receiveBuffer: number;
  /** 0: all. */
  readonly routeTable: number;
  readonly signal: AbortSignal | undefined;
}

const namedTables: Readonly<Record<string, number>> = {
  all: 0,
  default: 253,
  main: 254,
  local: 255,
};

/** The number of a table, 0 for all. */
export function checkRouteTable(property: string, table: unknown): number {
  const number = typeof table === "string" ? namedTables[table] : table;
  if (
    typeof number !== "number" ||
    !Number.isInteger(number) ||
    number < 0 ||
    number > 0xffffffff
  ) {
    const allowed = 'must be "main", "local", "default", "all" or an integer up to 4294967295';
    throw invalidArgument("range", property, allowed);
  }
  return number;
}

function routeTableOf(routes: boolean | WatchedRoutes | undefined): number {
  if (routes === undefined || typeof routes === "boolean") return checkRouteTable("routes", "main");
  refuseUnknown("routes", routes, ["table"], "routes.");
  return checkRouteTable("routes.table", routes.table ?? "main");
}

function checkFlag(property: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") {
    throw invalidArgument("type", property, "must be true or false");
  }
  return value;
}

function wants(option: keyof NounOfOption, options: WatchOptions): boolean {
  const value = options[option];
  if (option === "routes" && typeof value === "object" && value !== null) return true;
  return checkFlag(option, value);
}

function checkReceiveBuffer(bytes: unknown = defaultReceiveBuffer): number {
  if (typeof bytes !== "number") throw invalidArgument("type", "receiveBuffer", "must be a number");
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > largestReceiveBuffer) {
    throw invalidArgument("range", "receiveBuffer", "must be an integer from 1 to 1073741823");
  }
  return bytes;
}

/** The signal itself, if it is one. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalidArgument("type", "signal", "must be an AbortSignal");
}

/** Checks options. */
export function planOf(options: WatchOptions): Plan {
  refuseUnknown("options", options, knownOptions);
  const nouns = nounOptions.filter((option) => wants(option, options));
  if (nouns.length === 0) {
    throw invalidArgument("type", "options", `at least one of ${nounOptions.join(", ")}`);
  }
  return {
    nouns: nouns.map((option) => nounOfOption[option]),
    snapshot: checkFlag("snapshot", options.snapshot),
    receiveBuffer: checkReceiveBuffer(options.receiveBuffer),
    routeTable: routeTableOf(options.routes),
    signal: checkSignal(options.signal),
  };
}
