// Networks: made, removed, and the three that are made by themselves.

import { allEnded } from "../values/all-ended.ts";
import { partOf, returnPart } from "./cluster/parts.ts";
import { tellAll } from "./cluster/remotes.ts";
import { createWhole, deleteWhole } from "./cluster/wholes.ts";
import {
  asNetworkError,
  type Context,
  driverOf,
  findNetwork,
  networkAt,
  newId,
  withUndoFailures,
  write,
  writeState,
} from "./context.ts";
import type { NetworkRequest } from "./drivers/driver.ts";
import { NetworkError } from "./errors.ts";
import { settingsFor } from "./host-settings.ts";
import { recordOf } from "./keys.ts";
import type { Network } from "./model.ts";
import type { FirewalledNetwork } from "./nat/firewall.ts";
import type { NetworkSpec } from "./network-options.ts";
import type { Condition } from "./store/store.ts";
import { allocateSubnets, checkMtu } from "./subnets.ts";
import { wayOut, wayOutOptions } from "./way-out.ts";

const operation = "createNetwork";

/** The networks that are there without being made, and their drivers. */
const predefinedDrivers: ReadonlyMap<string, string> = new Map([
  ["bridge", "bridge"],
  ["host", "host"],
  ["none", "null"],
  [wayOut, "bridge"],
]);

/** Whether a name is that of a predefined network. */
export function isPredefined(name: string): boolean {
  return predefinedDrivers.has(name);
}

/** What the firewall has to know of a network, if it goes through the host. */
export function firewalled(context: Context, network: Network): FirewalledNetwork | undefined {
  if (!driverOf(context, operation, network).traits.routed) return undefined;
  const { link, icc, masquerade, whole } = network.settings;
  return {
    id: network.id,
    link: String(link),
    subnets: network.subnets.map(({ subnet }) => subnet),
    // Of a driver of networks across hosts, each of which has a part of it.
    ...(Array.isArray(whole) ? { whole: whole.map(String) } : {}),
    masquerade: masquerade !== false,
    internal: network.internal,
    icc: icc !== false,
  };
}

/** Makes the host's settings what the networks of the plan need. */
export async function ensureSettings(context: Context, fence: Condition): Promise<void> {
  await context.turns.take(["settings"], async () => {
    await context.settings.ensure(neededSettings(context), fence);
  });
}

/** What the networks of the plan need of the host. */
export function neededSettings(context: Context): Map<string, string> {
  const networks = [...context.plan.networks.values()]
    .filter(({ state }) => state !== "deleting")
    .map(({ value }) => value);
  const isRouted = (network: Network) => driverOf(context, operation, network).traits.routed;
  return settingsFor(networks, isRouted);
}

/**
 * Makes a network: subnets first, then the plan, then the kernel. What fails is undone.
 *
 * @throws {NetworkError} `NETWORK_EXISTS`, `NETWORK_PREDEFINED`, `DRIVER_MISSING`, `DRIVER_FAILED`,
 *   and what the driver and the address management say.
 */
export async function createNetwork(
  context: Context,
  fence: Condition,
  spec: NetworkSpec,
): Promise<Network> {
  const { name } = spec;
  const isWide = driverOf(context, operation, spec).across !== undefined;
  if (isPredefined(name)) {
    const reason = "it is predefined";
    throw new NetworkError("NETWORK_PREDEFINED", { operation, subject: name, reason });
  }
  return await context.turns.take([`network ${name}`], async () => {
    const existing = context.plan.network(name);
    if (existing !== undefined) throw networkExists(name, existing.value.id);
    await checkNotWide(context, name);
    if (isWide) return await createWhole(context, fence, spec);
    return await make(context, fence, spec, false);
  });
}

/** @throws {NetworkError} `NETWORK_EXISTS` if a network across hosts has the name. */
async function checkNotWide({ cluster: { view } }: Context, name: string): Promise<void> {
  await view.refresh();
  const whole = view
    .wholes()
    .find(({ network, state }) => network.name === name && state === "made");
  if (whole !== undefined) throw networkExists(name, whole.network.id);
}

/** A predefined network, made when it is first asked for. */
export async function ensurePredefined(
  context: Context,
  fence: Condition,
  name: string,
): Promise<Network> {
  return await context.turns.take([`network ${name}`], async () => {
    const existing = context.plan.network(name);
    if (existing?.state === "made") return existing.value;
    const driver = predefinedDrivers.get(name) ?? "bridge";
    const spec: NetworkSpec = {
      ...{ name, driver },
      subnets: driver === "bridge" ? [{}] : [],
      ipv6: false,
      internal: false,
      addressing: "lowest",
      allowOverlap: false,
      options: name === wayOut ? wayOutOptions : {},
      labels: {},
    };
    return await make(context, fence, spec, true);
  });
}

/**
 * A network by name or id; what is predefined is made if it is not there, and so is the host's part
 * of one across hosts.
 */
export async function networkHere(
  context: Context,
  fence: Condition,
  caller: string,
  reference: string,
): Promise<Network> {
  if (isPredefined(reference)) return await ensurePredefined(context, fence, reference);
  const here = findNetwork(context, reference);
  if (here?.state === "made") return here.value;
  await context.cluster.view.refresh();
  const whole = context.cluster.view.whole(reference);
  if (whole?.state === "made") return await partOf(context, fence, caller, whole);
  return networkAt(context, caller, reference);
}

function networkExists(name: string, id: string): NetworkError {
  const reason = "there is a network of that name";
  return new NetworkError("NETWORK_EXISTS", { operation, subject: name, reason, conflict: id });
}

async function make(
  context: Context,
  fence: Condition,
  spec: NetworkSpec,
  predefined: boolean,
): Promise<Network> {
  const { name, internal, options } = spec;
  const driver = driverOf(context, operation, spec);
  const id = newId();
  const others = othersOf(context, { id, driver: spec.driver });
  const request: NetworkRequest = { id, name, predefined, internal, options, others };
  const settings = await driver
    .planNetwork(context.host, request)
    .catch((error: unknown) => Promise.reject(asNetworkError(operation, name, error)));
  checkMtu(name, spec, settings.mtu);
  const { link } = settings;
  const turn = typeof link === "string" ? [`link ${link}`] : [];
  return await context.turns.take(turn, async () => {
    if (typeof link === "string") checkLink(context, name, link);
    return await makePlanned(context, fence, spec, { id, predefined, settings });
  });
}

/** The other networks of a driver, but for those that are going. */
export function othersOf(
  { plan }: Context,
  { id, driver }: Pick<Network, "id" | "driver">,
): Network[] {
  return [...plan.networks.values()]
    .filter(({ state, value }) => state !== "deleting" && value.driver === driver)
    .flatMap(({ value }) => (value.id === id ? [] : [value]));
}

/** Refuses a link on the host that is another network's, be it there or not. */
export function checkLink({ plan }: Context, subject: string, link: string): void {
  for (const { value: other } of plan.networks.values()) {
    if (other.settings.link !== link) continue;
    const reason = `it is the link of network ${JSON.stringify(other.name)}`;
    throw new NetworkError("LINK_TAKEN", { operation, subject, reason, conflict: link });
  }
}

async function makePlanned(
  context: Context,
  fence: Condition,
  spec: NetworkSpec,
  { id, predefined, settings }: Pick<Network, "id" | "predefined" | "settings">,
): Promise<Network> {
  const { name, internal, options } = spec;
  const driver = driverOf(context, operation, spec);
  const subnets = driver.traits.addresses
    ? await allocateSubnets(context, id, spec, { ipam: context.ipam })
    : [];
  const { driver: driverName, ipv6, labels } = spec;
  const created = new Date().toISOString();
  const network: Network = {
    ...{ id, name, driver: driverName, scope: "local" as const, created, predefined },
    ...{ internal, ipv6, subnets, options, labels, settings },
  };
  return await bringUp(context, fence, network);
}

/** Brings a network that has its subnets into the plan and the kernel. What fails is undone. */
export async function bringUp(
  context: Context,
  fence: Condition,
  network: Network,
): Promise<Network> {
  try {
    await writeState(context, fence, "networks", "making", network);
    await build(context, fence, network);
    await writeState(context, fence, "networks", "made", network);
    return network;
  } catch (error) {
    const failures = await removeNetwork(context, fence, network);
    throw withUndoFailures(asNetworkError(operation, network.name, error), failures);
  }
}

/**
 * Does something with a part of a network while nobody else makes or removes what it shares with others
 * of this host.
 */
export async function onShared<T>(
  { drivers, turns }: Context,
  part: Network,
  work: () => Promise<T>,
): Promise<T> {
  const scope = drivers.get(part.driver)?.across?.encryption?.scope(part);
  return await turns.take(scope === undefined ? [] : [`encryption at ${scope}`], work);
}

/** Makes what of a network is in the kernel. */
async function build(context: Context, fence: Condition, network: Network): Promise<void> {
  const driver = driverOf(context, operation, network);
  const behind = firewalled(context, network);
  context.lock.check(operation);
  const made = onShared(context, network, () => driver.createNetwork(context.host, network));
  const remotes = async () => {
    await context.cluster.view.refresh();
    await tellAll(context, network);
  };
  await allEnded([
    made,
    driver.across && made.then(remotes),
    behind && context.firewall.addNetwork(behind),
    ensureSettings(context, fence),
  ]);
}

/**
 * Writes down that a network goes, and has it go. What cannot be written down is not done. Returns
 * what failed.
 */
export async function removeNetwork(
  context: Context,
  fence: Condition,
  network: Network,
): Promise<unknown[]> {
  try {
    await writeState(context, fence, "networks", "deleting", network);
  } catch (error) {
    context.lock.retake();
    return [error];
  }
  const failures = await tearDownNetwork(context, fence, network);
  if (failures.length > 0) context.lock.retake();
  return failures;
}

/**
 * Takes away whatever there is of a network that is not `made` any more, in the kernel and the plan.
 * Returns what failed; the network then stays in the plan as it is.
 */
async function tearDownNetwork(
  context: Context,
  fence: Condition,
  network: Network,
): Promise<unknown[]> {
  const { host, firewall, ipam, keys, loopbackRouted } = context;
  loopbackRouted.delete(network.id);
  const steps: (() => Promise<unknown>)[] = [
    () =>
      onShared(context, network, async () => {
        const others = othersOf(context, network);
        const driver = driverOf(context, "deleteNetwork", network);
        await driver.deleteNetwork(host, network, others);
      }),
    async () => {
      const behind = firewalled(context, network);
      if (behind !== undefined) await firewall.removeNetwork(behind);
    },
    ...network.subnets.map(
      ({ subnet }) =>
        () =>
          ipam.releaseSubnet({ subnet, holder: network.id }),
    ),
    () => returnPart(context, fence, network),
    () => ensureSettings(context, fence),
  ];
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) return failures;
  await write(context, fence, { delete: [keys.of("networks", network)] }).catch((error: unknown) =>
    failures.push(error),
  );
  return failures;
}

/**
 * Removes a network that nobody is connected to.
 *
 * @throws {NetworkError} `NETWORK_MISSING`, `NETWORK_PREDEFINED`, `NETWORK_IN_USE`, `DRIVER_FAILED`
 */
export async function deleteNetwork(
  context: Context,
  fence: Condition,
  reference: string,
): Promise<Network> {
  const caller = "deleteNetwork";
  if (findNetwork(context, reference)?.value.scope !== "local") {
    await context.cluster.view.refresh();
    const whole = context.cluster.view.whole(reference);
    if (whole?.state === "made") {
      await deleteWhole(context, fence, whole.network);
      return whole.network;
    }
  }
  const { name } = networkAt(context, caller, reference);
  return await context.turns.take([`network ${name}`], async () => {
    const network = networkAt(context, caller, reference);
    if (network.predefined) {
      const reason = "it is predefined";
      throw new NetworkError("NETWORK_PREDEFINED", { operation: caller, subject: name, reason });
    }
    const failures = await removeIfUnused(context, fence, network);
    if (failures === undefined) throw inUse(context, caller, network);
    const [failure, ...more] = failures;
    if (failure === undefined) return network;
    throw withUndoFailures(asNetworkError(caller, name, failure), more);
  });
}

/**
 * Takes a network away that nobody is connected to. Returns what failed; `undefined` if somebody is
 * connected, and nothing was done.
 */
export async function removeIfUnused(
  context: Context,
  fence: Condition,
  network: Network,
): Promise<unknown[] | undefined> {
  const record = recordOf(context.keys, "networks", "deleting", network);
  // Nobody is connected between the look and the note: both are one step.
  const nobody = (["endpoints", "services"] as const).map((noun) => ({
    emptyPrefix: context.keys.on(noun, network.id),
  }));
  if (await write(context, fence, { if: nobody, put: [record] })) return undefined;
  return await tearDownNetwork(context, fence, network);
}

function inUse({ plan }: Context, caller: string, { id, name }: Network): NetworkError {
  const [endpoint] = plan.endpointsOn(id);
  const [service] = plan.servicesOn(id);
  if (endpoint === undefined && service !== undefined) {
    const conflict = service.value.name;
    const reason = `it has the service ${JSON.stringify(conflict)}`;
    return new NetworkError("NETWORK_IN_USE", {
      ...{ operation: caller, subject: name, reason, conflict },
    });
  }
  const conflict = plan.sandboxes.get(endpoint?.value.sandbox ?? "")?.value.name ?? "";
  const reason = `sandbox ${JSON.stringify(conflict)} is connected to it`;
  return new NetworkError("NETWORK_IN_USE", { operation: caller, subject: name, reason, conflict });
}
