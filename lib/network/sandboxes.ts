// Sandboxes: made, adopted, removed, connected with networks and disconnected.

import { setSysctl } from "../rtnl/forwarding.ts";
import { listLinks } from "../rtnl/link.ts";
import { type Namespace, openNamespace } from "../rtnl/namespace.ts";
import {
  asNetworkError,
  type Context,
  newId,
  sandboxAt,
  withUndoFailures,
  write,
} from "./context.ts";
import {
  addressOf,
  attach,
  defaultRoutes,
  detach,
  type EndpointPlan,
  heldBy,
  planEndpoint,
  setDefaultRoutes,
  withAddresses,
} from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import type { Connection } from "./gateway.ts";
import { recordOf } from "./keys.ts";
import type { Endpoint, Network, Sandbox, State } from "./model.ts";
import { networkOrPredefined } from "./networks.ts";
import {
  canPublish,
  hostAddresses,
  movePorts,
  publishPorts,
  unpublishPorts,
} from "./publishing.ts";
import { removeFiles, writeFiles } from "./sandbox-files.ts";
import type { AdoptOptions, ConnectRequest, SandboxRequest } from "./sandbox-options.ts";
import type { Commit, Condition } from "./store/store.ts";

/** The connections of a sandbox, as the plan has them. */
export function connectionsOf(
  { plan }: Context,
  sandbox: Pick<Sandbox, "id">,
  states: readonly State[] = ["made"],
): Connection[] {
  return plan.endpointsOf(sandbox.id).flatMap(({ state, value: endpoint }) => {
    const network = plan.networks.get(endpoint.network)?.value;
    return network === undefined || !states.includes(state) ? [] : [{ endpoint, network }];
  });
}

/** The sandbox whose namespace one lives in: itself, or the one that it joined. */
export function ownerOf(context: Context, sandbox: Sandbox): Sandbox {
  if (sandbox.joins === undefined) return sandbox;
  const joined = context.plan.sandboxes.get(sandbox.joins);
  if (joined !== undefined) return joined.value;
  const reason = "the sandbox that it joined is gone";
  throw new NetworkError("SANDBOX_MISSING", { operation: "open", subject: sandbox.name, reason });
}

/** The records of a sandbox and its endpoints. */
function recordsOf(
  { keys }: Context,
  state: State,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Required<Pick<Commit, "put">> {
  return {
    put: [
      recordOf(keys, "sandboxes", state, sandbox),
      ...endpoints.map((endpoint) => recordOf(keys, "endpoints", state, endpoint)),
    ],
  };
}

/** What has to hold for an endpoint to be made: the network is as it is known. */
function unchanged({ plan, keys }: Context, network: Network): Condition {
  return {
    key: keys.of("networks", network),
    revision: plan.networks.get(network.id)?.revision ?? 0,
  };
}

/**
 * Gives the endpoints their addresses, and writes them down with what else is to be written, the
 * last of the addresses in one commit with that.
 */
async function allocate(
  context: Context,
  caller: string,
  fence: Condition,
  plans: readonly EndpointPlan[],
  records: (endpoints: readonly Endpoint[]) => Commit,
): Promise<Connection[]> {
  const { ipam, plan } = context;
  const made: Connection[] = [];
  try {
    for (const [position, each] of plans.entries()) {
      const { network, endpoint, requests } = each;
      const isLast = position === plans.length - 1;
      const before = made.map((one) => one.endpoint);
      const addresses = await ipam.allocateAddresses({
        holder: endpoint.id,
        requests,
        with: (given) => {
          const last = withAddresses(each, given);
          const commit = isLast ? records([...before, last]) : {};
          return { ...commit, if: [fence, unchanged(context, network), ...(commit.if ?? [])] };
        },
      });
      made.push({ network, endpoint: withAddresses(each, addresses) });
    }
    if (plans.length === 0) await write(context, fence, records([]));
    else await plan.refresh();
    return made;
  } catch (error) {
    for (const { network, endpoint } of made) {
      await ipam.releaseAddresses({ holder: endpoint.id, addresses: heldBy(network, endpoint) });
    }
    throw asNetworkError(caller, "", error);
  }
}

/** A sandbox that is to be made, with what it takes. */
interface SandboxPlan {
  readonly sandbox: Sandbox;
  readonly plans: readonly EndpointPlan[];
  readonly done: () => void;
}

function checkMode(context: Context, caller: string, request: SandboxRequest): void {
  const { mode, joins, networks, ports, sysctls } = request;
  const refuse = (reason: string) => {
    const details = { operation: caller, subject: request.name, reason };
    throw new NetworkError("MODE_CONFLICT", details);
  };
  if (joins !== undefined && mode !== "networks") refuse("it joins another sandbox, or has a mode");
  const plain = mode === "networks" && joins === undefined;
  if (!plain && networks.length > 0) refuse("it has networks only in its own namespace");
  if (!plain && ports.length > 0) refuse("ports are published only on networks");
  if ((mode === "host" || joins !== undefined) && Object.keys(sysctls).length > 0) {
    refuse("the namespace is not its own, nor are its settings");
  }
  for (const { network } of networks) {
    if (network === "host" || network === "none") refuse(`${network} is a mode, see mode`);
  }
  if (joins !== undefined) sandboxAt(context, caller, joins);
}

/** Plans the endpoints of a new sandbox, the networks that are not there yet being made. */
async function planEndpoints(
  context: Context,
  caller: string,
  fence: Condition,
  sandbox: Pick<Sandbox, "id" | "name">,
  request: SandboxRequest,
  present: readonly string[],
): Promise<EndpointPlan[]> {
  const taken = new Set(present);
  const plans: EndpointPlan[] = [];
  const networks = await Promise.all(
    request.networks.map(({ network }) => networkOrPredefined(context, fence, caller, network)),
  );
  const order = networks
    .map((network, position) => ({ network, request: request.networks[position]?.request }))
    .toSorted((one, other) => Number(one.network.internal) - Number(other.network.internal));
  for (const { network, request: own } of order) {
    if (own === undefined) continue;
    if (plans.some((each) => each.network.id === network.id)) {
      const reason = `network ${JSON.stringify(network.name)} is named twice`;
      throw new NetworkError("ENDPOINT_EXISTS", {
        operation: caller,
        subject: sandbox.name,
        reason,
      });
    }
    checkTargets(context, caller, sandbox.name, network, own);
    const each = planEndpoint(context, caller, { sandbox, network, request: own, taken });
    taken.add(each.endpoint.link);
    plans.push(each);
  }
  return plans;
}

/** Refuses links to sandboxes that are not on the network. */
function checkTargets(
  context: Context,
  caller: string,
  name: string,
  network: Network,
  { links }: ConnectRequest,
): void {
  for (const target of Object.values(links)) {
    const { id } = sandboxAt(context, caller, target);
    if (context.plan.endpoint(id, network.id) !== undefined) continue;
    const reason = `sandbox ${JSON.stringify(target)} is not on ${JSON.stringify(network.name)}`;
    const details = { operation: caller, subject: name, reason, conflict: target };
    throw new NetworkError("TARGET_MISSING", details);
  }
}

async function planSandbox(
  context: Context,
  caller: string,
  fence: Condition,
  request: SandboxRequest,
  place:
    | { readonly namespace: Sandbox["namespace"]; readonly links: readonly string[] }
    | undefined,
): Promise<SandboxPlan> {
  checkMode(context, caller, request);
  const id = newId();
  const name = request.name ?? id.slice(0, 12);
  if (context.plan.sandbox(name) !== undefined) {
    const reason = "there is a sandbox of that name";
    throw new NetworkError("SANDBOX_EXISTS", { operation: caller, subject: name, reason });
  }
  const { mode, joins, names, sysctls, labels, hostname = id.slice(0, 12) } = request;
  const target = joins === undefined ? undefined : sandboxAt(context, caller, joins);
  const owner = target && ownerOf(context, target);
  const named = { id, name };
  const present = place?.links ?? [];
  const plans = await planEndpoints(context, caller, fence, named, request, present);
  if (request.ports.length > 0 && !plans.some(({ network }) => canPublish(context, network))) {
    const reason = "none of its networks publishes ports";
    throw new NetworkError("MODE_CONFLICT", { operation: caller, subject: name, reason });
  }
  const { ports, done } = await context.ports.choose(name, request.ports, (port) =>
    hostAddresses(context, port, plans),
  );
  const own = mode !== "host" && owner === undefined;
  const sandbox: Sandbox = {
    ...named,
    mode: owner === undefined ? mode : "container",
    ...(owner === undefined ? {} : { joins: owner.id }),
    ...(own ? { namespace: place?.namespace ?? { name } } : {}),
    adopted: place !== undefined,
    created: new Date().toISOString(),
    ...{ hostname, ports, names, sysctls, labels },
  };
  return { sandbox, plans, done };
}

/**
 * Makes a sandbox with its namespace, connections and published ports. What fails is undone.
 *
 * @throws {NetworkError} `SANDBOX_EXISTS`, `NETWORK_MISSING`, `MODE_CONFLICT`, `PORT_TAKEN`,
 *   `NAMESPACE_EXISTS`, `DRIVER_FAILED`, and what {@link planEndpoint} and the address management say.
 */
export async function createSandbox(
  context: Context,
  fence: Condition,
  request: SandboxRequest,
): Promise<Sandbox> {
  return await make(context, "createSandbox", fence, request, undefined);
}

/** A place in the form in which the plan keeps it: a process comes and goes. */
function lastingPlace(place: AdoptOptions["namespace"]): NonNullable<Sandbox["namespace"]> {
  return "pid" in place ? { path: `/proc/${place.pid}/ns/net` } : place;
}

/**
 * Makes a sandbox of a namespace that somebody else made, and that stays when the sandbox goes.
 *
 * @throws {NetworkError} `NAMESPACE_MISSING` if there is none, and as {@link createSandbox}.
 */
export async function adoptSandbox(
  context: Context,
  fence: Condition,
  request: SandboxRequest,
  place: AdoptOptions["namespace"],
): Promise<Sandbox> {
  const caller = "adoptSandbox";
  const opened = await openNamespace(place).catch((cause: unknown) => {
    const reason = "there is no such namespace";
    const details = { operation: caller, subject: request.name, reason, cause };
    throw new NetworkError("NAMESPACE_MISSING", details);
  });
  await using namespace = opened;
  const links = (await listLinks(namespace)).map(({ name }) => name);
  return await make(context, caller, fence, request, { namespace: lastingPlace(place), links });
}

async function make(
  context: Context,
  caller: string,
  fence: Condition,
  request: SandboxRequest,
  place: Parameters<typeof planSandbox>[4],
): Promise<Sandbox> {
  const turn = request.name === undefined ? [] : [`sandbox ${request.name}`];
  return await context.turns.take(turn, async () => {
    const planned = await planSandbox(context, caller, fence, request, place);
    const { sandbox, plans, done } = planned;
    try {
      const connections = await allocate(context, caller, fence, plans, (endpoints) =>
        recordsOf(context, "making", sandbox, endpoints),
      );
      try {
        await build(context, sandbox, connections);
        const endpoints = connections.map(({ endpoint }) => endpoint);
        await write(context, fence, recordsOf(context, "made", sandbox, endpoints));
        await context.names.settled(sandbox.id);
        return sandbox;
      } catch (error) {
        const failures = await tearDownSandbox(context, fence, sandbox);
        throw withUndoFailures(asNetworkError(caller, sandbox.name, error), failures);
      }
    } finally {
      done();
    }
  });
}

/** Brings a sandbox into the kernel. */
export async function build(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): Promise<void> {
  const { namespace: place, adopted, sysctls } = sandbox;
  if (place === undefined) return;
  const namespaces = context.namespaces;
  const namespace = await (adopted ? namespaces.open(sandbox) : namespaces.create(sandbox));
  await Promise.all([
    ...Object.entries(sysctls).map(([name, value]) => setSysctl(namespace, name, value)),
    connectAll(context, namespace, connections).then(() =>
      publishPorts(context, sandbox, connections),
    ),
    writeFiles(context, sandbox, connections),
  ]);
}

async function connectAll(
  context: Context,
  namespace: Namespace,
  connections: readonly Connection[],
): Promise<void> {
  await Promise.all(connections.map((connection) => attach(context, namespace, connection)));
  await setDefaultRoutes(namespace, [], defaultRoutes(connections));
}

/**
 * Takes away whatever there is of a sandbox, in the kernel and the plan. Returns what failed; the
 * sandbox then stays in the plan as `deleting`.
 */
export async function tearDownSandbox(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
): Promise<unknown[]> {
  const { namespaces, firewall, plan, keys } = context;
  const connections = connectionsOf(context, sandbox, ["making", "made", "deleting"]);
  const endpoints = connections.map(({ endpoint }) => endpoint);
  const failures: unknown[] = [];
  const note = (error: unknown) => failures.push(error);
  await write(context, fence, recordsOf(context, "deleting", sandbox, endpoints)).catch(note);
  if (sandbox.namespace !== undefined) {
    const namespace = sandbox.adopted ? await namespaces.find(sandbox) : undefined;
    await context.names.settled(sandbox.id).catch(note);
    await Promise.all([
      unpublishPorts(context, sandbox, connections).catch(note),
      removeFiles(sandbox).catch(note),
      ...connections.map((each) => detach(context, namespace, each).catch(note)),
    ]);
    if (namespace !== undefined) {
      await setDefaultRoutes(namespace, defaultRoutes(connections), []).catch(note);
      await namespaces.close(sandbox.id);
    } else if (!sandbox.adopted) {
      await namespaces.delete(sandbox).catch(note);
    }
    const addresses = endpoints.flatMap((each) => each.addresses.map(addressOf));
    await firewall.forget(addresses).catch(note);
  }
  if (failures.length > 0) return failures;
  try {
    for (const connection of connections) await release(context, fence, connection);
    await write(context, fence, { delete: [keys.of("sandboxes", sandbox)] });
    await plan.refresh();
  } catch (error) {
    note(error);
  }
  return failures;
}

/** Gives an endpoint's addresses back and strikes it from the plan, in one commit. */
export async function release(
  { ipam, keys, plan }: Context,
  fence: Condition,
  { network, endpoint }: Connection,
): Promise<void> {
  await ipam.releaseAddresses({
    holder: endpoint.id,
    addresses: heldBy(network, endpoint),
    with: { if: [fence], delete: [keys.of("endpoints", endpoint)] },
  });
  await plan.refresh();
}

/**
 * Removes a sandbox: its connections, its published ports, and its namespace if it was made here.
 *
 * @throws {NetworkError} `SANDBOX_MISSING`, `SANDBOX_IN_USE` if others joined it, `DRIVER_FAILED`
 */
export async function deleteSandbox(
  context: Context,
  fence: Condition,
  reference: string,
): Promise<Sandbox> {
  const caller = "deleteSandbox";
  const { name } = sandboxAt(context, caller, reference);
  return await context.turns.take([`sandbox ${name}`], async () => {
    const sandbox = sandboxAt(context, caller, reference);
    const [joined] = context.plan.joinedTo(sandbox.id);
    if (joined !== undefined) {
      const conflict = joined.value.name;
      const reason = `sandbox ${JSON.stringify(conflict)} shares its namespace`;
      const details = { operation: caller, subject: name, reason, conflict };
      throw new NetworkError("SANDBOX_IN_USE", details);
    }
    const [failure, ...more] = await tearDownSandbox(context, fence, sandbox);
    if (failure === undefined) return sandbox;
    throw withUndoFailures(asNetworkError(caller, name, failure), more);
  });
}

/** @throws {NetworkError} `MODE_CONFLICT` if the sandbox has no networks of its own. */
function checkConnectable(caller: string, { name, mode }: Sandbox): void {
  if (mode === "networks") return;
  const reason = `it has the mode ${mode}`;
  throw new NetworkError("MODE_CONFLICT", { operation: caller, subject: name, reason });
}

/**
 * Connects a sandbox with one more network, while it runs.
 *
 * @throws {NetworkError} `NETWORK_MISSING`, `SANDBOX_MISSING`, `ENDPOINT_EXISTS`, `NETWORK_FULL`,
 *   `MODE_CONFLICT`, `TARGET_MISSING`, `DRIVER_FAILED`, and what the address management says.
 */
export async function connect(
  context: Context,
  fence: Condition,
  references: { readonly network: string; readonly sandbox: string },
  request: ConnectRequest,
): Promise<Endpoint> {
  const caller = "connect";
  const { name } = sandboxAt(context, caller, references.sandbox);
  return await context.turns.take([`sandbox ${name}`], async () => {
    const sandbox = sandboxAt(context, caller, references.sandbox);
    checkConnectable(caller, sandbox);
    const network = await networkOrPredefined(context, fence, caller, references.network);
    const namespace = await context.namespaces.open(sandbox);
    const before = connectionsOf(context, sandbox);
    checkTargets(context, caller, name, network, request);
    const taken = new Set(before.map(({ endpoint }) => endpoint.link));
    const plan = planEndpoint(context, caller, { sandbox, network, request, taken });
    const [connection] = await allocate(context, caller, fence, [plan], (endpoints) => ({
      put: endpoints.map((each) => recordOf(context.keys, "endpoints", "making", each)),
    }));
    if (connection === undefined) throw new Error("connect: no endpoint was planned");
    const { endpoint } = connection;
    const after = [...before, connection];
    try {
      await attach(context, namespace, connection);
      await rearrange(context, sandbox, namespace, { before, after });
      const record = recordOf(context.keys, "endpoints", "made", endpoint);
      await write(context, fence, { put: [record] });
      await context.names.settled(sandbox.id);
      return endpoint;
    } catch (error) {
      const failures = await undoConnect(context, fence, sandbox, {
        namespace,
        connection,
        before,
      });
      throw withUndoFailures(asNetworkError(caller, name, error), failures);
    }
  });
}

/** Makes default routes, published ports and files go by other connections. */
async function rearrange(
  context: Context,
  sandbox: Sandbox,
  namespace: Namespace | undefined,
  {
    before,
    after,
  }: { readonly before: readonly Connection[]; readonly after: readonly Connection[] },
): Promise<void> {
  await Promise.all([
    namespace && setDefaultRoutes(namespace, defaultRoutes(before), defaultRoutes(after)),
    movePorts(context, sandbox, before, after),
    writeFiles(context, sandbox, after),
  ]);
}

async function undoConnect(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
  {
    namespace,
    connection,
    before,
  }: {
    readonly namespace: Namespace | undefined;
    readonly connection: Connection;
    readonly before: readonly Connection[];
  },
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const note = (error: unknown) => failures.push(error);
  const after = [...before, connection];
  const { endpoint } = connection;
  const record = recordOf(context.keys, "endpoints", "deleting", endpoint);
  await write(context, fence, { put: [record] }).catch(note);
  await rearrange(context, sandbox, namespace, { before: after, after: before }).catch(note);
  await detach(context, namespace, connection).catch(note);
  await context.firewall.forget(endpoint.addresses.map(addressOf)).catch(note);
  await context.names.settled(sandbox.id).catch(note);
  if (failures.length === 0) await release(context, fence, connection).catch(note);
  return failures;
}

/**
 * Disconnects a sandbox from a network, while it runs. Its published ports and its default route go
 * by another network, if it has one that leads out.
 *
 * @throws {NetworkError} `NETWORK_MISSING`, `SANDBOX_MISSING`, `ENDPOINT_MISSING`, `DRIVER_FAILED`
 */
export async function disconnect(
  context: Context,
  fence: Condition,
  references: { readonly network: string; readonly sandbox: string },
): Promise<void> {
  const caller = "disconnect";
  const { name } = sandboxAt(context, caller, references.sandbox);
  await context.turns.take([`sandbox ${name}`], async () => {
    const sandbox = sandboxAt(context, caller, references.sandbox);
    if (references.network === "none" && sandbox.mode === "none") {
      return await leaveNone(context, fence, sandbox);
    }
    const all = connectionsOf(context, sandbox);
    const connection = all.find(
      ({ network }) => network.name === references.network || network.id === references.network,
    );
    if (connection === undefined) {
      const reason = `it is not connected to ${JSON.stringify(references.network)}`;
      throw new NetworkError("ENDPOINT_MISSING", { operation: caller, subject: name, reason });
    }
    const before = all.filter((one) => one !== connection);
    const namespace = await context.namespaces.find(sandbox);
    const place = { namespace, connection, before };
    const [failure, ...more] = await undoConnect(context, fence, sandbox, place);
    if (failure !== undefined) {
      throw withUndoFailures(asNetworkError(caller, name, failure), more);
    }
  });
}

/** A sandbox without networks that may get some. */
async function leaveNone(context: Context, fence: Condition, sandbox: Sandbox): Promise<void> {
  const record = recordOf(context.keys, "sandboxes", "made", { ...sandbox, mode: "networks" });
  await write(context, fence, { put: [record] });
}

/** Undoes an endpoint that was left half-made, or half-removed, of a sandbox that stays. */
export async function undoEndpoint(
  context: Context,
  fence: Condition,
  endpoint: Endpoint,
): Promise<unknown[]> {
  const { plan } = context;
  const network = plan.networks.get(endpoint.network)?.value;
  const sandbox = plan.sandboxes.get(endpoint.sandbox)?.value;
  if (network === undefined || sandbox === undefined) {
    await write(context, fence, { delete: [context.keys.of("endpoints", endpoint)] });
    return [];
  }
  const namespace = await context.namespaces.find(sandbox);
  const before = connectionsOf(context, sandbox);
  const connection = { network, endpoint };
  return await undoConnect(context, fence, sandbox, { namespace, connection, before });
}
