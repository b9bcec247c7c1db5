// How a store on disk is laid out: which keys of the file hold what, as JSON.
//
//   format          the layout's name
//   revision        the revision of the last commit
//   entry/KEY       value, revision, lease of a key
//   log/REVISION    what a commit changed
//   lease/ID        owner and time to live of a lease
//   leased/ID/KEY   that a key goes with a lease

import type { CheckedPut, Rows } from "./commit.ts";
import { rememberedCommits, textOfChanges } from "./history.ts";
import { uptimeMs } from "./lease.ts";
import type { LmdbFile } from "./lmdb-file.ts";
import { hasEnded, type Owner } from "./owner.ts";
import type { Entry, Json } from "./store.ts";

const format = "vethwork store 1";

/** What is known of a lease. */
export interface LeaseRow {
  readonly owner: Owner;
  readonly ttlMs: number;
  /** Milliseconds since the machine was started. */
  readonly renewedAt: number;
}

interface EntryRow {
  readonly revision: number;
  readonly lease?: string;
  readonly value: Json;
}

/** True if the lease has ended: its owner has, or has not renewed it in time. */
function isOver({ owner, renewedAt, ttlMs }: LeaseRow): boolean {
  return hasEnded(owner) || uptimeMs() - renewedAt >= ttlMs;
}

/** In the order of the revisions. */
function logKey(revision: number): string {
  return `log/${revision.toString(16).padStart(14, "0")}`;
}

/** As JSON.parse() finds damage; the file makes a `STORE_CORRUPT` of either. */
function damaged(key: string): SyntaxError {
  return new SyntaxError(`the row ${JSON.stringify(key)} is not in order`);
}

/** The rows of a file: read within its `read` and `write`, changed within its `write`. */
export class LmdbRows implements Rows {
  readonly #file: LmdbFile;

  constructor(file: LmdbFile) {
    this.#file = file;
  }

  /** Marks a new file, and refuses one that has another layout. */
  checkFormat(): void {
    const found = this.#file.get("format");
    if (found === format) return;
    if (found !== undefined || !this.#isEmpty()) {
      throw damaged("format");
    }
    this.#file.put("format", format);
    this.#file.put("revision", "0");
  }

  #isEmpty(): boolean {
    for (const _ of this.#file.range("", "!")) return false;
    return true;
  }

  get revision(): number {
    const text = this.#file.get("revision") ?? "";
    if (/^\d{1,15}$/.test(text)) return Number(text);
    throw damaged("revision");
  }

  /** Commits up to this revision are forgotten. */
  get forgotten(): number {
    return Math.max(0, this.revision - rememberedCommits);
  }

  #parsed<T extends object>(key: string, text: string, members: readonly (keyof T)[]): T {
    const row: unknown = JSON.parse(text);
    if (typeof row === "object" && row !== null && members.every((member) => member in row)) {
      return row as T;
    }
    throw damaged(key);
  }

  #entry(key: string): EntryRow | undefined {
    const text = this.#file.get(`entry/${key}`);
    return text === undefined ? undefined : this.#parsed(key, text, ["revision", "value"]);
  }

  entry(key: string): Entry | undefined {
    const row = this.#entry(key);
    return row && { key, value: row.value, revision: row.revision };
  }

  revisionOf(key: string): number {
    return this.#entry(key)?.revision ?? 0;
  }

  entries(prefix: string): Entry[] {
    return Array.from(this.#file.range(`entry/${prefix}`), ({ key: path, value: text }) => {
      const key = path.slice("entry/".length);
      const { value, revision } = this.#parsed<EntryRow>(key, text, ["revision", "value"]);
      return { key, value, revision };
    });
  }

  *keysWith(prefix: string): Generator<string> {
    for (const { key } of this.#file.range(`entry/${prefix}`)) yield key.slice("entry/".length);
  }

  /** The texts of the commits after a revision that is remembered, oldest first. */
  commitsAfter(revision: number): string[] {
    return Array.from(this.#file.range("log/", logKey(revision + 1)), ({ value }) => value);
  }

  /** Makes a commit of the present revision's successor, unless nothing changes. */
  apply(puts: readonly CheckedPut[], deleted: ReadonlySet<string>): void {
    if (puts.length === 0 && deleted.size === 0) return;
    const revision = this.revision + 1;
    for (const key of [...deleted, ...puts.map((put) => put.key)]) this.#remove(key);
    for (const { key, text, lease } of puts) {
      const leased = lease === undefined ? "" : `"lease":${JSON.stringify(lease)},`;
      this.#file.put(`entry/${key}`, `{"revision":${revision},${leased}"value":${text}}`);
      if (lease !== undefined) this.#file.put(`leased/${lease}/${key}`, "");
    }
    this.#file.put(logKey(revision), textOfChanges(puts, deleted));
    this.#file.put("revision", `${revision}`);
    this.#file.remove(logKey(revision - rememberedCommits));
  }

  #remove(key: string): void {
    const row = this.#entry(key);
    if (row === undefined) return;
    if (row.lease !== undefined) this.#file.remove(`leased/${row.lease}/${key}`);
    this.#file.remove(`entry/${key}`);
  }

  lease(id: string): LeaseRow | undefined {
    const text = this.#file.get(`lease/${id}`);
    return text === undefined ? undefined : this.#leaseRow(id, text);
  }

  #leaseRow(id: string, text: string): LeaseRow {
    return this.#parsed<LeaseRow>(id, text, ["owner", "ttlMs", "renewedAt"]);
  }

  setLease(id: string, row: LeaseRow): void {
    this.#file.put(`lease/${id}`, JSON.stringify(row));
  }

  /** The leases that are over, but not yet ended. */
  leasesOver(): string[] {
    return Array.from(this.#file.range("lease/"), ({ key, value }) => {
      const id = key.slice("lease/".length);
      return isOver(this.#leaseRow(id, value)) ? [id] : [];
    }).flat();
  }

  /** Takes a lease away, and its keys. */
  endLease(id: string): void {
    const leased = `leased/${id}/`;
    const keys = Array.from(this.#file.range(leased), ({ key }) => key.slice(leased.length));
    this.#file.remove(`lease/${id}`);
    this.apply([], new Set(keys));
  }
}
