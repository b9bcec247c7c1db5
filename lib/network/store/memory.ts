// A store in memory: for one process, and gone with it.

import { randomUUID } from "node:crypto";
import { Bell } from "./bell.ts";
import {
  type CheckedCommit,
  type CheckedPut,
  checkedCommit,
  checkedKey,
  checkedPrefix,
  checkedRevision,
  conflictOf,
  deletedBy,
} from "./commit.ts";
import { checkedTtl, HeldLease, leaseLost, uptimeMs } from "./lease.ts";
import { Ledger } from "./ledger.ts";
import type {
  Commit,
  Committed,
  Entry,
  History,
  Lease,
  LeaseOptions,
  Listing,
  Outcome,
  Store,
  WatchOptions,
} from "./store.ts";
import { checkedWatch, storeClosed, watched } from "./watch.ts";

interface LeaseRow {
  readonly ttlMs: number;
  readonly handle: HeldLease;
  readonly timer: NodeJS.Timeout;
  renewedAt: number;
}

class MemoryStore implements Store {
  readonly #bell = new Bell();
  readonly #ledger = new Ledger();
  readonly #leases = new Map<string, LeaseRow>();
  #closed = false;

  /** What every call begins with. */
  #enter(operation: string): void {
    if (this.#closed) throw storeClosed(operation);
    this.#endLeases();
  }

  /** Ends the leases that were not renewed in time. */
  #endLeases(): void {
    const now = uptimeMs();
    for (const [id, { renewedAt, ttlMs, handle }] of this.#leases) {
      if (now - renewedAt < ttlMs) continue;
      this.#revoke(id);
      handle.lose();
    }
  }

  async get(key: string): Promise<Entry | undefined> {
    checkedKey("key", key);
    this.#enter("get");
    return this.#ledger.get(key);
  }

  async list(prefix: string): Promise<Listing> {
    checkedPrefix("prefix", prefix);
    this.#enter("list");
    return this.#ledger.list(prefix);
  }

  async changes(prefix: string, after: number): Promise<History> {
    checkedPrefix("prefix", prefix);
    checkedRevision("after", after);
    this.#enter("changes");
    return this.#ledger.changes(prefix, after);
  }

  async commit(commit: Commit): Promise<Outcome> {
    const checked = checkedCommit(commit);
    this.#enter("commit");
    const conflict = conflictOf(checked, this.#ledger);
    if (conflict !== undefined) return { committed: false, conflict };
    this.#checkLeases(checked);
    this.#apply(checked.puts, deletedBy(checked, this.#ledger));
    return { committed: true, revision: this.#ledger.revision };
  }

  #checkLeases({ puts }: CheckedCommit): void {
    for (const { lease } of puts) {
      if (lease !== undefined && !this.#leases.has(lease)) throw leaseLost("commit", lease);
    }
  }

  #apply(puts: readonly CheckedPut[], deleted: ReadonlySet<string>): void {
    if (puts.length === 0 && deleted.size === 0) return;
    this.#ledger.apply(puts, deleted);
    this.#bell.ring();
  }

  watch(options: WatchOptions): AsyncGenerator<Committed, void, undefined> {
    const checked = checkedWatch(options);
    this.#enter("watch");
    const source = {
      bell: this.#bell,
      isClosed: () => this.#closed,
      changes: (prefix: string, after: number) => this.changes(prefix, after),
      listen: () => () => undefined,
    };
    return watched(source, checked);
  }

  async openLease(options: LeaseOptions = {}): Promise<Lease> {
    const ttlMs = checkedTtl(options);
    this.#enter("openLease");
    const id = randomUUID();
    const handle = new HeldLease(id, ttlMs, {
      renew: async () => this.#renew(id),
      revoke: async () => this.#revoke(id),
    });
    // Watchers are to hear of the end, even if nobody calls.
    const timer = setInterval(() => this.#endLeases(), ttlMs).unref();
    this.#leases.set(id, { ttlMs, handle, timer, renewedAt: uptimeMs() });
    return handle;
  }

  #renew(id: string): boolean {
    this.#endLeases();
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.renewedAt = uptimeMs();
    return lease !== undefined;
  }

  #revoke(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    clearInterval(lease.timer);
    this.#leases.delete(id);
    this.#apply([], new Set(this.#ledger.keysUnder(id)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { handle } of [...this.#leases.values()]) await handle.close();
    this.#bell.ring();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * A store in memory. It survives nothing: it is for tests, and for networks that are to be gone
 * with the process.
 */
export function openMemoryStore(): Store {
  return new MemoryStore();
}
