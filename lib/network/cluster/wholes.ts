// Networks across hosts: made once for all of them, and removed when no host has an endpoint there.

import {
  asNetworkError,
  type Context,
  driverOf,
  newId,
  withUndoFailures,
  write,
} from "../context.ts";
import type { AcrossHosts, Driver, Settings } from "../drivers/driver.ts";
import { NetworkError } from "../errors.ts";
import type { SubnetPool } from "../ipam/pools.ts";
import type { Network, State } from "../model.ts";
import type { NetworkSpec } from "../network-options.ts";
import type { Condition, Put } from "../store/store.ts";
import { allocateSubnets, checkMtu } from "../subnets.ts";
import { checkBlocks } from "./blocks.ts";
import { places, type Whole, written } from "./records.ts";
import type { Seen } from "./view.ts";

const operation = "createNetwork";

/** Where subnets are taken from: such as Docker takes for its networks across hosts, and larger ones. */
const pools: { readonly [R in AcrossHosts["remotes"]]: readonly SubnetPool[] } = {
  endpoints: [{ base: "10.0.0.0/8", size: 24 }],
  blocks: [{ base: "10.0.0.0/8", size: 16 }],
};

/** How often a number is chosen that another host takes first. */
const mostAttempts = 100;

function exists(name: string, conflict: string): NetworkError {
  const reason = "there is a network of that name";
  return new NetworkError("NETWORK_EXISTS", { operation, subject: name, reason, conflict });
}

function record(network: Network, state: State, by: string): Put {
  return { key: places.network(network.id), value: written({ state, by, network }) };
}

/** The lowest number that no other network of the driver has; `undefined` if it needs none. */
function chooseNumber(
  { cluster }: Context,
  { name: driver, across }: Driver,
  subject: string,
  settings: Settings,
): number | undefined {
  const ranges = across?.numbers?.(settings);
  if (ranges === undefined) return undefined;
  const owners = new Map(
    cluster.view
      .wholes()
      .filter(({ network }) => network.driver === driver)
      .map(({ network }) => [network.settings.number, network.name]),
  );
  for (const { first, last } of ranges) {
    for (let number = first; number <= last; number += 1) if (!owners.has(number)) return number;
  }
  const conflict = owners.get(ranges[0]?.first ?? 0) ?? "";
  const reason = `other networks have all numbers that it could have; the first is that of ${JSON.stringify(conflict)}`;
  throw new NetworkError("NUMBER_TAKEN", { operation, subject, reason, conflict });
}

/**
 * Makes a network for all hosts that share the store; in no kernel yet. What fails is undone.
 *
 * @throws {NetworkError} `NETWORK_EXISTS`, `HOST_ABSENT`, `NUMBER_TAKEN`, and what the driver and the
 *   address management say.
 */
export async function createWhole(
  context: Context,
  fence: Condition,
  spec: NetworkSpec,
): Promise<Network> {
  const { cluster, host } = context;
  const { name, internal, options, ipv6, labels } = spec;
  const driver = driverOf(context, operation, spec);
  const here = await cluster.here(operation);
  const id = newId();
  const others = cluster.view
    .wholes()
    .map(({ network }) => network)
    .filter((network) => network.driver === driver.name);
  const { address } = here;
  const settings = await driver
    .planNetwork(host, { id, name, predefined: false, internal, options, others, address })
    .catch((error: unknown) => Promise.reject(asNetworkError(operation, name, error)));
  checkMtu(name, spec, settings.mtu);
  const bare: Network = {
    ...{ id, name, driver: driver.name, scope: "cluster", created: new Date().toISOString() },
    ...{ predefined: false, internal, ipv6, subnets: [], options, labels, settings },
  };
  const network = await reserve(context, fence, driver, bare);
  try {
    const { ipam } = cluster;
    const from = pools[driver.across?.remotes ?? "endpoints"];
    const subnets = await allocateSubnets(context, id, spec, { ipam, pools: from });
    const whole = { ...network, subnets };
    checkBlocks(whole);
    await cluster.view.refresh();
    const revision = cluster.view.whole(id)?.revision ?? 0;
    const unchanged = { key: places.network(id), revision };
    const made = { if: [unchanged], put: [record(whole, "made", here.name)] };
    if (await write(context, fence, made)) {
      const reason = "another host took this one for gone, and took the network away";
      throw new NetworkError("STORE_CONFLICT", { operation, subject: name, reason });
    }
    await cluster.view.refresh();
    return whole;
  } catch (error) {
    const failures = await removeWhole(context, fence, network);
    throw withUndoFailures(asNetworkError(operation, name, error), failures);
  }
}

/** Writes down that a network is being made, under a name and with a number that no other one has. */
async function reserve(
  context: Context,
  fence: Condition,
  driver: Driver,
  bare: Network,
): Promise<Network> {
  const { cluster, store } = context;
  const { id, name } = bare;
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    await cluster.view.refresh();
    const named = cluster.view.wholes().find(({ network }) => network.name === name);
    if (named !== undefined && isAbandoned(context, named)) {
      const failures = await removeWhole(context, fence, named.network);
      if (failures.length === 0) continue;
    }
    if (named !== undefined) throw exists(name, named.network.id);
    const number = chooseNumber(context, driver, name, bare.settings);
    const settings = number === undefined ? bare.settings : { ...bare.settings, number };
    const network = { ...bare, settings };
    const own = [
      places.name(name),
      ...(number === undefined ? [] : [places.number(driver.name, number)]),
    ];
    const conflict = await write(context, fence, {
      if: own.map((key) => ({ key, revision: 0 })),
      put: [record(network, "making", cluster.name), ...own.map((key) => ({ key, value: id }))],
    });
    if (conflict === undefined) return network;
    if ("key" in conflict && conflict.key === places.name(name)) {
      throw exists(name, String((await store.get(conflict.key))?.value));
    }
  }
  const reason = "other hosts took every number first";
  throw new NetworkError("STORE_BUSY", { operation, subject: name, reason });
}

/** Takes away whatever there is of a network that no host uses. Returns what failed. */
async function removeWhole(
  context: Context,
  fence: Condition,
  { id, name, driver, settings }: Network,
): Promise<unknown[]> {
  const { cluster, store } = context;
  const { number } = settings;
  const taken = [
    places.name(name),
    ...(typeof number === "number" ? [places.number(driver, number)] : []),
  ];
  try {
    for (const { subnet, holder } of await cluster.ipam.listSubnets()) {
      if (holder === id) await cluster.ipam.releaseSubnet({ subnet, holder });
    }
    for (;;) {
      // Another host may have removed the network before, and others have got its name since.
      const entries = (await Promise.all(taken.map((key) => store.get(key)))).flatMap(
        (entry) => entry ?? [],
      );
      const own = entries.filter(({ value }) => value === id);
      const conflict = await write(context, fence, {
        if: own.map(({ key, revision }) => ({ key, revision })),
        delete: [places.network(id), ...own.map(({ key }) => key)],
      });
      if (conflict === undefined) break;
    }
    await cluster.view.refresh();
    return [];
  } catch (error) {
    context.lock.retake();
    return [error];
  }
}

/** What must hold for something to be made on a network: it is there, as it is known. */
export function wholeUnchanged(
  { cluster }: Context,
  caller: string,
  { id, name }: Pick<Network, "id" | "name">,
): Condition {
  const whole = cluster.view.whole(id);
  if (whole?.state === "made") return { key: places.network(id), revision: whole.revision };
  const reason = "it is being removed, or was";
  throw new NetworkError("NETWORK_MISSING", { operation: caller, subject: name, reason });
}

/**
 * Removes a network that no host has an endpoint on.
 *
 * @throws {NetworkError} `NETWORK_IN_USE`, `NETWORK_MISSING`
 */
export async function deleteWhole(
  context: Context,
  fence: Condition,
  network: Network,
): Promise<void> {
  const caller = "deleteNetwork";
  const { cluster } = context;
  const { id, name } = network;
  const unused = [
    { emptyPrefix: places.members(id) },
    { emptyPrefix: places.blocks(id) },
    ...cluster.ipam.unheld(network.subnets.map(({ subnet }) => subnet)),
  ];
  const conflict = await write(context, fence, {
    if: [wholeUnchanged(context, caller, network), ...unused],
    put: [record(network, "deleting", cluster.name)],
  });
  await cluster.view.refresh();
  if (conflict !== undefined && "key" in conflict) {
    wholeUnchanged(context, caller, network);
    return await deleteWhole(context, fence, network);
  }
  if (conflict !== undefined) throw inUse(context, caller, network);
  const [failure, ...more] = await removeWhole(context, fence, network);
  if (failure !== undefined) throw withUndoFailures(asNetworkError(caller, name, failure), more);
}

function inUse({ cluster }: Context, caller: string, { id, name }: Network): NetworkError {
  const [member] = cluster.view.members(id);
  const conflict = member?.sandbox.name ?? "";
  const reason =
    member === undefined
      ? "a host is about to connect a sandbox to it"
      : `sandbox ${JSON.stringify(conflict)} of host ${JSON.stringify(member.host)} is connected to it`;
  return new NetworkError("NETWORK_IN_USE", { operation: caller, subject: name, reason, conflict });
}

/** Whether a network is not `made`, and the host that works on it is gone. */
function isAbandoned({ cluster }: Context, { state, by }: Seen<Whole>): boolean {
  return state !== "made" && by !== cluster.name && cluster.view.host(by) === undefined;
}

/** Whether nobody works on a network that is not `made`: its host does not, or is not there. */
function isLeft(context: Context, whole: Seen<Whole>): boolean {
  const isOwn = whole.state !== "made" && whole.by === context.cluster.name;
  return isOwn || isAbandoned(context, whole);
}

/** Removes the networks that were left half-made, or half-removed, by this host or one that is gone. */
export async function recoverWholes(context: Context, fence: Condition): Promise<void> {
  const left = context.cluster.view.wholes().filter((whole) => isLeft(context, whole));
  for (const { network } of left) await removeWhole(context, fence, network);
}
