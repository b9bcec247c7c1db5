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
import { checkRemembered, committedBelow, rememberedCommits, textOfChanges } from "./history.ts";
import { checkedTtl, HeldLease, leaseLost, uptimeMs } from "./lease.ts";
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

interface Row extends CheckedPut {
  readonly revision: number;
}

interface LeaseRow {
  readonly ttlMs: number;
  readonly handle: HeldLease;
  readonly keys: Set<string>;
  readonly timer: NodeJS.Timeout;
  renewedAt: number;
}

function entryOf({ key, text, revision }: Row): Entry {
  return { key, value: JSON.parse(text), revision };
}

class MemoryStore implements Store {
  readonly #bell = new Bell();
  readonly #rows = new Map<string, Row>();
  readonly #leases = new Map<string, LeaseRow>();
  /** The texts of the commits after the forgotten ones. */
  #log: string[] = [];
  #forgotten = 0;
  #closed = false;

  get #revision(): number {
    return this.#forgotten + this.#log.length;
  }

  revisionOf(key: string): number {
    return this.#rows.get(key)?.revision ?? 0;
  }

  *keysWith(prefix: string): Generator<string> {
    for (const key of this.#rows.keys()) if (key.startsWith(prefix)) yield key;
  }

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
    const row = this.#rows.get(key);
    return row && entryOf(row);
  }

  async list(prefix: string): Promise<Listing> {
    checkedPrefix("prefix", prefix);
    this.#enter("list");
    const rows = [...this.#rows.values()].filter(({ key }) => key.startsWith(prefix));
    rows.sort((one, other) => (one.key < other.key ? -1 : 1));
    return { entries: rows.map(entryOf), revision: this.#revision };
  }

  async changes(prefix: string, after: number): Promise<History> {
    checkedPrefix("prefix", prefix);
    checkedRevision("after", after);
    this.#enter("changes");
    checkRemembered(after, this.#forgotten, this.#revision);
    const commits = this.#log
      .slice(after - this.#forgotten)
      .flatMap((text, position) => committedBelow(prefix, after + position + 1, text));
    return { commits, revision: this.#revision };
  }

  async commit(commit: Commit): Promise<Outcome> {
    const checked = checkedCommit(commit);
    this.#enter("commit");
    const conflict = conflictOf(checked, this);
    if (conflict !== undefined) return { committed: false, conflict };
    this.#checkLeases(checked);
    this.#apply(checked.puts, deletedBy(checked, this));
    return { committed: true, revision: this.#revision };
  }

  #checkLeases({ puts }: CheckedCommit): void {
    for (const { lease } of puts) {
      if (lease !== undefined && !this.#leases.has(lease)) throw leaseLost("commit", lease);
    }
  }

  #apply(puts: readonly CheckedPut[], deleted: ReadonlySet<string>): void {
    if (puts.length === 0 && deleted.size === 0) return;
    this.#log.push(textOfChanges(puts, deleted));
    for (const key of [...deleted, ...puts.map((put) => put.key)]) this.#remove(key);
    for (const put of puts) {
      this.#rows.set(put.key, { ...put, revision: this.#revision });
      if (put.lease !== undefined) this.#leases.get(put.lease)?.keys.add(put.key);
    }
    if (this.#log.length >= 2 * rememberedCommits) this.#forget();
    this.#bell.ring();
  }

  #remove(key: string): void {
    const { lease } = this.#rows.get(key) ?? {};
    if (lease !== undefined) this.#leases.get(lease)?.keys.delete(key);
    this.#rows.delete(key);
  }

  #forget(): void {
    const count = this.#log.length - rememberedCommits;
    this.#log = this.#log.slice(count);
    this.#forgotten += count;
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
    this.#leases.set(id, { ttlMs, handle, timer, keys: new Set(), renewedAt: uptimeMs() });
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
    this.#apply([], lease.keys);
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
