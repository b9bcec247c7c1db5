// What there will be after the commits of a record that is being put together.

import { type CheckedCommit, conflictOf, deletedBy, type Rows } from "../commit.ts";
import type { Ledger } from "../ledger.ts";
import type { Outcome } from "../store.ts";
import type { Changes } from "./record.ts";

/** A ledger, and commits upon it that are not made yet. */
export class Draft implements Rows {
  readonly #ledger: Ledger;
  /** The revisions of keys that the commits change; 0 of those that go. */
  readonly #changed = new Map<string, number>();
  readonly #commits: Changes[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The commits that change something. */
  get commits(): readonly Changes[] {
    return this.#commits;
  }

  /** That of the last commit. */
  get #revision(): number {
    return this.#ledger.revision + this.#commits.length;
  }

  revisionOf(key: string): number {
    return this.#changed.get(key) ?? this.#ledger.revisionOf(key);
  }

  *keysWith(prefix: string): Generator<string> {
    for (const key of this.#ledger.keysWith(prefix)) if (!this.#changed.has(key)) yield key;
    for (const [key, revision] of this.#changed) {
      if (revision > 0 && key.startsWith(prefix)) yield key;
    }
  }

  /** The keys that hang on a lease, but for those that the commits change. */
  *keysUnder(lease: string): Generator<string> {
    for (const key of this.#ledger.keysUnder(lease)) if (!this.#changed.has(key)) yield key;
  }

  /** Adds a commit, if its conditions hold after those before it. */
  add(commit: CheckedCommit): Outcome {
    const conflict = conflictOf(commit, this);
    if (conflict !== undefined) return { committed: false, conflict };
    const deleted = deletedBy(commit, this);
    if (commit.puts.length + deleted.size > 0) {
      this.#commits.push({ puts: commit.puts, deleted });
      for (const key of deleted) this.#changed.set(key, 0);
      for (const { key } of commit.puts) this.#changed.set(key, this.#revision);
    }
    return { committed: true, revision: this.#revision };
  }
}
