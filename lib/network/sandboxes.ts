// Sandboxes: made, adopted, removed.

import { NetlinkError } from "../errors.ts";
import { setSysctl } from "../rtnl/forwarding.ts";
import { listLinks } from "../rtnl/link.ts";
import { type Namespace, openNamespace } from "../rtnl/namespace.ts";
import { allEnded } from "../values/all-ended.ts";
import { dropUnused, onParts } from "./cluster/parts.ts";
import { allocate, announce, connectionsOf, recordsOf, release } from "./connections.ts";
import {
  asNetworkError,
  type Context,
  findSandbox,
  isLost,
  sandboxAt,
  withUndoFailures,
  write,
} from "./context.ts";
import { addressOf, attach, detach, detachLost, planEndpoint } from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import type { Connection } from "./gateway.ts";
import type { Network, Sandbox } from "./model.ts";
import { stopRedirecting } from "./nat/sandbox.ts";
import { publishPorts, unpublishPorts } from "./publishing.ts";
import { removeFiles, writeFiles, writeFilesOfLinked } from "./sandbox-files.ts";
import type { AdoptOptions, SandboxRequest } from "./sandbox-options.ts";
import { planSandbox, type SandboxPlace } from "./sandbox-plan.ts";
import { sandboxRoutes, setSandboxRoutes } from "./sandbox-routes.ts";
import type { Condition } from "./store/store.ts";

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
    const isMissing = cause instanceof NetlinkError && ["ENOENT", "EINVAL"].includes(cause.code);
    if (!isMissing) throw asNetworkError(caller, String(request.name), cause);
    const reason = "there is no such namespace";
    const details = { operation: caller, subject: request.name, reason, cause };
    throw new NetworkError("NAMESPACE_MISSING", details);
  });
  await using namespace = opened;
  const links = (await listLinks(namespace)).map(({ name }) => name);
  return await make(context, caller, fence, request, { namespace: lastingPlace(place), links });
}

/** A new sandbox's turns: its own, and that of the one which it joins, so that this one stays. */
function turnsOf(context: Context, { name, joins }: SandboxRequest): string[] {
  const target = joins === undefined ? undefined : findSandbox(context, joins)?.value;
  const owner =
    target?.joins === undefined ? target : context.plan.sandboxes.get(target.joins)?.value;
  return [name, owner?.name ?? joins].flatMap((each) =>
    each === undefined ? [] : `sandbox ${each}`,
  );
}

async function make(
  context: Context,
  caller: string,
  fence: Condition,
  request: SandboxRequest,
  place: SandboxPlace | undefined,
): Promise<Sandbox> {
  const networks = request.networks.map(({ network }) => network);
  return await context.turns.take(turnsOf(context, request), () =>
    onParts(context, fence, networks, () => makeOne(context, caller, fence, request, place)),
  );
}

async function makeOne(
  context: Context,
  caller: string,
  fence: Condition,
  request: SandboxRequest,
  place: SandboxPlace | undefined,
): Promise<Sandbox> {
  const planned = await planSandbox(context, caller, fence, request, place);
  const { sandbox, plans, done } = planned;
  try {
    const connections = await allocate(context, caller, fence, plans, (endpoints) =>
      recordsOf(context, "making", sandbox, endpoints),
    );
    try {
      await build(context, sandbox, connections);
      const endpoints = connections.map(({ endpoint }) => endpoint);
      const made = recordsOf(context, "made", sandbox, endpoints);
      await announce(context, caller, fence, sandbox, connections, made);
      await Promise.all([
        context.names.settled(sandbox.id),
        writeFilesOfLinked(context, sandbox, networksOf(connections)),
      ]);
      return sandbox;
    } catch (error) {
      const failures = await removeSandbox(context, fence, sandbox);
      if (failures.some(isLost)) await abandon(context, sandbox, connections);
      throw withUndoFailures(asNetworkError(caller, sandbox.name, error), failures);
    }
  } finally {
    done();
  }
}

/** Leaves a sandbox that another controller has undone, and takes along what came too late for it. */
async function abandon(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): Promise<void> {
  const late = connections.map((each) => detachLost(context, each));
  await Promise.allSettled([...late, context.namespaces.abandon(sandbox)]);
}

function networksOf(connections: readonly Connection[]): Network[] {
  return connections.map(({ network }) => network);
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
  context.lock.check("createSandbox");
  const namespace = await (adopted ? namespaces.open(sandbox) : namespaces.create(sandbox));
  context.names.expect(sandbox.id);
  const attached = connectAll(context, namespace, connections);
  await allEnded([
    ...Object.entries(sysctls).map(([name, value]) => setSysctl(namespace, name, value)),
    attached,
    publishPorts(context, sandbox, connections, attached),
    writeFiles(context, sandbox),
  ]);
}

async function connectAll(
  context: Context,
  namespace: Namespace,
  connections: readonly Connection[],
): Promise<void> {
  await allEnded(connections.map((connection) => attach(context, namespace, connection)));
  await setSandboxRoutes(namespace, [], sandboxRoutes(connections));
  await allEnded(connections.map(({ endpoint }) => context.spreading.join(endpoint)));
}

/**
 * Writes down that a sandbox and its connections go, and has them go. What cannot be written down is
 * not done. Returns what failed.
 */
export async function removeSandbox(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
): Promise<unknown[]> {
  const connections = connectionsOf(context, sandbox, ["making", "made", "deleting"]);
  const endpoints = connections.map(({ endpoint }) => endpoint);
  try {
    await write(context, fence, recordsOf(context, "deleting", sandbox, endpoints));
  } catch (error) {
    context.lock.retake();
    return [error];
  }
  const failures = await tearDownSandbox(context, fence, sandbox);
  if (failures.length > 0) context.lock.retake();
  return failures;
}

/**
 * Takes away whatever there is of a sandbox that is not `made` any more, in the kernel and the plan.
 * Returns what failed; the sandbox then stays in the plan as it is.
 */
async function tearDownSandbox(
  context: Context,
  fence: Condition,
  sandbox: Sandbox,
): Promise<unknown[]> {
  const { namespaces, firewall, plan, keys } = context;
  const connections = connectionsOf(context, sandbox, ["making", "made", "deleting"]);
  const endpoints = connections.map(({ endpoint }) => endpoint);
  const failures: unknown[] = [];
  const note = (error: unknown) => failures.push(error);
  if (sandbox.namespace !== undefined) {
    // The kernel clears a namespace away when it likes: what nothing on the host takes along is
    // deleted inside.
    const isLeft = sandbox.adopted || endpoints.some(({ hostLink }) => hostLink === undefined);
    const namespace = isLeft ? await namespaces.find(sandbox) : undefined;
    await context.names.settled(sandbox.id).catch(note);
    const lasting = sandbox.adopted ? namespace : undefined;
    const leaving = endpoints.map((each) => context.spreading.leave(each, lasting));
    await allEnded(leaving).catch(note);
    await Promise.all([
      unpublishPorts(context, sandbox, connections).catch(note),
      removeFiles(sandbox).catch(note),
      ...connections.map((each) => detach(context, namespace, each).catch(note)),
    ]);
    if (!sandbox.adopted) {
      await namespaces.delete(sandbox).catch(note);
    } else if (namespace !== undefined) {
      await setSandboxRoutes(namespace, sandboxRoutes(connections), []).catch(note);
      // Of whoever served names there, who may have ended without taking it back.
      await stopRedirecting(namespace).catch(note);
      await namespaces.close(sandbox.id);
    }
    const addresses = endpoints.flatMap((each) => each.addresses.map(addressOf));
    await firewall.forget(addresses).catch(note);
  }
  if (failures.length > 0) return failures;
  try {
    for (const connection of connections) await release(context, fence, connection);
    await write(context, fence, { delete: [keys.of("sandboxes", sandbox)] });
    await plan.refresh();
    await writeFilesOfLinked(context, sandbox, networksOf(connections));
    failures.push(...(await dropUnused(context, fence, networksOf(connections))));
  } catch (error) {
    note(error);
  }
  return failures;
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
    const [failure, ...more] = await removeSandbox(context, fence, sandbox);
    if (failure === undefined) return sandbox;
    throw withUndoFailures(asNetworkError(caller, name, failure), more);
  });
}
