// What etcd told of a store's commits, in memory.

import { committedBelow, textOfChanges } from "../history.ts";
import type { Committed, History } from "../store.ts";
import type { Layout } from "./layout.ts";
import { decoded, revisionOf, type WatchEvent } from "./wire.ts";

/** So many characters are kept, before the older half goes: etcd has it, too. */
const defaultMostText = 32 * 1024 * 1024;

/** What a commit takes besides its text. */
const perCommit = 100;

/** What was so in etcd at one moment. */
export interface Look {
  readonly cluster: string;
  /** That of etcd, to which others add, too. */
  readonly revision: number;
  /** That of the store's last commit; only leases can have ended since. */
  readonly head: number;
  /** How many leases there are. */
  readonly leases: number;
}

/** The same for one who begins there. */
export interface Beginning extends Omit<Look, "leases"> {
  /** The leases that there are, by the revisions of their beginnings. */
  readonly leases: ReadonlyMap<string, number>;
}

interface Logged {
  readonly revision: number;
  readonly text: string;
}

/** All commits after a revision, up to another one. */
export class Journal {
  readonly #layout: Layout;
  readonly #leases: Map<string, number>;
  readonly #mostText: number;
  #log: Logged[] = [];
  #size = 0;
  #from: number;
  #seen: number;

  /** It begins after a revision, at which there were these leases. */
  constructor(
    layout: Layout,
    { revision, leases }: Pick<Beginning, "revision" | "leases">,
    mostText: number = defaultMostText,
  ) {
    this.#layout = layout;
    this.#mostText = mostText;
    this.#leases = new Map(leases);
    this.#from = revision;
    this.#seen = revision;
  }

  /** Commits after this revision are known. */
  get from(): number {
    return this.#from;
  }

  /** Commits up to this revision are known. */
  get seen(): number {
    return this.#seen;
  }

  /**
   * Whether all has come that was so at that moment. Leases begin by commits and end without: those
   * known to have begun by then are too many as long as an end has not come, and no fewer than there
   * were unless something later has come, too.
   */
  knows({ head, revision, leases }: Look): boolean {
    if (this.#seen < head) return false;
    let begun = 0;
    for (const since of this.#leases.values()) if (since <= revision) begun += 1;
    return begun <= leases;
  }

  /** Whether the leases are those that there were, by what etcd says of the same revision. */
  isLike({ leases }: Pick<Beginning, "leases">): boolean {
    return (
      leases.size === this.#leases.size && [...this.#leases.keys()].every((id) => leases.has(id))
    );
  }

  /** Says that nothing is to come up to a revision. */
  advance(revision: number): void {
    this.#seen = Math.max(this.#seen, revision);
  }

  /** Takes note of what etcd tells, of whole commits, and returns the leases that ended. */
  note(events: readonly WatchEvent[]): string[] {
    const commits = new Map<number, WatchEvent[]>();
    for (const event of events) {
      const revision = revisionOf(event.kv.mod_revision);
      const commit = commits.get(revision);
      if (commit === undefined) commits.set(revision, [event]);
      else commit.push(event);
    }
    return [...commits].flatMap(([revision, commit]) =>
      revision > this.#seen ? this.#noteCommit(revision, commit) : [],
    );
  }

  #noteCommit(revision: number, events: readonly WatchEvent[]): string[] {
    const puts: { key: string; text: string; lease: undefined }[] = [];
    const deleted: string[] = [];
    const ended: string[] = [];
    for (const { type, kv } of events) {
      const { entry, lease } = this.#layout.parse(decoded(kv.key));
      if (lease !== undefined && type !== "DELETE") this.#leases.set(lease, revision);
      else if (lease !== undefined && this.#leases.delete(lease)) ended.push(lease);
      if (entry === undefined) continue;
      if (type === "DELETE") deleted.push(entry);
      else puts.push({ key: entry, text: decoded(kv.value), lease: undefined });
    }
    if (puts.length + deleted.length > 0) this.#keep(revision, textOfChanges(puts, deleted));
    this.#seen = revision;
    return ended;
  }

  #keep(revision: number, text: string): void {
    this.#log.push({ revision, text });
    this.#size += perCommit + text.length;
    if (this.#size <= this.#mostText) return;
    const forgotten = this.#log.splice(0, Math.ceil(this.#log.length / 2));
    this.#size = this.#log.reduce((sum, logged) => sum + perCommit + logged.text.length, 0);
    this.#from = forgotten.at(-1)?.revision ?? this.#from;
  }

  /** The commits below a prefix after a revision, which is not before {@link from}. */
  changes(prefix: string, after: number): History {
    const commits: Committed[] = [];
    for (let position = this.#log.length - 1; position >= 0; position -= 1) {
      const { revision, text } = this.#log[position] as Logged;
      if (revision <= after) break;
      commits.push(...committedBelow(prefix, revision, text));
    }
    return { commits: commits.reverse(), revision: Math.max(after, this.#seen) };
  }
}
