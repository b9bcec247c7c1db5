// A store in etcd: the contract, put together of the calls on etcd and of what is told by it.

import { NetworkError } from "../../errors.ts";
import { Calls } from "../calls.ts";
import {
  type CheckedCommit,
  checkedCommit,
  checkedKey,
  checkedPrefix,
  checkedRevision,
} from "../commit.ts";
import { checkedTtl, leaseLost } from "../lease.ts";
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
} from "../store.ts";
import { checkedWatch, putBack, watched } from "../watch.ts";
import type { Client } from "./client.ts";
import { EtcdRefusal, storeError } from "./failures.ts";
import { Feed } from "./feed.ts";
import type { Beginning } from "./journal.ts";
import { Leases } from "./leases.ts";
import { decoded, type KeyValue, revisionOf } from "./wire.ts";

export class EtcdStore implements Store {
  readonly #client: Client;
  readonly #leases: Leases;
  readonly #feed: Feed;
  readonly #calls: Calls;
  #closing: Promise<void> | undefined;

  /** @param start what etcd said when it was opened */
  constructor(client: Client, start: Beginning) {
    this.#client = client;
    this.#leases = new Leases(client);
    this.#calls = new Calls(() => this.#leases.settle());
    const onLeaseEnd = (id: string) => this.#leases.lose(id);
    this.#feed = new Feed({ client, start, onLeaseEnd });
  }

  /** Does work, and tells why it fails. */
  async #do<T>(operation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#calls.do(operation, work);
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw storeError(operation, cause);
      const reason = "a value is not JSON: it was not put by this library";
      throw new NetworkError("STORE_CORRUPT", { operation, reason, cause });
    }
  }

  #entry(found: KeyValue): Entry {
    const key = this.#client.layout.parse(decoded(found.key)).entry ?? "";
    const value = JSON.parse(decoded(found.value));
    return { key, value, revision: revisionOf(found.mod_revision) };
  }

  async get(key: string): Promise<Entry | undefined> {
    checkedKey("key", key);
    return await this.#do("get", async () => {
      const found = await this.#client.get(key);
      return found && this.#entry(found);
    });
  }

  async list(prefix: string): Promise<Listing> {
    checkedPrefix("prefix", prefix);
    return await this.#do("list", async () => {
      const { epoch } = this.#feed;
      const { found, revision } = await this.#client.list(prefix);
      return { entries: found.map((one) => this.#entry(one)), revision, ...epoch };
    });
  }

  async changes(prefix: string, after: number): Promise<History> {
    checkedPrefix("prefix", prefix);
    checkedRevision("after", after);
    return await this.#do("changes", () => this.#feed.changes(prefix, after));
  }

  async commit(commit: Commit): Promise<Outcome> {
    const checked = checkedCommit(commit);
    return await this.#do("commit", async () => {
      this.#leases.check(checked);
      return await this.#client.commit(checked).catch((error: unknown) => {
        throw this.#withoutLease(checked, error);
      });
    });
  }

  #withoutLease({ puts }: CheckedCommit, error: unknown): unknown {
    if (!(error instanceof EtcdRefusal && error.isLeaseMissing)) return error;
    const { lease = "" } = puts.find((put) => put.lease !== undefined) ?? {};
    return leaseLost("commit", lease);
  }

  watch(options: WatchOptions): AsyncGenerator<Committed, void, undefined> {
    const checked = checkedWatch(options);
    this.#calls.enter("watch");
    const feed = this.#feed;
    const listen = () => feed.listen();
    const changes = this.#changesAsTheyCome(checked.after);
    return watched(
      { bell: feed.bell, isClosed: () => this.#calls.isClosed, changes, listen },
      checked,
    );
  }

  /** What a watch asks, which goes by what was told anyway, and makes a request only to begin. */
  #changesAsTheyCome(start: number) {
    const feed = this.#feed;
    let generation = start <= feed.seen ? feed.generation : undefined;
    const { epoch } = feed.epoch;
    return async (prefix: string, after: number): Promise<History> => {
      if (feed.epoch.epoch !== epoch) throw putBack(after);
      const present = feed.generation;
      const atHand = generation === present ? feed.changesAtHand(prefix, after) : undefined;
      if (atHand !== undefined) return atHand;
      try {
        const history = await this.changes(prefix, after);
        generation = present;
        return history;
      } catch (error) {
        // A server that is away for a while comes back, and then the bell rings.
        if (!(error instanceof NetworkError && error.code === "STORE_FAILED")) throw error;
        return { commits: [], revision: after };
      }
    };
  }

  async openLease(options: LeaseOptions = {}): Promise<Lease> {
    const ttlMs = checkedTtl(options);
    return await this.#do("openLease", () => this.#leases.open(ttlMs));
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    const calls = this.#calls.close();
    this.#feed.bell.ring();
    await calls;
    await this.#leases.close();
    const feed = this.#feed.close();
    await this.#client.connection.close();
    await feed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
