// What a store keeps in memory: its entries, the leases that they hang on, and the last commits.

import type { CheckedPut, Rows } from "./commit.ts";
import { checkRemembered, committedBelow, forgottenAt, textOfChanges } from "./history.ts";
import type { Entry, History, Listing } from "./store.ts";

/** A key and what it has, as text. */
export interface Row extends CheckedPut {
  readonly revision: number;
}

function entryOf({ key, text, revision }: Row): Entry {
  return { key, value: JSON.parse(text), revision };
}

/** Entries at one moment after another: commits are applied, and counted. */
export class Ledger implements Rows {
  readonly #rows = new Map<string, Row>();
  readonly #underLease = new Map<string, Set<string>>();
  /** The texts of the commits after the forgotten ones. */
  #log: string[] = [];
  #forgotten: number;

  /** Begins with the entries that there were at a revision. */
  constructor(rows: Iterable<Row> = [], revision = 0) {
    this.#forgotten = revision;
    for (const row of rows) this.#set(row);
  }

  /** That of the last commit. */
  get revision(): number {
    return this.#forgotten + this.#log.length;
  }

  /** Commits up to this revision are not known. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get rows(): Iterable<Row> {
    return this.#rows.values();
  }

  /** The leases that keys hang on. */
  get leases(): Iterable<string> {
    return this.#underLease.keys();
  }

  /** The keys that hang on a lease. */
  keysUnder(lease: string): ReadonlySet<string> {
    return this.#underLease.get(lease) ?? new Set();
  }

  revisionOf(key: string): number {
    return this.#rows.get(key)?.revision ?? 0;
  }

  *keysWith(prefix: string): Generator<string> {
    for (const key of this.#rows.keys()) if (key.startsWith(prefix)) yield key;
  }

  get(key: string): Entry | undefined {
    const row = this.#rows.get(key);
    return row && entryOf(row);
  }

  list(prefix: string): Listing {
    const rows = [...this.#rows.values()].filter(({ key }) => key.startsWith(prefix));
    rows.sort((one, other) => (one.key < other.key ? -1 : 1));
    return { entries: rows.map(entryOf), revision: this.revision };
  }

  /** @throws {NetworkError} `STORE_COMPACTED` if these commits are not known. */
  changes(prefix: string, after: number): History {
    checkRemembered(after, this.#forgotten, this.revision);
    const commits = this.#log
      .slice(after - this.#forgotten)
      .flatMap((text, position) => committedBelow(prefix, after + position + 1, text));
    return { commits, revision: this.revision };
  }

  /** Makes a commit's changes, of keys that are there. */
  apply(puts: readonly CheckedPut[], deleted: ReadonlySet<string>): void {
    this.#log.push(textOfChanges(puts, deleted));
    for (const key of deleted) this.#remove(key);
    for (const put of puts) {
      this.#remove(put.key);
      this.#set({ ...put, revision: this.revision });
    }
    const surplus = forgottenAt(this.revision) - this.#forgotten;
    if (surplus <= 0) return;
    this.#log = this.#log.slice(surplus);
    this.#forgotten += surplus;
  }

  /** Takes note of the commits before those that are known. */
  recall(texts: readonly string[]): void {
    this.#log = [...texts, ...this.#log];
    this.#forgotten -= texts.length;
  }

  #set(row: Row): void {
    this.#rows.set(row.key, row);
    if (row.lease === undefined) return;
    const keys = this.#underLease.get(row.lease) ?? new Set();
    this.#underLease.set(row.lease, keys.add(row.key));
  }

  #remove(key: string): void {
    const { lease } = this.#rows.get(key) ?? {};
    this.#rows.delete(key);
    if (lease === undefined) return;
    const keys = this.#underLease.get(lease);
    keys?.delete(key);
    if (keys?.size === 0) this.#underLease.delete(lease);
  }
}
