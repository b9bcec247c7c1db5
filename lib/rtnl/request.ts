// The one way to ask something of a namespace, and what becomes of a refusal.

import { DeadlineError, errorOfRefusal, isRefusal } from "../errors.ts";
import { native } from "../native.ts";
import type { Namespace } from "./namespace.ts";
import type { OperationName, Operations } from "./operations.ts";

/** When a call is given up. */
export interface CallLimits {
  /** Drops what was not yet sent when it is aborted. */
  readonly signal?: AbortSignal;
  /** Milliseconds that each call has, from when it was made. */
  readonly timeoutMs?: number;
}

/**
 * Carries out one operation in a namespace: one round trip to the kernel.
 *
 * The functions of the nouns are its public form.
 */
export async function request<Name extends OperationName>(
  namespace: Namespace,
  operation: Name,
  record: Operations[Name]["takes"],
): Promise<Operations[Name]["gives"]> {
  // Whether it is a namespace at all, the native layer says.
  const limits = namespace?.limits;
  const answer =
    limits === undefined
      ? native().request(namespace, operation, record)
      : requestWithin(limits, namespace, operation, record);
  try {
    // The native schema and this map are compared by a test; here is the one place that relies on it.
    return (await answer) as Operations[Name]["gives"];
  } catch (error) {
    // Not by `explained`, whose frame would make every queued call a third larger.
    throw isRefusal(error) ? errorOfRefusal(operation, subjectOf(record), error) : error;
  }
}

/** Turns a native refusal into the error to throw, here, where the caller's stack still shows. */
export async function explained<T>(
  operation: string,
  subject: string | undefined,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isRefusal(error) ? errorOfRefusal(operation, subject, error) : error;
  }
}

/** What a record is about, for the error's message. */
function subjectOf(record: object): string | undefined {
  const about: { name?: unknown; address?: unknown; to?: unknown; link?: unknown } = record;
  for (const value of [about.name, about.address, about.to, about.link]) {
    if (typeof value === "string") return value;
    if (typeof value === "number") return `index ${value}`;
    if (typeof value !== "object" || value === null) continue;
    if ("name" in value && typeof value.name === "string") return value.name;
    if ("index" in value && typeof value.index === "number") return `index ${value.index}`;
  }
  return undefined;
}

/** The states of a call's token, as native/binding/request_job.cpp knows them. */
const queued = 0;
const dropped = 2;

/** A request that a signal or a deadline can give up. */
async function requestWithin(
  { signal, timeoutMs }: CallLimits,
  namespace: Namespace,
  operation: string,
  record: object,
): Promise<unknown> {
  signal?.throwIfAborted();
  const token = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const drop = () => Atomics.compareExchange(token, 0, queued, dropped) === queued;
  const answer = native().request(namespace, operation, record, token);
  let tidy = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    const abort = () => drop() && reject(signal?.reason);
    const expire = () => reject(new DeadlineError(operation, timeoutMs ?? 0, !drop()));
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    signal?.addEventListener("abort", abort);
    tidy = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([answer, givenUp]);
  } finally {
    tidy();
  }
}
