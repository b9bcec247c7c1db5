// What all operations on one host share.

import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Namespace } from "../rtnl/namespace.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Driver } from "./drivers/driver.ts";
import { NetworkError } from "./errors.ts";
import type { HostSettings } from "./host-settings.ts";
import type { Ipam } from "./ipam/ipam.ts";
import { type Keys, type NounName, type Nouns, recordOf } from "./keys.ts";
import { type HostLock, lockLost } from "./lock.ts";
import type { Network, Planned, Sandbox, State } from "./model.ts";
import type { Names } from "./names.ts";
import type { Firewall } from "./nat/firewall.ts";
import type { Places } from "./places.ts";
import type { Plan } from "./plan.ts";
import type { PortBook } from "./ports.ts";
import type { SandboxNamespaces } from "./sandbox-namespaces.ts";
import type { Spreading } from "./spreading.ts";
import type { Commit, Condition, Store } from "./store/store.ts";
import type { Turns } from "./turns.ts";

/** The rooms that a controller has put together. */
export interface Context {
  readonly host: Namespace;
  readonly store: Store;
  readonly keys: Keys;
  readonly plan: Plan;
  readonly lock: HostLock;
  readonly turns: Turns;
  readonly ipam: Ipam;
  readonly cluster: Cluster;
  readonly firewall: Firewall;
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly names: Names;
  readonly ports: PortBook;
  readonly places: Places;
  readonly spreading: Spreading;
  readonly settings: HostSettings;
  readonly namespaces: SandboxNamespaces;
  /** The networks whose bridges are known to route answers to 127.0.0.0/8. */
  readonly loopbackRouted: Set<string>;
}

/** 64 hex digits, as Docker has them. */
export function newId(): string {
  return randomBytes(32).toString("hex");
}

/**
 * Writes to the plan, under the lock. Returns the first condition that does not hold, in which case
 * nothing was written.
 *
 * @throws {NetworkError} `LEASE_LOST` if another controller has the lock by now.
 */
export async function write(
  context: Context,
  fence: Condition,
  commit: Commit,
): Promise<Condition | undefined> {
  const { store, plan } = context;
  const outcome = await store
    .commit({ ...commit, if: [fence, ...(commit.if ?? [])] })
    .catch((error: unknown) => {
      // Nobody knows whether it was made: whoever comes next looks at what is half-made.
      context.lock.retake();
      const isLost = error instanceof NetworkError && error.code === "LEASE_LOST";
      // Of all that is put, only what is for other hosts hangs on a lease.
      throw isLost ? context.cluster.absent("write", error) : error;
    });
  if (!outcome.committed) {
    if (!isDeepStrictEqual(outcome.conflict, fence)) return outcome.conflict;
    throw lockLost("write");
  }
  const deletions = (commit.delete ?? []).map((key) => ({ key }));
  plan.learn(outcome.revision, [...(commit.put ?? []), ...deletions]);
  return undefined;
}

/** Whether something failed because somebody else has the lock by now. */
export function isLost(error: unknown): boolean {
  return error instanceof NetworkError && error.code === "LEASE_LOST";
}

/** Writes how far nouns are, in one step. */
export async function writeState<N extends NounName>(
  context: Context,
  fence: Condition,
  noun: N,
  state: State,
  value: Nouns[N],
): Promise<void> {
  await write(context, fence, { put: [recordOf(context.keys, noun, state, value)] });
}

/** Finds by name, by id, or by the beginning of an id that only one has. */
function referred<T extends { readonly id: string }>(
  byName: Planned<T> | undefined,
  all: ReadonlyMap<string, Planned<T>>,
  reference: string,
): Planned<T> | undefined {
  const exact = byName ?? all.get(reference);
  if (exact !== undefined || !/^[0-9a-f]{2,64}$/.test(reference)) return exact;
  const [found, ...others] = [...all.values()].filter(({ value }) =>
    value.id.startsWith(reference),
  );
  return others.length === 0 ? found : undefined;
}

/** The network that a name, an id or its beginning stands for on this host, however far it is. */
export function findNetwork(
  { plan }: Pick<Context, "plan">,
  reference: string,
): Planned<Network> | undefined {
  return referred(plan.network(reference), plan.networks, reference);
}

/** @throws {NetworkError} `NETWORK_MISSING` */
export function networkAt(context: Context, operation: string, reference: string): Network {
  const found = findNetwork(context, reference);
  if (found?.state === "made") return found.value;
  const reason = "there is no such network";
  throw new NetworkError("NETWORK_MISSING", { operation, subject: reference, reason });
}

/** The sandbox that a name, an id or its beginning stands for, however far it is. */
export function findSandbox(
  { plan }: Pick<Context, "plan">,
  reference: string,
): Planned<Sandbox> | undefined {
  return referred(plan.sandbox(reference), plan.sandboxes, reference);
}

/** @throws {NetworkError} `SANDBOX_MISSING` */
export function sandboxAt(context: Context, operation: string, reference: string): Sandbox {
  const found = findSandbox(context, reference);
  if (found?.state === "made") return found.value;
  const reason = "there is no such sandbox";
  throw new NetworkError("SANDBOX_MISSING", { operation, subject: reference, reason });
}

/** The driver of a network. @throws {NetworkError} `DRIVER_MISSING` */
export function driverOf(
  context: Context,
  operation: string,
  { name, driver }: Pick<Network, "name" | "driver">,
): Driver {
  const found = context.drivers.get(driver);
  if (found !== undefined) return found;
  const reason = `there is no driver ${JSON.stringify(driver)}`;
  throw new NetworkError("DRIVER_MISSING", { operation, subject: name, reason });
}

/** A failure of the kernel or of a driver, as one of the model's; others as they are. */
export function asNetworkError(operation: string, subject: string, cause: unknown): Error {
  if (!(cause instanceof Error)) return new Error(String(cause));
  const isBadArgument = "code" in cause && String(cause.code).startsWith("ERR_");
  if (cause instanceof NetworkError || isBadArgument) return cause;
  return new NetworkError("DRIVER_FAILED", { operation, subject, reason: cause.message, cause });
}

/** A failure, and what could not be undone after it, which does not hide it. */
export function withUndoFailures(error: Error, failures: readonly unknown[]): Error {
  if (failures.length === 0) return error;
  const causes = [error.cause ?? error, ...failures];
  error.cause = new AggregateError(causes, "and not all of it could be undone");
  return error;
}
