// The hosts that share a store, and what each tells the others, as this process knows it.

import type { Change, Entry, Store } from "../store/store.ts";
import { Tail } from "../store/tail.ts";
import {
  type Host,
  type LeasedBlock,
  type Member,
  type RecordName,
  type Records,
  read,
  recordAt,
  shared,
  type Whole,
} from "./records.ts";

/** A record, and the revision of the commit that put it. */
export type Seen<T> = T & { readonly revision: number };

/** How a record was changed. */
export type ClusterChange = {
  [N in RecordName]: {
    readonly noun: N;
    readonly before: Records[N] | undefined;
    readonly after: Records[N] | undefined;
  };
}[RecordName];

/** Records by their keys, and by what some have in common. */
class Collection<T> {
  readonly all = new Map<string, Seen<T>>();
  readonly #groups = new Map<string, Map<string, Seen<T>>>();
  readonly #groupOf: (record: T) => string;

  constructor(groupOf: (record: T) => string) {
    this.#groupOf = groupOf;
  }

  set(key: string, record: Seen<T>): void {
    this.delete(key);
    this.all.set(key, record);
    const name = this.#groupOf(record);
    const group = this.#groups.get(name) ?? new Map<string, Seen<T>>();
    this.#groups.set(name, group.set(key, record));
  }

  delete(key: string): void {
    const record = this.all.get(key);
    if (record === undefined) return;
    this.all.delete(key);
    const name = this.#groupOf(record);
    const group = this.#groups.get(name);
    group?.delete(key);
    if (group?.size === 0) this.#groups.delete(name);
  }

  of(group: string): Seen<T>[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  count(group: string): number {
    return this.#groups.get(group)?.size ?? 0;
  }
}

/** What the store says of all hosts, as of the last refresh, or of now while it is followed. */
export class ClusterView {
  readonly #collections: { readonly [N in RecordName]: Collection<Records[N]> } = {
    hosts: new Collection(({ name }) => name),
    networks: new Collection(({ network }) => network.name),
    members: new Collection(({ network }) => network),
    blocks: new Collection(({ network }) => network),
  };
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #tail: Tail;

  constructor(store: Store) {
    this.#tail = new Tail(store, shared, {
      begin: (entries) => this.#begin(entries),
      apply: (changes, revision) => {
        for (const change of changes) this.#apply(change, revision);
      },
    });
  }

  /** Catches up with the store. */
  async refresh(): Promise<void> {
    await this.#tail.refresh();
  }

  /** Takes note of all that changes, until the signal. */
  async follow(signal: AbortSignal): Promise<void> {
    await this.#tail.follow(signal);
  }

  /** Tells of every change from now on, in the order of the commits, until the returned call. */
  listen(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  host(name: string): Seen<Host> | undefined {
    return this.#collections.hosts.of(name)[0];
  }

  hosts(): Seen<Host>[] {
    return [...this.#collections.hosts.all.values()];
  }

  /** A network by its name, its id, or the beginning of an id that only one has. */
  whole(reference: string): Seen<Whole> | undefined {
    const [named] = this.#collections.networks.of(reference);
    if (named !== undefined || !/^[0-9a-f]{2,64}$/.test(reference)) return named;
    const found = this.wholes().filter(({ network }) => network.id.startsWith(reference));
    return found.length === 1 ? found[0] : undefined;
  }

  wholes(): Seen<Whole>[] {
    return [...this.#collections.networks.all.values()];
  }

  members(network: string): Seen<Member>[] {
    return this.#collections.members.of(network);
  }

  countMembers(network: string): number {
    return this.#collections.members.count(network);
  }

  /** The endpoints that a host has, of all networks. */
  membersOf(host: string): Seen<Member>[] {
    return [...this.#collections.members.all.values()].filter((member) => member.host === host);
  }

  blocks(network: string): Seen<LeasedBlock>[] {
    return this.#collections.blocks.of(network);
  }

  /** The blocks that a host has, of all networks. */
  blocksOf(host: string): Seen<LeasedBlock>[] {
    return [...this.#collections.blocks.all.values()].filter((block) => block.host === host);
  }

  #begin(entries: readonly Entry[]): void {
    const present = new Set(entries.map(({ key }) => key));
    for (const collection of Object.values(this.#collections)) {
      for (const key of [...collection.all.keys()]) {
        if (!present.has(key)) this.#apply({ key }, 0);
      }
    }
    for (const entry of entries) this.#apply(entry, entry.revision);
  }

  #apply({ key, value }: Change, revision: number): void {
    const noun = recordAt(key);
    if (noun !== undefined) this.#note(noun, key, value, revision);
  }

  #note<N extends RecordName>(
    noun: N,
    key: string,
    value: Change["value"],
    revision: number,
  ): void {
    const collection: Collection<Records[N]> = this.#collections[noun];
    const before = collection.all.get(key);
    if (before?.revision === revision) return;
    const after = value === undefined ? undefined : read(noun, key, value);
    if (after === undefined) collection.delete(key);
    else collection.set(key, { ...after, revision });
    if (before === undefined && after === undefined) return;
    const change = { noun, before, after } as ClusterChange;
    for (const listener of this.#listeners) listener(change);
  }
}
