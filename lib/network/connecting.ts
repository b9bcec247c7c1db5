// Running sandboxes connected with networks, and disconnected.

import type { Namespace } from "../rtnl/namespace.ts";
import { allEnded } from "../values/all-ended.ts";
import { memberKeys } from "./cluster/members.ts";
import { dropUnused, onParts } from "./cluster/parts.ts";
import { allocate, announce, connectionsOf, release } from "./connections.ts";
import {
  asNetworkError,
  type Context,
  isLost,
  sandboxAt,
  withUndoFailures,
  write,
} from "./context.ts";
import { addressOf, attach, detach, detachLost, planEndpoint } from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import type { Connection } from "./gateway.ts";
import { recordOf } from "./keys.ts";
import type { Endpoint, Network, Sandbox } from "./model.ts";
import { networkHere } from "./networks.ts";
import { movePorts } from "./publishing.ts";
import { writeFiles, writeFilesOfLinked } from "./sandbox-files.ts";
import type { ConnectRequest } from "./sandbox-options.ts";
import { checkTargets } from "./sandbox-plan.ts";
import { sandboxRoutes, setSandboxRoutes } from "./sandbox-routes.ts";
import type { Condition } from "./store/store.ts";
import { isWayOut, needsWayOut, wayOut, wayOutRequest } from "./way-out.ts";

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
    return await onParts(context, fence, [references.network], async () => {
      const network = await networkHere(context, fence, caller, references.network);
      checkTargets(context, caller, name, network, request);
      const connection = await connectOne(context, fence, sandbox, network, request);
      await openWayOut(context, fence, sandbox, connection);
      return connection.endpoint;
    });
  });
}

/** Connects a sandbox with a network of the host. What fails is undone. */
async function connectOne(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
  network: Network,
  request: ConnectRequest,
): Promise<Connection> {
  const caller = "connect";
  const namespace = await context.namespaces.open(sandbox);
  const before = connectionsOf(context, sandbox);
  const taken = new Set(before.map(({ endpoint }) => endpoint.link));
  const plan = planEndpoint(context, caller, { sandbox, network, request, taken });
  const [connection] = await allocate(context, caller, fence, [plan], (endpoints) => ({
    put: endpoints.map((each) => recordOf(context.keys, "endpoints", "making", each)),
  }));
  if (connection === undefined) throw new Error("connect: no endpoint was planned");
  const { endpoint } = connection;
  const after = [...before, connection];
  try {
    const attached = attach(context, namespace, connection);
    const routes = [sandboxRoutes(before), sandboxRoutes(after)] as const;
    await allEnded([
      attached.then(() => setSandboxRoutes(namespace, ...routes)),
      attached.then(() => context.spreading.join(endpoint)),
      movePorts(context, sandbox, before, after, attached),
      writeFiles(context, sandbox),
    ]);
    const record = recordOf(context.keys, "endpoints", "made", endpoint);
    await announce(context, caller, fence, sandbox, [connection], { put: [record] });
    await Promise.all([
      context.names.settled(sandbox.id),
      writeFilesOfLinked(context, sandbox, [network]),
    ]);
    return connection;
  } catch (error) {
    const place = { namespace, connection, before };
    const failures = await undoConnect(context, fence, sandbox, place);
    if (failures.some(isLost)) await detachLost(context, connection).catch(() => undefined);
    throw withUndoFailures(asNetworkError(caller, sandbox.name, error), failures);
  }
}

/** Connects a sandbox with the bridge that leads out, if it needs that with its new connection. */
async function openWayOut(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
  connection: Connection,
): Promise<void> {
  const networks = connectionsOf(context, sandbox).map(({ network }) => network);
  if (networks.some(isWayOut) || !needsWayOut(networks)) return;
  try {
    const bridge = await networkHere(context, fence, "connect", wayOut);
    await connectOne(context, fence, sandbox, bridge, wayOutRequest);
  } catch (error) {
    const failures = await leave(context, fence, sandbox, connection);
    throw withUndoFailures(asNetworkError("connect", sandbox.name, error), failures);
  }
}

/** Ends one of a sandbox's connections. Returns what failed. */
async function leave(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
  connection: Connection,
): Promise<unknown[]> {
  const { id } = connection.endpoint;
  const before = connectionsOf(context, sandbox).filter(({ endpoint }) => endpoint.id !== id);
  const namespace = await context.namespaces.find(sandbox);
  return await undoConnect(context, fence, sandbox, { namespace, connection, before });
}

/** Makes default routes and published ports go by other connections. */
async function reroute(
  context: Context,
  sandbox: Sandbox,
  namespace: Namespace | undefined,
  {
    before,
    after,
  }: { readonly before: readonly Connection[]; readonly after: readonly Connection[] },
): Promise<void> {
  await allEnded([
    namespace && setSandboxRoutes(namespace, sandboxRoutes(before), sandboxRoutes(after)),
    movePorts(context, sandbox, before, after),
  ]);
}

/**
 * Writes down that an endpoint goes, and has it go. What cannot be written down is not done. Returns
 * what failed.
 */
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
  try {
    await write(context, fence, { put: [record], delete: memberKeys(context, [endpoint]) });
  } catch (error) {
    context.lock.retake();
    return [error];
  }
  await context.spreading.leave(endpoint, namespace).catch(note);
  await reroute(context, sandbox, namespace, { before: after, after: before }).catch(note);
  await writeFiles(context, sandbox).catch(note);
  await detach(context, namespace, connection).catch(note);
  await context.firewall.forget(endpoint.addresses.map(addressOf)).catch(note);
  await context.names.settled(sandbox.id).catch(note);
  if (failures.length > 0) {
    context.lock.retake();
    return failures;
  }
  await release(context, fence, connection).catch(note);
  await writeFilesOfLinked(context, sandbox, [connection.network]).catch(note);
  failures.push(...(await dropUnused(context, fence, [connection.network]).catch((one) => [one])));
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
    const failures = await leave(context, fence, sandbox, connection);
    const [failure, ...more] = [...failures, ...(await closeWayOut(context, fence, sandbox))];
    if (failure !== undefined) {
      throw withUndoFailures(asNetworkError(caller, name, failure), more);
    }
  });
}

/** Takes a sandbox off the bridge that leads out, if it needs that no more. Returns what failed. */
async function closeWayOut(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
): Promise<unknown[]> {
  const connections = connectionsOf(context, sandbox);
  const bridge = connections.find(({ network }) => isWayOut(network));
  if (bridge === undefined || needsWayOut(connections.map(({ network }) => network))) return [];
  return await leave(context, fence, sandbox, bridge);
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

/** Takes a sandbox off a network of which others have its address by now, or that is gone. */
export async function giveUp(
  context: Context,
  fence: Condition,
  { id, sandbox: of }: Endpoint,
): Promise<unknown[]> {
  const { plan, turns } = context;
  const name = plan.sandboxes.get(of)?.value.name;
  if (name === undefined) return [];
  return await turns.take([`sandbox ${name}`], async () => {
    const planned = plan.endpoints.get(id);
    const sandbox = plan.sandboxes.get(of)?.value;
    // Whoever had the turn before may have done it.
    if (planned?.state !== "made" || sandbox === undefined) return [];
    const failures = await undoEndpoint(context, fence, planned.value);
    return [...failures, ...(await closeWayOut(context, fence, sandbox))];
  });
}
