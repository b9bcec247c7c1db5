// Everything gone: sandboxes, networks, settings.

import { type Context, withUndoFailures } from "./context.ts";
import { removeNetwork } from "./networks.ts";
import { removeSandbox } from "./sandboxes.ts";
import { removeService } from "./services.ts";
import type { Condition } from "./store/store.ts";

/** Removes all sandboxes, then all services and networks; those that share a namespace before its owner. */
export async function purge(context: Context, fence: Condition): Promise<void> {
  const { plan } = context;
  const sandboxes = [...plan.sandboxes.values()].map(({ value }) => value);
  const joined = sandboxes.filter(({ joins }) => joins !== undefined);
  const owners = sandboxes.filter(({ joins }) => joins === undefined);
  const failures: unknown[] = [];
  for (const some of [joined, owners]) {
    const results = await Promise.all(some.map((one) => removeSandbox(context, fence, one)));
    failures.push(...results.flat());
  }
  for (const { value } of [...plan.services.values()]) {
    failures.push(...(await removeService(context, fence, value)));
  }
  for (const { value } of [...plan.networks.values()]) {
    failures.push(...(await removeNetwork(context, fence, value)));
  }
  const [first, ...more] = failures;
  if (first === undefined) return;
  throw first instanceof Error ? withUndoFailures(first, more) : first;
}
