// What a controller is opened with, and whether it is in order.

import { hostname } from "node:os";
import { invalidArgument, objectArgument, refuseUnknown } from "../errors.ts";
import { Namespace } from "../rtnl/namespace.ts";
import { checkedList, checkedName } from "./checks.ts";
import { type ClusterOptions, checkedCluster } from "./cluster/options.ts";
import { bridge } from "./drivers/bridge.ts";
import type { Driver } from "./drivers/driver.ts";
import { macvlan } from "./drivers/macvlan.ts";
import { overlay } from "./drivers/overlay.ts";
import { host as hostDriver, none } from "./drivers/predefined.ts";
import { routed } from "./drivers/routed.ts";
import type { Store } from "./store/store.ts";

/** What a controller is to manage, and where its plan is. */
export interface ControllerOptions {
  /** The namespace that plays the host: its bridges, rules and settings are managed. */
  readonly host: Namespace;
  /**
   * Where the plan lives; see `openMemoryStore`, `openLmdbStore`, `openEtcdStore` and
   * `openZooKeeperStore`. It is not closed with this.
   */
  readonly store: Store;
  /** By what the plan of this host goes in the store. Default: the machine's host name. */
  readonly name?: string;
  /** Further drivers, by which networks can be made. */
  readonly drivers?: readonly Driver[];
  /** Whether this controller serves names to the sandboxes, unless another one does. Default: true. */
  readonly serveNames?: boolean;
  /** The name of the table of nftables on the host. Default: `"vethwork"`. */
  readonly table?: string;
  /**
   * This host's place among the hosts that share the store: needed for networks across hosts, by one
   * controller of each host, which keeps it for as long as it is open; the last one that was given
   * this, if there are several. Default: none.
   */
  readonly cluster?: ClusterOptions;
  /**
   * Milliseconds that a change waits for other controllers of the same host. Default: 10000.
   */
  readonly waitMs?: number;
}

const optionNames = [
  ...["host", "store", "name", "drivers", "serveNames", "table", "cluster", "waitMs"],
];

/** A machine's name, as far as it can be one in the store. */
function ownName(): string {
  return (
    hostname()
      .replace(/[^\w.-]/g, "-")
      .slice(0, 63) || "host"
  );
}

const driverVerbs = [
  ...["planNetwork", "createNetwork", "deleteNetwork", "connect", "disconnect"],
  ...["inspectNetwork", "inspectEndpoint"],
];

/** The drivers that need not be handed in. */
export const ownDrivers: readonly Driver[] = [bridge, macvlan, overlay, routed, hostDriver, none];

/** Drivers that were handed in: whole, each of another name, none of ours. */
function checkedDrivers(drivers: unknown): readonly Driver[] {
  const names = new Set(ownDrivers.map(({ name }) => name));
  return checkedList("drivers", drivers, (property, item) => {
    const driver = objectArgument(property, item as Driver);
    const name = checkedName(`${property}.name`, driver.name);
    if (names.has(name)) throw invalidArgument("range", `${property}.name`, "is another driver's");
    names.add(name);
    objectArgument(`${property}.traits`, driver.traits);
    for (const verb of driverVerbs) {
      if (typeof driver[verb as keyof Driver] === "function") continue;
      throw invalidArgument("type", `${property}.${verb}`, "must be a function");
    }
    return driver;
  });
}

/** The options, with all that can be left out. */
export interface CheckedOptions extends Omit<Required<ControllerOptions>, "cluster"> {
  readonly cluster: Required<ClusterOptions> | undefined;
}

/** The options with everything in them checked. */
export function checkedOptions(options: ControllerOptions): CheckedOptions {
  refuseUnknown("options", options, optionNames);
  const { host, store, serveNames = true, waitMs = 10_000 } = options;
  const drivers = checkedDrivers(options.drivers);
  if (!(host instanceof Namespace)) throw invalidArgument("type", "host", "must be a Namespace");
  if (typeof store?.commit !== "function") {
    throw invalidArgument("type", "store", "must be a store");
  }
  if (typeof serveNames !== "boolean") {
    throw invalidArgument("type", "serveNames", "must be true or false");
  }
  if (!Number.isInteger(waitMs) || waitMs < 0 || waitMs > 3_600_000) {
    throw invalidArgument("range", "waitMs", "must be an integer from 0 to 3600000");
  }
  const name = checkedName("name", options.name ?? ownName());
  const table = checkedName("table", options.table ?? "vethwork");
  const cluster = options.cluster && checkedCluster(options.cluster);
  return { host, store, name, drivers, serveNames, table, cluster, waitMs };
}
