// A store in ZooKeeper: the contract, put together of what is known here and what is written there.

import { NetworkError } from "../../errors.ts";
import { Calls } from "../calls.ts";
import { checkedCommit, checkedKey, checkedPrefix, checkedRevision } from "../commit.ts";
import { checkedTtl } from "../lease.ts";
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
import { Connection } from "./connection.ts";
import { storeError } from "./failures.ts";
import { Layout } from "./layout.ts";
import { Leases } from "./leases.ts";
import type { ZooKeeperStoreOptions } from "./options.ts";
import type { ZooKeeperPackage } from "./package.ts";
import { Replica } from "./replica.ts";
import { Writer } from "./writer.ts";

export class ZooKeeperStore implements Store {
  readonly #layout: Layout;
  readonly #connection: Connection;
  readonly #replica: Replica;
  readonly #writer: Writer;
  readonly #leases: Leases;
  readonly #calls: Calls;
  #closing: Promise<void> | undefined;

  constructor(zookeeper: ZooKeeperPackage, options: Required<ZooKeeperStoreOptions>) {
    const layout = new Layout(options.path);
    const connection = new Connection(zookeeper, options, (path) => this.#hear(path));
    const replica = new Replica(connection, layout);
    const writer = new Writer(connection, layout, replica);
    this.#layout = layout;
    this.#connection = connection;
    this.#replica = replica;
    this.#writer = writer;
    this.#leases = new Leases({ connection, layout, replica, writer });
    this.#calls = new Calls(() => this.#leases.settle());
  }

  /** Reads what there is, and ends the leases that nobody holds. */
  async begin(operation: string): Promise<void> {
    await this.#replica.refresh(operation);
    await this.#leases.sweep();
  }

  /** A node has changed, or any may have. */
  #hear(path: string | undefined): void {
    if (path === undefined || path === this.#layout.leases) this.#leases.sweepSoon();
    if (path === undefined || path === this.#layout.head) void this.#follow();
  }

  /** Whatever fails here is tried again when there is a connection, or by whoever asks. */
  async #follow(): Promise<void> {
    this.#replica.doubt();
    await this.#replica.refresh("watch").then(
      () => this.#leases.sweepIfStrange(),
      () => undefined,
    );
  }

  async #do<T>(operation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#calls.do(operation, work);
    } catch (error) {
      throw storeError(operation, error);
    }
  }

  async get(key: string): Promise<Entry | undefined> {
    checkedKey("key", key);
    return await this.#do("get", async () => {
      await this.#replica.refresh("get");
      return this.#replica.state.ledger.get(key);
    });
  }

  async list(prefix: string): Promise<Listing> {
    checkedPrefix("prefix", prefix);
    return await this.#do("list", async () => {
      await this.#replica.refresh("list");
      return { ...this.#replica.state.ledger.list(prefix), ...this.#replica.epoch };
    });
  }

  async changes(prefix: string, after: number): Promise<History> {
    checkedPrefix("prefix", prefix);
    checkedRevision("after", after);
    return await this.#do("changes", () => this.#replica.changes(prefix, after));
  }

  async commit(commit: Commit): Promise<Outcome> {
    const checked = checkedCommit(commit);
    return await this.#do("commit", async () => {
      await this.#leases.check(checked);
      return await this.#writer.write(checked);
    });
  }

  watch(options: WatchOptions): AsyncGenerator<Committed, void, undefined> {
    const checked = checkedWatch(options);
    this.#calls.enter("watch");
    const { bell } = this.#replica;
    const isClosed = () => this.#calls.isClosed;
    const listen = () => () => undefined;
    return watched({ bell, isClosed, changes: this.#changesAsTheyCome(), listen }, checked);
  }

  /** What a watch asks, which goes by what was told anyway, and makes a request only to begin. */
  #changesAsTheyCome() {
    const replica = this.#replica;
    const { epoch } = replica.epoch;
    let isBegun = false;
    return async (prefix: string, after: number): Promise<History> => {
      if (replica.epoch.epoch !== epoch) throw putBack(after);
      if (isBegun && !replica.isStale) return replica.changesAtHand(prefix, after);
      try {
        const history = await this.changes(prefix, after);
        if (history.epoch !== epoch) throw putBack(after);
        isBegun = true;
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
    this.#replica.bell.ring();
    await calls;
    await this.#leases.close();
    await this.#writer.close();
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
