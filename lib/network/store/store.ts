// The contract of a store: where the plan of networks lives.

/** What a store keeps. A number is finite; nothing is `undefined`. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** A key and what it has. */
export interface Entry {
  readonly key: string;
  readonly value: Json;
  /** The revision of the commit that put it last. */
  readonly revision: number;
}

/** All keys that begin alike, at one moment. */
export interface Listing {
  /** In the order of their keys. */
  readonly entries: readonly Entry[];
  /** The store's revision at that moment: whoever goes on from here misses nothing. */
  readonly revision: number;
  /**
   * Another one than before once the store was put back to a copy: revisions of one epoch say nothing in
   * another. Absent where that has not happened.
   */
  readonly epoch?: number;
}

/**
 * What must hold for a commit to be made: that a key was put last by the commit of a revision, 0
 * meaning that there is no such key; or that no key begins with a prefix.
 */
export type Condition =
  | { readonly key: string; readonly revision: number }
  | { readonly emptyPrefix: string };

/** A key that a commit puts. */
export interface Put {
  readonly key: string;
  readonly value: Json;
  /** The id of a lease: the key goes when the lease ends. Default: the key stays. */
  readonly lease?: string;
}

/**
 * What to do in one step, if all conditions hold. A commit of one `put` or `delete` with a condition
 * on the same key is what others call put-if and delete-if.
 *
 * Up to 100 conditions, puts and deletions together; values of up to 1 MiB of JSON together. A key
 * is put once, and not put and deleted.
 */
export interface Commit {
  readonly if?: readonly Condition[];
  readonly put?: readonly Put[];
  /** Keys; those that do not exist are passed over. */
  readonly delete?: readonly string[];
  /** Every key that begins with one of these goes, however many there are. */
  readonly deletePrefix?: readonly string[];
}

/** How a commit ended. */
export type Outcome =
  | {
      readonly committed: true;
      /** The revision of what was changed; the store's present one if nothing was. */
      readonly revision: number;
    }
  | {
      readonly committed: false;
      /** The first condition that does not hold. */
      readonly conflict: Condition;
    };

/** A key that was put, or was deleted if it has no value. */
export interface Change {
  readonly key: string;
  readonly value?: Json;
}

/** What one commit changed. */
export interface Committed {
  readonly revision: number;
  /** Each key once, in the order of the keys. */
  readonly changes: readonly Change[];
}

/** What was changed since a revision, up to the present. */
export interface History {
  /** Oldest first; those that changed nothing below the prefix are left out. */
  readonly commits: readonly Committed[];
  /** The store's revision: whoever goes on from here misses nothing. */
  readonly revision: number;
  /**
   * Another one than before once the store was put back to a copy: revisions of one epoch say nothing in
   * another. Absent where that has not happened.
   */
  readonly epoch?: number;
}

/** What to watch. */
export interface WatchOptions {
  /** The keys that begin with this; all, if it is empty. */
  readonly prefix: string;
  /** Changes made after this revision, that of a listing for example. */
  readonly after: number;
  /** Ends the watch: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How long a lease is to last. */
export interface LeaseOptions {
  /**
   * Milliseconds for which it outlives its last renewal, as far as its owner is concerned; 100 to
   * 3600000. Default: 10000. A store on another machine may give its keys a little longer.
   */
  readonly ttlMs?: number;
}

/**
 * A sign of life: keys that were put under it are deleted, in one commit, when it ends. The handle
 * renews it, three times in the time that it has to live, as long as the event loop turns.
 *
 * It does not keep the process alive, and ends with it.
 */
export interface Lease extends AsyncDisposable {
  /** What a {@link Put} names. */
  readonly id: string;
  /** Aborted when the lease was lost or closed; the reason of a loss is `LEASE_LOST`. */
  readonly ended: AbortSignal;
  /** Ends it now, and deletes its keys. Does nothing if it has ended. */
  close(): Promise<void>;
  /**
   * Renews it no more, and leaves its keys to the store until the time that it has to live is over:
   * whoever comes next can put them under a lease of its own before.
   */
  leave(): void;
}

/**
 * Keys and JSON values, with a revision that grows with every commit.
 *
 * - **Keys** are 1 to 500 printable ASCII characters without spaces. Their order is that of the
 *   characters' codes.
 * - **Atomic.** A commit is made whole or not at all, whatever ends the process or, for a store on
 *   disk, the machine. Nobody sees a part of one.
 * - **Linear.** Commits of all handles, threads and processes have one order, that of their
 *   revisions. A store that has its revisions to itself counts them from 1; one that shares them
 *   with others may begin anywhere, and leave some out. What is read is not older than any commit
 *   that was settled before. A commit that changes nothing takes no revision.
 * - **Durable.** When a commit resolves, it will survive whatever the store is made to survive; see
 *   the function that opens it. Nobody sees a commit before.
 * - **Certain.** A commit that rejects has changed nothing. Only a store on another machine may
 *   reject with `STORE_FAILED` without knowing; such a one says so.
 * - **History.** At least the last 10,000 commits are remembered, unless the function that opens the
 *   store says who decides on that.
 *
 * Every method rejects, and `watch` throws, with `TypeError` or `RangeError` for bad arguments and
 * with `STORE_CLOSED` after {@link Store.close}; with `STORE_CORRUPT` if what it meets cannot be
 * understood, with `STORE_FAILED` if the medium fails, and with `STORE_FORBIDDEN` if it is a server
 * that does not let us.
 */
export interface Store extends AsyncDisposable {
  /** What a key has; `undefined` if there is no such key. */
  get(key: string): Promise<Entry | undefined>;

  /** All keys that begin with `prefix`, at one moment; every key if it is empty. */
  list(prefix: string): Promise<Listing>;

  /**
   * What was changed below `prefix` after a revision. A key that was changed by several commits is
   * in each of them.
   *
   * @throws {NetworkError} `STORE_COMPACTED` if that is not remembered, or the store has not come
   *   so far, as when it was replaced by an older copy.
   */
  changes(prefix: string, after: number): Promise<History>;

  /**
   * Makes all changes in one step if all conditions hold, and none if one does not.
   *
   * @throws {NetworkError} `LEASE_LOST` if a put names a lease that has ended.
   * @throws {NetworkError} `STORE_BUSY` if others kept the store from being written for too long.
   */
  commit(commit: Commit): Promise<Outcome>;

  /**
   * The commits that change something below a prefix, one by one, in their order, none twice and
   * none left out, whoever makes them. Ends when the store is closed. Leaving the loop ends the
   * watch; while it waits only the signal does.
   *
   * @throws {NetworkError} `STORE_COMPACTED` if the watcher fell behind what is remembered, as for
   *   {@link Store.changes}.
   */
  watch(options: WatchOptions): AsyncGenerator<Committed, void, undefined>;

  /** Begins a lease. */
  openLease(options?: LeaseOptions): Promise<Lease>;

  /** Waits for the commits under way, ends its leases and watches, and gives everything back. */
  close(): Promise<void>;
}
