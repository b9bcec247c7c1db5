// Who may change the plan of a host, and its kernel: one controller at a time.

import { setTimeout as sleep } from "node:timers/promises";
import { NetworkError } from "./errors.ts";
import type { Keys } from "./keys.ts";
import type { Condition, Lease, Store } from "./store/store.ts";

/** What is to be said when somebody else has the lock by now. */
export function lockLost(operation: string, cause?: unknown): NetworkError {
  const reason = "another controller took over the host";
  return new NetworkError("LEASE_LOST", { operation, reason, cause });
}

/** Whether a lease has ended because it was not renewed, and not because it was closed. */
function isLoss({ ended }: Lease): boolean {
  return ended.aborted && ended.reason instanceof NetworkError;
}

/** What a lock needs. */
export interface LockOptions {
  readonly store: Store;
  readonly keys: Keys;
  /** Milliseconds that a call waits for other controllers before it is refused as `STORE_BUSY`. */
  readonly waitMs: number;
  /** What to do with the lock before any call: to catch up with what others did. */
  readonly prepare: (fence: Condition) => Promise<void>;
}

/** The lock as this controller has it. */
interface Held {
  readonly lease: Lease;
  /** Holds as long as nobody else got the lock: a condition of every commit made with it. */
  readonly fence: Condition;
  /** Ends the watch for those who wait. */
  readonly watching: AbortController;
}

/** After so long the controller that waited is taken for gone. */
const courtesyMs = 1000;

/**
 * The lock of a host. A controller takes it with its first change and keeps it, so that further ones
 * cost nothing; it gives it away, between two changes, when another controller waits for it.
 *
 * It hangs on a lease: it is free again when the process that has it ends, however it ends.
 */
export class HostLock {
  readonly #options: LockOptions;
  #held: Held | undefined;
  /** That of the lock that this controller has, or is about to have. */
  #lease: Lease | undefined;
  #taking: Promise<void> | undefined;
  #releasing: Promise<void> | undefined;
  #users = 0;
  /** Another controller waits: nothing new is begun until it has had the lock. */
  #yielding = false;
  #courteous = false;
  #closed = false;

  constructor(options: LockOptions) {
    this.#options = options;
  }

  /**
   * Does work with the lock; several calls of one controller side by side. Every commit of it is to
   * have the `fence` among its conditions.
   *
   * @throws {NetworkError} `STORE_BUSY` if another controller kept the lock for too long; `LEASE_LOST`
   *   for whatever failed after another one took it over.
   */
  async use<T>(operation: string, work: (fence: Condition) => Promise<T>): Promise<T> {
    const held = await this.#enter(operation);
    try {
      return await work(held.fence);
    } catch (error) {
      const isKnown = error instanceof NetworkError && error.code === "LEASE_LOST";
      throw isLoss(held.lease) && !isKnown ? lockLost(operation, error) : error;
    } finally {
      this.#users -= 1;
      // If the store fails, the lease runs out by itself; what the work came to is what counts.
      if (this.#users === 0 && this.#yielding) await this.#release().catch(() => undefined);
    }
  }

  /**
   * That nobody else has the lock, as far as a clock can tell: for what is about to be done to the
   * kernel, which asks for no condition. A process that was stopped for longer than its lease would
   * otherwise go on with what another controller has undone meanwhile.
   *
   * @throws {NetworkError} `LEASE_LOST`
   */
  check(operation: string): void {
    if (this.#lease !== undefined && isLoss(this.#lease)) throw lockLost(operation);
  }

  /** Has the lock taken anew by the next work, so that what could not be undone is looked at again. */
  retake(): void {
    if (this.#held !== undefined) this.#yielding = true;
  }

  /** Waits for the work that is being done, and gives the lock away. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#yielding = true;
    while (this.#users > 0) await sleep(1);
    await this.#taking?.catch(() => undefined);
    await this.#release();
  }

  async #enter(operation: string): Promise<Held> {
    for (;;) {
      if (this.#closed) {
        const reason = "the controller was closed";
        throw new NetworkError("STORE_CLOSED", { operation, reason });
      }
      const held = this.#held;
      if (held?.lease.ended.aborted) {
        // What was begun with the lock that was lost, ends before there is another one.
        if (this.#users > 0) await sleep(1);
        else this.#forget(held);
      } else if (held !== undefined && !this.#yielding) {
        this.#users += 1;
        return held;
      } else if (held !== undefined) {
        await (this.#releasing ?? sleep(1));
      } else {
        this.#taking ??= this.#take(operation).finally(() => {
          this.#taking = undefined;
        });
        await this.#taking;
      }
    }
  }

  #forget(held: Held): void {
    held.watching.abort();
    if (this.#held === held) this.#held = undefined;
    this.#yielding = this.#closed;
  }

  async #release(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#releasing ??= held.lease.close().finally(() => {
      this.#forget(held);
      this.#courteous = true;
      this.#releasing = undefined;
    });
    await this.#releasing;
  }

  async #take(operation: string): Promise<void> {
    const { store, keys, waitMs, prepare } = this.#options;
    const lease = await store.openLease();
    try {
      if (this.#courteous) await this.#letOthersGoFirst();
      const fence = await this.#win(operation, lease, performance.now() + waitMs);
      const watching = new AbortController();
      const held = { lease, fence, watching };
      this.#lease = lease;
      await prepare(fence);
      this.#held = held;
      const { revision } = await store.list(keys.waiting);
      void this.#yieldToOthers(held, revision);
    } catch (error) {
      await lease.close();
      throw error;
    }
  }

  /** After giving the lock away it is not taken again before the one who waited for it had it. */
  async #letOthersGoFirst(): Promise<void> {
    const { store, keys } = this.#options;
    this.#courteous = false;
    const until = performance.now() + courtesyMs;
    while (performance.now() < until) {
      if ((await store.list(keys.waiting)).entries.length === 0) return;
      await sleep(5);
    }
  }

  /** Takes the lock, as soon as nobody has it. */
  async #win(operation: string, lease: Lease, deadline: number): Promise<Condition> {
    const { store, keys, waitMs } = this.#options;
    const asking = `${keys.waiting}${lease.id}`;
    const owner = { process: process.pid, since: new Date().toISOString() };
    for (let asked = false; ; asked = true) {
      const outcome = await store.commit({
        if: [{ key: keys.lock, revision: 0 }],
        put: [{ key: keys.lock, value: owner, lease: lease.id }],
        delete: [asking],
      });
      if (outcome.committed) return { key: keys.lock, revision: outcome.revision };
      if (!asked) await store.commit({ put: [{ key: asking, value: owner, lease: lease.id }] });
      if (await this.#becomesFree(deadline - performance.now())) continue;
      const holder = (await store.get(keys.lock))?.value as { process?: number } | undefined;
      const reason = `the controller of process ${holder?.process} kept the host for ${waitMs} ms`;
      throw new NetworkError("STORE_BUSY", { operation, reason });
    }
  }

  /** Waits until nobody has the lock; false if that takes too long. */
  async #becomesFree(withinMs: number): Promise<boolean> {
    const { store, keys } = this.#options;
    if (withinMs <= 0) return false;
    const { entries, revision } = await store.list(keys.lock);
    if (entries.length === 0) return true;
    const late = new AbortController();
    // A timer of its own, which keeps the process alive: somebody awaits this.
    const timer = setTimeout(() => late.abort(), withinMs);
    try {
      const options = { prefix: keys.lock, after: revision, signal: late.signal };
      for await (const { changes } of store.watch(options)) {
        if (changes.some(({ value }) => value === undefined)) return true;
      }
      return false;
    } catch (error) {
      if (late.signal.aborted) return false;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives the lock away when somebody asks for it. */
  async #yieldToOthers(held: Held, after: number): Promise<void> {
    const { store, keys } = this.#options;
    const give = async () => {
      this.#yielding = true;
      if (this.#users === 0) await this.#release();
    };
    const { signal } = held.watching;
    held.lease.ended.addEventListener("abort", () => held.watching.abort());
    try {
      if ((await store.list(keys.waiting)).entries.length > 0) return await give();
      for await (const { changes } of store.watch({ prefix: keys.waiting, after, signal })) {
        if (changes.some(({ value }) => value !== undefined)) return await give();
      }
    } catch {
      // The watch was ended with the lock; or the store has forgotten who has asked meanwhile.
      if (!signal.aborted) await give().catch(() => undefined);
    }
  }
}
