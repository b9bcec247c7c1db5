// What happens to networks and sandboxes, as events.

import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./context.ts";
import { NetworkError } from "./errors.ts";
import type { Endpoint, Network, Planned, Sandbox, Service } from "./model.ts";
import type { PlanChange } from "./plan.ts";

/** Something that happened, under Docker's names for it. */
export type NetworkEvent = { readonly time: Date } & (
  | { readonly type: "network"; readonly action: "create" | "destroy"; readonly network: Network }
  | { readonly type: "sandbox"; readonly action: "create" | "destroy"; readonly sandbox: Sandbox }
  | { readonly type: "service"; readonly action: "create" | "destroy"; readonly service: Service }
  | {
      readonly type: "network";
      readonly action: "connect" | "disconnect";
      readonly network: Network;
      readonly sandbox: Sandbox;
      readonly endpoint: Endpoint;
    }
);

function transition<T>(
  before: Planned<T> | undefined,
  after: Planned<T> | undefined,
): { readonly came: boolean; readonly value: T } | undefined {
  const was = before?.state === "made";
  const is = after?.state === "made";
  const value = (after ?? before)?.value;
  return was === is || value === undefined ? undefined : { came: is, value };
}

/** The event that a change of the plan is, if it is one. */
function eventOf({ plan }: Context, change: PlanChange): NetworkEvent | undefined {
  const time = new Date();
  if (change.noun === "endpoints") {
    const moved = transition(change.before, change.after);
    const network = moved && plan.networks.get(moved.value.network)?.value;
    const sandbox = moved && plan.sandboxes.get(moved.value.sandbox)?.value;
    if (moved === undefined || network === undefined || sandbox === undefined) return undefined;
    const action = moved.came ? "connect" : "disconnect";
    return { time, type: "network", action, network, sandbox, endpoint: moved.value };
  }
  if (change.noun === "networks") {
    const moved = transition(change.before, change.after);
    const action = moved?.came ? "create" : "destroy";
    return moved && { time, type: "network", action, network: moved.value };
  }
  if (change.noun === "services") {
    const moved = transition(change.before, change.after);
    const action = moved?.came ? "create" : "destroy";
    return moved && { time, type: "service", action, service: moved.value };
  }
  const moved = transition(change.before, change.after);
  const action = moved?.came ? "create" : "destroy";
  return moved && { time, type: "sandbox", action, sandbox: moved.value };
}

/** The events from now on, whoever causes them. */
export async function* watchPlan(
  context: Context,
  signal: AbortSignal | undefined,
): AsyncGenerator<NetworkEvent, void> {
  const { plan } = context;
  await plan.refresh();
  const heard: NetworkEvent[] = [];
  const stop = plan.listen((change) => {
    const event = eventOf(context, change);
    if (event !== undefined) heard.push(event);
  });
  try {
    // The commits wake; what they change is told by the plan, in order and each once.
    for await (const _ of awakenings(context, signal)) {
      while (heard.length > 0) yield heard.shift() as NetworkEvent;
    }
  } finally {
    stop();
  }
}

/** Milliseconds until a store that was not to be had is asked again. */
const pauseMs = 500;

/** Yields whenever the plan may have changed, and has caught up; also after the store was away. */
async function* awakenings(
  { plan, store, keys }: Context,
  signal: AbortSignal | undefined,
): AsyncGenerator<void, void> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      const { revision } = await store.list(keys.lock);
      if (!isFirst) await plan.refresh();
      yield;
      const options = { prefix: keys.prefix, after: revision, ...(signal && { signal }) };
      for await (const _ of store.watch(options)) {
        await plan.refresh();
        yield;
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const code = error instanceof NetworkError ? error.code : undefined;
      if (!isFirst && code === "STORE_CLOSED") return;
      if (code !== "STORE_FAILED" && code !== "STORE_COMPACTED") throw error;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
