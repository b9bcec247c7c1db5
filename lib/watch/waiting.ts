// How to wait for something that a watcher tells of: until it is so, too late, or aborted.

import { invalidArgument, refuseUnknown, WaitTimeoutError } from "../errors.ts";
import { formatCidr, parseCidr } from "../values/cidr.ts";
import type { WatchEvent } from "./events.ts";
import { checkSignal } from "./options.ts";
import type { Watcher } from "./watch.ts";

/** When waiting is given up. */
export interface WaitOptions {
  /** Aborts it; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds, 1 to 2147483647. Default: none. */
  readonly timeoutMs?: number;
}

/** The same, checked. */
export interface Limits {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** Checks limits. */
export function limitsOf(options: WaitOptions): Limits {
  refuseUnknown("options", options, ["signal", "timeoutMs"]);
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && typeof timeoutMs !== "number") {
    throw invalidArgument("type", "timeoutMs", "must be a number");
  }
  if (timeoutMs !== undefined && !(timeoutMs >= 1 && timeoutMs <= 0x7fffffff)) {
    throw invalidArgument("range", "timeoutMs", "must be from 1 to 2147483647");
  }
  return { signal: checkSignal(options.signal), timeoutMs };
}

/** What is waited for. */
export interface Search<Found> {
  readonly operation: string;
  /** Takes in an event. */
  take(event: WatchEvent): void;
  /** What was found, if it is there by now. */
  found(): { readonly it: Found } | undefined;
  /** What there is instead, for the error. */
  instead(): object | undefined;
}

/** Follows a watcher that begins with a snapshot, until something is found. */
async function seek<Found>(watcher: Watcher, search: Search<Found>): Promise<Found | undefined> {
  let synced = false;
  for await (const event of watcher) {
    search.take(event);
    synced ||= event.type === "synced";
    const found = synced ? search.found() : undefined;
    if (found !== undefined) return found.it;
  }
  return undefined;
}

/** Waits by a watcher that begins with a snapshot, and closes it. */
export async function waitWith<Found>(
  watcher: Watcher,
  { signal, timeoutMs }: Limits,
  search: Search<Found>,
): Promise<Found> {
  let tidy = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    const abort = () => reject(signal?.reason);
    const expire = () =>
      reject(new WaitTimeoutError(search.operation, timeoutMs ?? 0, search.instead()));
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    signal?.addEventListener("abort", abort);
    tidy = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    // The watcher ends by being closed, which is below, so that something was found here.
    return (await Promise.race([seek(watcher, search), givenUp])) as Found;
  } finally {
    tidy();
    await watcher.close();
  }
}

/** A text of an address in the kernel's form; with its prefix length, if that is given. */
export function canonicalAddress(property: string, text: unknown): string {
  try {
    if (typeof text !== "string") throw invalidArgument("type", property, "must be a string");
    return text.includes("/") ? formatCidr(parseCidr(text)) : parseCidr(text).address;
  } catch (error) {
    throw renamed(property, error);
  }
}

/** An error of parseCidr under the name that the argument has here. */
export function renamed(property: string, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return invalidArgument("range", property, error.message.replace(/^cidr: /, ""));
}
