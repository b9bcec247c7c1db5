// Opens a controller: puts together what it works with.

import { Cluster } from "./cluster/cluster.ts";
import { Follower } from "./cluster/follower.ts";
import { Presence } from "./cluster/presence.ts";
import { Secrets } from "./cluster/secrets.ts";
import type { Context } from "./context.ts";
import { Controller, type Role } from "./controller.ts";
import { type ControllerOptions, checkedOptions, ownDrivers } from "./controller-options.ts";
import { HostSettings } from "./host-settings.ts";
import { Ipam } from "./ipam/ipam.ts";
import { Keys } from "./keys.ts";
import { HostLock } from "./lock.ts";
import { Names } from "./names.ts";
import { NamesRole } from "./names-role.ts";
import { Firewall } from "./nat/firewall.ts";
import { Places } from "./places.ts";
import { Plan } from "./plan.ts";
import { PortBook } from "./ports.ts";
import { recover } from "./recovery.ts";
import { SandboxNamespaces } from "./sandbox-namespaces.ts";
import { Spreading } from "./spreading.ts";
import { Turns } from "./turns.ts";

/**
 * Opens a controller on a host and a store. Nothing is changed yet; the first change, or
 * {@link Controller.reconcile}, undoes what a process that ended has left half-made.
 *
 * @throws {RangeError | TypeError} if an option is bad.
 */
export async function openController(options: ControllerOptions): Promise<Controller> {
  const checked = checkedOptions(options);
  const { host, store, name, drivers, serveNames, table, waitMs } = checked;
  const keys = new Keys(name);
  const plan = new Plan(store, keys);
  const all = [...ownDrivers, ...drivers];
  const context: Context = {
    ...{ host, store, keys, plan },
    turns: new Turns(),
    ipam: new Ipam({ store, space: name }),
    cluster: new Cluster(store, name),
    firewall: new Firewall(host, { table }),
    drivers: new Map(all.map((driver) => [driver.name, driver])),
    names: new Names(() => context),
    ports: new PortBook(host, plan),
    places: new Places(plan),
    spreading: new Spreading(() => context),
    settings: new HostSettings(host, store, keys),
    namespaces: new SandboxNamespaces(),
    loopbackRouted: new Set(),
    lock: new HostLock({ store, keys, waitMs, prepare: (fence) => recover(context, fence) }),
  };
  plan.listen((change) => context.namespaces.follow(change));
  await plan.refresh();
  const roles: Role[] = [];
  const controller = new Controller(context, roles);
  try {
    if (serveNames) roles.unshift(await NamesRole.open(context));
    if (checked.cluster !== undefined) {
      const presence = await Presence.open(context, checked.cluster);
      roles.unshift(presence);
      roles.unshift(new Follower(context, checked.cluster.repairMs));
      roles.unshift(new Secrets(context, presence, checked.cluster.repairMs));
    }
    return controller;
  } catch (error) {
    await controller.close();
    throw error;
  }
}
