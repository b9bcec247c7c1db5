// Services: one name and one virtual address for all sandboxes of a network that have the name.

import { invalidArgument, objectArgument, refuseUnknown } from "../errors.ts";
import { checkedAddress, checkedList, checkedName, checkedReference } from "./checks.ts";
import { unchanged, withoutConflict } from "./connections.ts";
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
import { addressOf, addressRequests, heldBy } from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import { recordOf } from "./keys.ts";
import type { Network, Service } from "./model.ts";
import { servesNames } from "./names.ts";
import type { Condition } from "./store/store.ts";

/** A service to be made. */
export interface ServiceOptions {
  /** The name or id of a network whose sandboxes find each other by name. */
  readonly network: string;
  /** Its name on the network: that by which it is found, and the alias of those behind it. */
  readonly name: string;
  /** Virtual addresses of the network's subnets, one of each. Default: the next free ones. */
  readonly addresses?: readonly string[];
}

/** A service and who is behind it. */
export interface ServiceDescription extends Service {
  readonly holders: readonly {
    readonly sandbox: { readonly id: string; readonly name: string };
    /** Without prefix lengths. */
    readonly addresses: readonly string[];
  }[];
}

/** A service, read. */
export type ServiceRequest = Required<ServiceOptions>;

/** @throws {RangeError | TypeError} if an option is bad. */
export function checkedService(options: ServiceOptions): ServiceRequest {
  refuseUnknown("options", objectArgument("options", options), ["network", "name", "addresses"]);
  const name = checkedName("name", options.name);
  if (!/^[\w-]+$/.test(name)) throw invalidArgument("range", "name", "must not contain '.'");
  return {
    network: checkedReference("network", options.network),
    name,
    addresses: checkedList("addresses", options.addresses, checkedAddress, 2),
  };
}

/** A service by its name or id. @throws {NetworkError} `NETWORK_MISSING`, `SERVICE_MISSING` */
export function serviceAt(
  context: Context,
  operation: string,
  network: string,
  service: string,
): Service {
  const { id, name } = networkAt(context, operation, network);
  const found = named(context, id, service);
  if (found?.state === "made") return found.value;
  const reason = `network ${JSON.stringify(name)} has no such service`;
  throw new NetworkError("SERVICE_MISSING", { operation, subject: service, reason });
}

function named({ plan }: Context, network: string, reference: string) {
  return plan
    .servicesOn(network)
    .find(({ value: { id, name } }) => id === reference || isSame(name, reference));
}

/** Case does not matter in names that are looked up. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** A service as it is in the plan. */
export function describeService(
  { plan, spreading }: Context,
  service: Service,
): ServiceDescription {
  const holders = spreading.behind(service).flatMap(({ sandbox: id, addresses }) => {
    const sandbox = plan.sandboxes.get(id)?.value;
    if (sandbox === undefined) return [];
    return [{ sandbox: { id, name: sandbox.name }, addresses: addresses.map(addressOf) }];
  });
  holders.sort((one, other) => (one.sandbox.name < other.sandbox.name ? -1 : 1));
  return { ...service, holders };
}

/** All services that are there, of one network or all, by their names. */
export function servicesOf({ plan }: Context, network: Network | undefined): Service[] {
  return [...plan.services.values()]
    .filter(
      ({ state, value }) => state === "made" && [undefined, value.network].includes(network?.id),
    )
    .map(({ value }) => value)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Makes a service: its addresses first, then the plan, then tables in all sandboxes of the network.
 * What fails is undone.
 *
 * @throws {NetworkError} `NETWORK_MISSING`, `SERVICE_EXISTS`, `MODE_CONFLICT`, `DRIVER_FAILED`, and what
 *   the address management says.
 */
export async function createService(
  context: Context,
  fence: Condition,
  { network: reference, name, addresses }: ServiceRequest,
): Promise<Service> {
  const caller = "createService";
  await checkScope(context, caller, reference, name);
  const network = networkAt(context, caller, reference);
  checkNetwork(context, caller, network, name);
  const turn = `service ${name.toLowerCase()} on ${network.id}`;
  return await context.turns.take([turn], async () => {
    const existing = named(context, network.id, name);
    if (existing !== undefined) {
      const reason = `network ${JSON.stringify(network.name)} has a service of that name`;
      const details = { operation: caller, subject: name, reason, conflict: existing.value.id };
      throw new NetworkError("SERVICE_EXISTS", details);
    }
    const service = await allocate(context, caller, fence, { network, name, addresses });
    try {
      await context.spreading.open(service);
      await writeState(context, fence, "services", "made", service);
      return service;
    } catch (error) {
      const failures = await removeService(context, fence, service);
      throw withUndoFailures(asNetworkError(caller, name, error), failures);
    }
  });
}

/** @throws {NetworkError} `MODE_CONFLICT` if the network spans hosts: each knows of its own services alone. */
async function checkScope(
  context: Context,
  caller: string,
  reference: string,
  name: string,
): Promise<void> {
  const { view } = context.cluster;
  const here = findNetwork(context, reference)?.value;
  if (here === undefined) await view.refresh();
  const network = here ?? view.whole(reference)?.network;
  if (network?.scope !== "cluster") return;
  const reason = `network ${JSON.stringify(network.name)} spans hosts, and has no services`;
  throw new NetworkError("MODE_CONFLICT", { operation: caller, subject: name, reason });
}

/** @throws {NetworkError} `MODE_CONFLICT` if nobody is found by a name on the network. */
function checkNetwork(context: Context, caller: string, network: Network, name: string): void {
  const { addresses } = driverOf(context, caller, network).traits;
  if (addresses && servesNames(context, network)) return;
  const reason = `network ${JSON.stringify(network.name)} has no names`;
  throw new NetworkError("MODE_CONFLICT", { operation: caller, subject: name, reason });
}

/** Gives a service its addresses and writes it down, in one commit. */
async function allocate(
  context: Context,
  caller: string,
  fence: Condition,
  { network, name, addresses: wanted }: Omit<ServiceRequest, "network"> & { network: Network },
): Promise<Service> {
  const { ipam, plan, keys } = context;
  const id = newId();
  const created = new Date().toISOString();
  const requests = addressRequests(caller, network, wanted).map((one) => ({ ...one, holder: id }));
  const serviceWith = (addresses: readonly string[]): Service => ({
    ...{ id, network: network.id, name, addresses, created },
  });
  try {
    const addresses = await ipam.allocateAddresses({
      requests,
      with: (given) => ({
        if: [fence, unchanged(context, caller, network)],
        put: [recordOf(keys, "services", "making", serviceWith(given))],
      }),
    });
    await plan.refresh();
    return serviceWith(addresses);
  } catch (error) {
    throw asNetworkError(caller, name, withoutConflict(context, caller, [{ network }], error));
  }
}

/** Writes down that a service goes, and has it go. Returns what failed; it then stays as `deleting`. */
export async function removeService(
  context: Context,
  fence: Condition,
  service: Service,
): Promise<unknown[]> {
  const { plan, ipam, keys, spreading } = context;
  try {
    await writeState(context, fence, "services", "deleting", service);
    await spreading.close(service);
    const network = plan.networks.get(service.network)?.value;
    const addresses = network === undefined ? [] : heldBy(network, service);
    const gone = { delete: [keys.of("services", service)] };
    if (addresses.length === 0) await write(context, fence, gone);
    else {
      const commit = { if: [fence], ...gone };
      await ipam.releaseAddresses({ holder: service.id, addresses, with: commit });
    }
    await plan.refresh();
    return [];
  } catch (error) {
    return [error];
  }
}

/**
 * Removes a service; those behind it keep their name for themselves.
 *
 * @throws {NetworkError} `NETWORK_MISSING`, `SERVICE_MISSING`, `DRIVER_FAILED`
 */
export async function deleteService(
  context: Context,
  fence: Condition,
  references: { readonly network: string; readonly service: string },
): Promise<void> {
  const caller = "deleteService";
  const look = () => serviceAt(context, caller, references.network, references.service);
  const { network, name } = look();
  await context.turns.take([`service ${name.toLowerCase()} on ${network}`], async () => {
    const [failure] = await removeService(context, fence, look());
    if (failure !== undefined) throw asNetworkError(caller, name, failure);
  });
}
