// A store on disk, which any number of processes of one machine have open at the same time.

import { randomUUID } from "node:crypto";
import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { Bell } from "./bell.ts";
import {
  type CheckedCommit,
  checkedCommit,
  checkedKey,
  checkedPrefix,
  checkedRevision,
  conflictOf,
  deletedBy,
} from "./commit.ts";
import { FileListener } from "./file-listener.ts";
import { checkRemembered, committedBelow } from "./history.ts";
import { checkedTtl, HeldLease, leaseLost, uptimeMs } from "./lease.ts";
import { LmdbFile } from "./lmdb-file.ts";
import { LmdbRows } from "./lmdb-rows.ts";
import { thisProcess } from "./owner.ts";
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

/** Where a store is. */
export interface LmdbStoreOptions {
  /** On a disk of this machine; made, for this user alone, if it is missing but for its parent. */
  readonly directory: string;
  /**
   * Milliseconds that a commit waits for those of other processes before it is refused as
   * `STORE_BUSY`; 1 to 3600000. Default: 10000. They take milliseconds, unless a process is stopped
   * in the middle of one.
   */
  readonly busyTimeoutMs?: number;
}

class LmdbStore implements Store {
  readonly #bell = new Bell();
  readonly #file: LmdbFile;
  readonly #rows: LmdbRows;
  readonly #listener: FileListener;
  readonly #leases = new Map<string, HeldLease>();
  readonly #writing = new Set<Promise<unknown>>();
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(file: LmdbFile, rows: LmdbRows) {
    this.#file = file;
    this.#rows = rows;
    this.#listener = new FileListener(file.path, this.#bell);
  }

  /** What every call begins with. */
  #enter(operation: string): void {
    if (this.#closed) throw storeClosed(operation);
  }

  /** Reads at one moment, at which no lease is over. */
  async #read<T>(operation: string, work: (rows: LmdbRows) => T): Promise<T> {
    this.#enter(operation);
    if (this.#file.read(operation, () => this.#rows.leasesOver()).length > 0) {
      await this.#write(operation, () => undefined);
      this.#enter(operation);
    }
    return this.#file.read(operation, () => work(this.#rows));
  }

  /** Writes in one step, which ends the leases that are over, and tells those who watch. */
  async #write<T>(operation: string, work: (rows: LmdbRows) => T): Promise<T> {
    let over: string[] = [];
    const writing = this.#file.write(operation, () => {
      over = this.#rows.leasesOver();
      for (const id of over) this.#rows.endLease(id);
      return work(this.#rows);
    });
    this.#writing.add(writing);
    try {
      return await writing;
    } finally {
      this.#writing.delete(writing);
      for (const id of over) this.#leases.get(id)?.lose();
      this.#bell.ring();
    }
  }

  async get(key: string): Promise<Entry | undefined> {
    checkedKey("key", key);
    return await this.#read("get", (rows) => rows.entry(key));
  }

  async list(prefix: string): Promise<Listing> {
    checkedPrefix("prefix", prefix);
    return await this.#read("list", (rows) => ({
      entries: rows.entries(prefix),
      revision: rows.revision,
    }));
  }

  async changes(prefix: string, after: number): Promise<History> {
    checkedPrefix("prefix", prefix);
    checkedRevision("after", after);
    return await this.#read("changes", (rows) => {
      const { revision } = rows;
      checkRemembered(after, rows.forgotten, revision);
      if (after === revision) return { commits: [], revision };
      const commits = rows
        .commitsAfter(after)
        .flatMap((text, position) => committedBelow(prefix, after + position + 1, text));
      return { commits, revision };
    });
  }

  async commit(commit: Commit): Promise<Outcome> {
    const checked = checkedCommit(commit);
    this.#enter("commit");
    return await this.#write("commit", (rows): Outcome => {
      const conflict = conflictOf(checked, rows);
      if (conflict !== undefined) return { committed: false, conflict };
      this.#checkLeases(checked);
      rows.apply(checked.puts, deletedBy(checked, rows));
      return { committed: true, revision: rows.revision };
    });
  }

  #checkLeases({ puts }: CheckedCommit): void {
    for (const { lease } of puts) {
      if (lease !== undefined && !this.#rows.lease(lease)) throw leaseLost("commit", lease);
    }
  }

  watch(options: WatchOptions): AsyncGenerator<Committed, void, undefined> {
    const checked = checkedWatch(options);
    this.#enter("watch");
    const source = {
      bell: this.#bell,
      isClosed: () => this.#closed,
      changes: (prefix: string, after: number) => this.changes(prefix, after),
      listen: () => this.#listener.listen(),
    };
    return watched(source, checked);
  }

  async openLease(options: LeaseOptions = {}): Promise<Lease> {
    const ttlMs = checkedTtl(options);
    this.#enter("openLease");
    const id = randomUUID();
    const row = () => ({ owner: thisProcess(), ttlMs, renewedAt: uptimeMs() });
    await this.#write("openLease", (rows) => rows.setLease(id, row()));
    const lease = new HeldLease(id, ttlMs, {
      renew: () =>
        this.#write("openLease", (rows) => {
          const held = rows.lease(id) !== undefined;
          if (held) rows.setLease(id, row());
          return held;
        }),
      revoke: () => this.#write("openLease", (rows) => rows.endLease(id)),
    });
    this.#leases.set(id, lease);
    lease.ended.addEventListener("abort", () => this.#leases.delete(id));
    return lease;
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#bell.ring();
    const leases = [...this.#leases.values()];
    await Promise.allSettled(leases.map((lease) => lease.close()));
    await Promise.allSettled(this.#writing);
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkedTimeout(busyTimeoutMs: unknown): number {
  if (typeof busyTimeoutMs !== "number") {
    throw invalidArgument("type", "busyTimeoutMs", "must be a number");
  }
  if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 1 || busyTimeoutMs > 3_600_000) {
    throw invalidArgument("range", "busyTimeoutMs", "must be an integer from 1 to 3600000");
  }
  return busyTimeoutMs;
}

/**
 * Opens a store on disk, and makes it if there is none.
 *
 * It needs the package `lmdb`. Any number of processes, threads and handles may have the same store
 * open. A commit resolves, and is seen by others, when it is on the disk (`fdatasync`): it survives
 * `kill -9` and, as far as the disk keeps what it says is kept, power loss. Commits that are made at
 * the same time share the wait. The file grows to 1 GiB at most; the directory must be on a file
 * system of this machine, not on one of the network.
 *
 * A lease ends with its process, at once for processes of the same PID namespace, and with the
 * machine; a process of another PID namespace has to let it run out.
 *
 * Opening waits, without a limit, for a write of another process that is under way.
 *
 * @throws {NetworkError} `STORE_UNAVAILABLE` if the package is not there.
 * @throws {NetworkError} `STORE_CORRUPT` if the file is of something else, or damaged. Damage in the
 *   middle of the file is found when that part is read, or not at all.
 * @throws {NetworkError} `STORE_FAILED` if the directory cannot be made or used.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  refuseUnknown("options", options, ["directory", "busyTimeoutMs"]);
  const { directory, busyTimeoutMs = 10_000 } = options;
  if (typeof directory !== "string") {
    throw invalidArgument("type", "directory", "must be a string");
  }
  if (directory === "" || directory.includes("\0")) {
    throw invalidArgument("range", "directory", "must be a path");
  }
  const file = await LmdbFile.open(directory, checkedTimeout(busyTimeoutMs));
  try {
    const rows = new LmdbRows(file);
    await file.write("openLmdbStore", () => {
      file.restoreLength();
      rows.checkFormat();
    });
    return new LmdbStore(file, rows);
  } catch (error) {
    await file.close();
    throw error;
  }
}
