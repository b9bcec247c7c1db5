// The handle of a lease, which renews it; the same for every store.

import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { NetworkError } from "../errors.ts";
import type { Lease, LeaseOptions } from "./store.ts";

/** What a lease needs of its store. */
export interface LeaseKeeper {
  /** Renews it; false if it has ended. */
  renew(id: string): Promise<boolean>;
  /** Ends it and deletes its keys. */
  revoke(id: string): Promise<void>;
  /** Lets it run out, where it would go on without being renewed. */
  leave?(id: string): void;
}

/** The time to live that the options say. */
export function checkedTtl(options: LeaseOptions): number {
  refuseUnknown("options", options, ["ttlMs"]);
  const { ttlMs = 10_000 } = options;
  if (typeof ttlMs !== "number") throw invalidArgument("type", "ttlMs", "must be a number");
  if (!Number.isInteger(ttlMs) || ttlMs < 100 || ttlMs > 3_600_000) {
    throw invalidArgument("range", "ttlMs", "must be an integer from 100 to 3600000");
  }
  return ttlMs;
}

/** The milliseconds since the machine was started, the same for all its processes. */
export function uptimeMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** The refusal of what a lease is needed for that has ended. */
export function leaseLost(operation: string, id: string): NetworkError {
  const reason = "the lease was closed, or not renewed in time";
  return new NetworkError("LEASE_LOST", { operation, subject: id, reason });
}

/** A lease that this process holds. */
export class HeldLease implements Lease {
  readonly id: string;
  readonly #ttlMs: number;
  readonly #keeper: LeaseKeeper;
  readonly #ending = new AbortController();
  #renewedAt: number;
  #timer: NodeJS.Timeout;

  /** @param begun when it was asked for, as {@link uptimeMs} tells it */
  constructor(id: string, ttlMs: number, keeper: LeaseKeeper, begun: number = uptimeMs()) {
    this.id = id;
    this.#ttlMs = ttlMs;
    this.#keeper = keeper;
    this.#renewedAt = begun;
    this.#timer = this.#renewal();
  }

  /** Looked at, it tells the truth at once: a process that was stopped has not run its timers yet. */
  get ended(): AbortSignal {
    const { signal } = this.#ending;
    if (!signal.aborted && uptimeMs() - this.#renewedAt >= this.#ttlMs) this.lose();
    return this.#ending.signal;
  }

  #renewal(): NodeJS.Timeout {
    return setTimeout(() => void this.#renew(), this.#ttlMs / 3).unref();
  }

  /** If the store fails, the next call hears of it; the lease runs on until its time is over. */
  async #renew(): Promise<void> {
    if (this.ended.aborted) return;
    const now = uptimeMs();
    // The store may take longer to answer than there is time left.
    const late = setTimeout(() => void this.ended, this.#renewedAt + this.#ttlMs - now).unref();
    const renewed = await this.#keeper.renew(this.id).catch(() => undefined);
    clearTimeout(late);
    if (renewed) this.#renewedAt = now;
    if (renewed === false || uptimeMs() - this.#renewedAt >= this.#ttlMs) this.lose();
    else if (!this.ended.aborted) this.#timer = this.#renewal();
  }

  /** Tells the owner that it was lost. */
  lose(): void {
    this.#end(leaseLost("openLease", this.id));
  }

  #end(reason?: NetworkError): void {
    clearTimeout(this.#timer);
    this.#ending.abort(reason);
  }

  leave(): void {
    if (this.ended.aborted) return;
    this.#end();
    this.#keeper.leave?.(this.id);
  }

  async close(): Promise<void> {
    if (this.ended.aborted) return;
    this.#end();
    await this.#keeper.revoke(this.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
