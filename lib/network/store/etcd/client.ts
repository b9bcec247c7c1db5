// What of etcd a store uses, each call by its name.

import type { CheckedCommit } from "../commit.ts";
import type { Outcome } from "../store.ts";
import { conflictIn, headPut, txnOf } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { EtcdRefusal } from "./failures.ts";
import type { Beginning, Look } from "./journal.ts";
import type { Layout } from "./layout.ts";
import {
  decoded,
  encoded,
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
  revisionOf,
  type TxnRequest,
  type TxnResponse,
} from "./wire.ts";

/** A page of a listing is to have about so many characters, as far as the one before it can tell. */
const pageText = 4 * 1024 * 1024;
const firstPage = 100;
const longestPage = 5000;

/** So often a listing is begun, if etcd is compacted in the midst of it. */
const mostListings = 5;

interface Found {
  readonly found: readonly KeyValue[];
  readonly revision: number;
}

/** The calls of a store, below its prefix. */
export class Client {
  readonly connection: Connection;
  readonly layout: Layout;

  constructor(connection: Connection, layout: Layout) {
    this.connection = connection;
    this.layout = layout;
  }

  async #read<T>(operation: string, path: string, body: object): Promise<T> {
    return await this.connection.request<T>(path, body, { operation, repeatable: true });
  }

  async #range(operation: string, range: RangeRequest): Promise<RangeResponse> {
    return await this.#read(operation, "v3/kv/range", range);
  }

  /** What is so now, or was at a revision: a few bytes, however many leases there are. */
  async look(operation: string, revision?: number): Promise<Look> {
    const { leases, ...moment } = await this.#moment(operation, { count_only: true }, revision);
    return { ...moment, leases: Number(leases.count ?? 0) };
  }

  /** {@link Client.look}, for one who begins there. */
  async begin(operation: string, revision?: number): Promise<Beginning> {
    const { leases, ...moment } = await this.#moment(operation, { keys_only: true }, revision);
    const begun = ({ key, mod_revision }: KeyValue) =>
      [this.layout.parse(decoded(key)).lease ?? "", revisionOf(mod_revision)] as const;
    return { ...moment, leases: new Map((leases.kvs ?? []).map(begun)) };
  }

  /** @param what what is to be told of the leases */
  async #moment(operation: string, what: Partial<RangeRequest>, revision?: number) {
    const at = revision === undefined ? {} : { revision: `${revision}` };
    const txn: TxnRequest = {
      success: [
        { request_range: { ...this.layout.head, ...at, keys_only: true } },
        { request_range: { ...this.layout.leases, ...at, ...what } },
      ],
    };
    const { header, responses } = await this.#read<TxnResponse>(operation, "v3/kv/txn", txn);
    const [head = {}, leases = {}] = (responses ?? []).map((one) => one.response_range);
    return {
      cluster: header?.cluster_id ?? "",
      revision: revision ?? revisionOf(header?.revision),
      head: revisionOf(head.kvs?.[0]?.mod_revision),
      leases,
    };
  }

  /** The layout's name where there is a store; `undefined` where there is nothing at all. */
  async formatThere(operation: string): Promise<string | undefined> {
    const txn: TxnRequest = {
      success: [
        { request_range: this.layout.head },
        { request_range: { ...this.layout.whole, keys_only: true, limit: "1" } },
      ],
    };
    const how = { operation, repeatable: true, once: true };
    const { responses } = await this.connection.request<TxnResponse>("v3/kv/txn", txn, how);
    const [head, any] = (responses ?? []).map((one) => one.response_range?.kvs?.[0]);
    return any && decoded(head?.value);
  }

  async get(key: string): Promise<KeyValue | undefined> {
    const { kvs } = await this.#range("get", this.layout.entry(key));
    return kvs?.[0];
  }

  /** All entries that begin with a prefix, at one revision. */
  async list(prefix: string): Promise<Found> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#pages(prefix);
      } catch (error) {
        // Between two pages, etcd has forgotten how it was.
        const isForgotten = error instanceof EtcdRefusal && error.isCompacted;
        if (!isForgotten || attempt === mostListings) throw error;
      }
    }
  }

  async #pages(prefix: string): Promise<Found> {
    const whole = this.layout.entries(prefix);
    const found: KeyValue[] = [];
    let [key, revision, limit] = [whole.key, 0, firstPage];
    for (;;) {
      const at = revision === 0 ? {} : { revision: `${revision}` };
      const page = { ...whole, key, ...at, limit: `${limit}` };
      const { header, kvs = [], more } = await this.#range("list", page);
      if (revision === 0) revision = revisionOf(header?.revision);
      found.push(...kvs);
      const last = kvs.at(-1);
      if (!more || last === undefined) return { found, revision };
      key = encoded(`${decoded(last.key)}\0`);
      const text = kvs.reduce((sum, { value = "" }) => sum + 100 + value.length, 0);
      limit = Math.max(1, Math.min(longestPage, Math.floor((kvs.length * pageText) / text)));
    }
  }

  async commit(commit: CheckedCommit): Promise<Outcome> {
    const txn = txnOf(this.layout, commit);
    const changesNothing = txn.success?.length === 0;
    const how = { operation: "commit", repeatable: changesNothing };
    const response = await this.connection.request<TxnResponse>("v3/kv/txn", txn, how);
    if (response.succeeded) {
      return { committed: true, revision: revisionOf(response.header?.revision) };
    }
    const conflict = conflictIn(commit, response);
    if (conflict !== undefined) return { committed: false, conflict };
    throw new Error("etcd refused a commit whose conditions hold");
  }

  /** Begins a lease of so many seconds at least, under an id that was made up for it. */
  async grant(id: string, seconds: number): Promise<void> {
    const operation = "openLease";
    await this.#read(operation, "v3/lease/grant", { ID: id, TTL: `${seconds}` }).catch(
      (error: unknown) => {
        // A repetition meets what the first request did.
        if (!(error instanceof EtcdRefusal && error.isLeaseThere)) throw error;
      },
    );
    const mark = { request_put: { ...this.layout.lease(id), value: encoded("1"), lease: id } };
    await this.#read(operation, "v3/kv/txn", { success: [mark, headPut(this.layout)] });
  }

  /** False if there is no such lease. */
  async renew(id: string): Promise<boolean> {
    const answer = await this.#read<{ result?: { TTL?: string } }>(
      ...(["openLease", "v3/lease/keepalive", { ID: id }] as const),
    );
    return Number(answer.result?.TTL ?? 0) > 0;
  }

  async revoke(id: string): Promise<void> {
    await this.#read("openLease", "v3/lease/revoke", { ID: id }).catch((error: unknown) => {
      if (!(error instanceof EtcdRefusal && error.isLeaseMissing)) throw error;
    });
  }
}
