// Networks: made, removed, and the three that are made by themselves.

import { listRoutes } from "../rtnl/route.ts";
import { allEnded } from "../values/all-ended.ts";
import {
  asNetworkError,
  type Context,
  driverOf,
  networkAt,
  newId,
  withUndoFailures,
  write,
  writeState,
} from "./context.ts";
import type { NetworkRequest } from "./drivers/driver.ts";
import { NetworkError } from "./errors.ts";
import { settingsFor } from "./host-settings.ts";
import type { Occupied } from "./ipam/options.ts";
import { recordOf } from "./keys.ts";
import type { Network, NetworkSubnet } from "./model.ts";
import type { FirewalledNetwork } from "./nat/firewall.ts";
import type { NetworkSpec, SubnetOptions } from "./network-options.ts";
import type { Condition } from "./store/store.ts";

const operation = "createNetwork";

/** The networks that are there without being made, and their drivers. */
const predefinedDrivers: ReadonlyMap<string, string> = new Map([
  ["bridge", "bridge"],
  ["host", "host"],
  ["none", "null"],
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

/** The host's own routes, which no network is to take over. */
async function occupiedOn(context: Context): Promise<Occupied[]> {
  const routes = await listRoutes(context.host);
  return routes
    .filter(({ to, type }) => to !== "default" && (type ?? "unicast") === "unicast")
    .map(({ to }) => ({ subnet: to, name: `the host's route to ${to}` }));
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
  if (isPredefined(name)) {
    const reason = "it is predefined";
    throw new NetworkError("NETWORK_PREDEFINED", { operation, subject: name, reason });
  }
  return await context.turns.take([`network ${name}`], async () => {
    const existing = context.plan.network(name);
    if (existing !== undefined) throw networkExists(name, existing.value.id);
    return await make(context, fence, spec, false);
  });
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
    const spec: NetworkSpec = {
      name,
      driver: predefinedDrivers.get(name) ?? "bridge",
      subnets: name === "bridge" ? [{}] : [],
      ipv6: false,
      internal: false,
      addressing: "lowest",
      allowOverlap: false,
      options: {},
      labels: {},
    };
    return await make(context, fence, spec, true);
  });
}

/** A network by name or id; a predefined one is made if it is not there. */
export async function networkOrPredefined(
  context: Context,
  fence: Condition,
  caller: string,
  reference: string,
): Promise<Network> {
  if (isPredefined(reference)) return await ensurePredefined(context, fence, reference);
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
function othersOf({ plan }: Context, { id, driver }: Pick<Network, "id" | "driver">): Network[] {
  return [...plan.networks.values()]
    .filter(({ state, value }) => state !== "deleting" && value.driver === driver)
    .flatMap(({ value }) => (value.id === id ? [] : [value]));
}

/** Refuses a link on the host that is another network's, be it there or not. */
function checkLink({ plan }: Context, subject: string, link: string): void {
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
  const subnets = driver.traits.addresses ? await allocateSubnets(context, id, spec) : [];
  const { driver: driverName, ipv6, labels } = spec;
  const created = new Date().toISOString();
  const network: Network = {
    ...{ id, name, driver: driverName, scope: "local" as const, created, predefined },
    ...{ internal, ipv6, subnets, options, labels, settings },
  };
  try {
    await writeState(context, fence, "networks", "making", network);
    await build(context, fence, network);
    await writeState(context, fence, "networks", "made", network);
    return network;
  } catch (error) {
    const failures = await removeNetwork(context, fence, network);
    throw withUndoFailures(asNetworkError(operation, name, error), failures);
  }
}

/** The least that IPv6 takes. @see RFC 8200, 5 */
const leastIpv6Mtu = 1280;

function checkMtu(name: string, { ipv6 }: NetworkSpec, mtu: unknown): void {
  if (!ipv6 || typeof mtu !== "number" || mtu >= leastIpv6Mtu) return;
  const reason = `an MTU of ${mtu} is less than the ${leastIpv6Mtu} that IPv6 needs`;
  throw new NetworkError("OPTION_INVALID", { operation, subject: name, reason });
}

async function allocateSubnets(
  context: Context,
  id: string,
  spec: NetworkSpec,
): Promise<NetworkSubnet[]> {
  const occupied = spec.allowOverlap ? [] : await occupiedOn(context);
  const given: NetworkSubnet[] = [];
  try {
    for (const [position, subnet] of spec.subnets.entries()) {
      given.push(await allocateSubnet(context, id, spec, { subnet, position, occupied }));
    }
    return given;
  } catch (error) {
    for (const { subnet } of given) await context.ipam.releaseSubnet({ subnet, holder: id });
    throw overlapByName(context, error);
  }
}

/** The address management knows networks by their ids: users know them by their names. */
function overlapByName({ plan }: Context, error: unknown): unknown {
  if (!(error instanceof NetworkError) || error.code !== "POOL_OVERLAP") return error;
  const other = plan.networks.get(error.conflict ?? "")?.value;
  if (other === undefined) return error;
  const { subject, cause } = error;
  const subnets = other.subnets.map(({ subnet }) => subnet).join(" and ");
  const reason = `it overlaps network ${JSON.stringify(other.name)}, which has ${subnets}`;
  return new NetworkError("POOL_OVERLAP", {
    ...{ operation, subject, reason, conflict: other.name, cause },
  });
}

async function allocateSubnet(
  context: Context,
  id: string,
  spec: NetworkSpec,
  {
    subnet,
    position,
    occupied,
  }: { subnet: SubnetOptions; position: number; occupied: readonly Occupied[] },
): Promise<NetworkSubnet> {
  const {
    subnet: text,
    range,
    gateway,
    auxiliary,
  } = await context.ipam.allocateSubnet({
    ...subnet,
    holder: id,
    ...(subnet.subnet === undefined && { family: position === 0 ? "inet" : "inet6" }),
    strategy: spec.addressing,
    allowUnusable: spec.allowOverlap,
    occupied,
  });
  return { subnet: text, range, auxiliary, ...(gateway === undefined ? {} : { gateway }) };
}

/** Makes what of a network is in the kernel. */
export async function build(context: Context, fence: Condition, network: Network): Promise<void> {
  const driver = driverOf(context, operation, network);
  const behind = firewalled(context, network);
  context.lock.check(operation);
  await allEnded([
    driver.createNetwork(context.host, network),
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
    () => {
      const others = othersOf(context, network);
      return driverOf(context, "deleteNetwork", network).deleteNetwork(host, network, others);
    },
    async () => {
      const behind = firewalled(context, network);
      if (behind !== undefined) await firewall.removeNetwork(behind);
    },
    ...network.subnets.map(
      ({ subnet }) =>
        () =>
          ipam.releaseSubnet({ subnet, holder: network.id }),
    ),
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
  const { name } = networkAt(context, caller, reference);
  return await context.turns.take([`network ${name}`], async () => {
    const network = networkAt(context, caller, reference);
    if (network.predefined) {
      const reason = "it is predefined";
      throw new NetworkError("NETWORK_PREDEFINED", { operation: caller, subject: name, reason });
    }
    const record = recordOf(context.keys, "networks", "deleting", network);
    // Nobody is connected between the look and the note: both are one step.
    const nobody = (["endpoints", "services"] as const).map((noun) => ({
      emptyPrefix: context.keys.on(noun, network.id),
    }));
    if (await write(context, fence, { if: nobody, put: [record] })) {
      throw inUse(context, caller, network);
    }
    const [failure, ...more] = await tearDownNetwork(context, fence, network);
    if (failure === undefined) return network;
    throw withUndoFailures(asNetworkError(caller, name, failure), more);
  });
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
