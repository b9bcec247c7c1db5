// The plan of a host as this process knows it: read from the store once, and then brought up to date.

import { NetworkError } from "./errors.ts";
import { type Keys, type NounName, type Nouns, readRecord } from "./keys.ts";
import type { Endpoint, Network, Planned, Sandbox, Service } from "./model.ts";
import type { Change, Store } from "./store/store.ts";

/** Ids by something that they have in common. */
class Index {
  readonly #ids = new Map<string, Set<string>>();

  add(common: string, id: string): void {
    const ids = this.#ids.get(common);
    if (ids === undefined) this.#ids.set(common, new Set([id]));
    else ids.add(id);
  }

  delete(common: string, id: string): void {
    const ids = this.#ids.get(common);
    ids?.delete(id);
    if (ids?.size === 0) this.#ids.delete(common);
  }

  of(common: string): Iterable<string> {
    return this.#ids.get(common) ?? [];
  }

  size(common: string): number {
    return this.#ids.get(common)?.size ?? 0;
  }
}

/** How a noun of the plan was changed. */
export type PlanChange = {
  [N in NounName]: {
    readonly noun: N;
    readonly before: Planned<Nouns[N]> | undefined;
    readonly after: Planned<Nouns[N]> | undefined;
    readonly revision: number;
  };
}[NounName];

/** What the store says of a host, as of the last refresh and of what was learned since. */
export class Plan {
  readonly networks: Map<string, Planned<Network>> = new Map();
  readonly sandboxes: Map<string, Planned<Sandbox>> = new Map();
  readonly endpoints: Map<string, Planned<Endpoint>> = new Map();
  readonly services: Map<string, Planned<Service>> = new Map();
  readonly #networkNames = new Index();
  readonly #sandboxNames = new Index();
  readonly #bySandbox = new Index();
  readonly #byNetwork = new Index();
  readonly #servicesByNetwork = new Index();
  readonly #byPort = new Index();
  readonly #byJoined = new Index();
  readonly #listeners = new Set<(change: PlanChange) => void>();
  readonly #store: Store;
  readonly #keys: Keys;
  /** All commits up to this are known; `undefined` if everything is to be read. */
  #revision: number | undefined;
  #epoch: number | undefined;
  /** The keys of which is learned while everything is read. */
  #learned: Set<string> | undefined;
  #refreshing: Promise<void> = Promise.resolve();

  constructor(store: Store, keys: Keys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** Tells of every change from now on, in the order of the commits, until the returned call. */
  listen(listener: (change: PlanChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Catches up with the store: every commit that was settled before is known afterwards. */
  async refresh(): Promise<void> {
    const turn = this.#refreshing.then(() => this.#catchUp());
    this.#refreshing = turn.catch(() => undefined);
    await turn;
  }

  /** Takes note of a commit, unless it is known. */
  learn(revision: number, changes: readonly Change[]): void {
    for (const change of changes) {
      this.#learned?.add(change.key);
      this.#apply(change, revision);
    }
  }

  network(name: string): Planned<Network> | undefined {
    return this.#named(this.networks, this.#networkNames, name);
  }

  sandbox(name: string): Planned<Sandbox> | undefined {
    return this.#named(this.sandboxes, this.#sandboxNames, name);
  }

  endpointsOf(sandbox: string): Planned<Endpoint>[] {
    return this.#endpoints(this.#bySandbox.of(sandbox));
  }

  endpointsOn(network: string): Planned<Endpoint>[] {
    return this.#endpoints(this.#byNetwork.of(network));
  }

  servicesOn(network: string): Planned<Service>[] {
    return Array.from(this.#servicesByNetwork.of(network), (id) => this.services.get(id)).filter(
      (service) => service !== undefined,
    );
  }

  countOn(network: string): number {
    return this.#byNetwork.size(network);
  }

  endpoint(sandbox: string, network: string): Planned<Endpoint> | undefined {
    return this.endpointsOf(sandbox).find(({ value }) => value.network === network);
  }

  /** The sandboxes that share the namespace of one. */
  joinedTo(sandbox: string): Planned<Sandbox>[] {
    return Array.from(this.#byJoined.of(sandbox), (id) => this.sandboxes.get(id)).filter(
      (joined) => joined !== undefined,
    );
  }

  /** The sandboxes that publish a port, by protocol and number, whatever the address. */
  publishing(protocol: string, hostPort: number): Planned<Sandbox>[] {
    return Array.from(this.#byPort.of(`${protocol} ${hostPort}`), (id) =>
      this.sandboxes.get(id),
    ).filter((sandbox) => sandbox !== undefined);
  }

  #named<T>(all: ReadonlyMap<string, T>, index: Index, name: string): T | undefined {
    for (const id of index.of(name)) return all.get(id);
    return undefined;
  }

  #endpoints(ids: Iterable<string>): Planned<Endpoint>[] {
    return Array.from(ids, (id) => this.endpoints.get(id)).filter(
      (endpoint) => endpoint !== undefined,
    );
  }

  async #catchUp(): Promise<void> {
    if (this.#revision === undefined) return await this.#readAll();
    try {
      const history = await this.#store.changes(this.#keys.prefix, this.#revision);
      const { commits, revision, epoch } = history;
      if (epoch !== this.#epoch) return await this.#readAll();
      for (const committed of commits) this.learn(committed.revision, committed.changes);
      this.#revision = revision;
    } catch (error) {
      if (!(error instanceof NetworkError) || error.code !== "STORE_COMPACTED") throw error;
      await this.#readAll();
    }
  }

  async #readAll(): Promise<void> {
    const learned = new Set<string>();
    this.#learned = learned;
    const { entries, revision, epoch } = await this.#store.list(this.#keys.prefix);
    this.#epoch = epoch;
    this.#learned = undefined;
    // A store that was put back to a copy has older revisions than those that are known.
    const isAnew = (key: string) => !learned.has(key);
    const present = new Set(entries.map(({ key }) => key));
    for (const noun of ["services", "endpoints", "sandboxes", "networks"] as const) {
      for (const { value } of [...this[noun].values()]) {
        const key = this.#keys.of(noun, value);
        if (!present.has(key)) this.#apply({ key }, revision, isAnew(key));
      }
    }
    for (const entry of entries) this.#apply(entry, entry.revision, isAnew(entry.key));
    this.#revision = revision;
  }

  /** @param anew whether it is so whatever is known */
  #apply(change: Change, revision: number, anew = false): void {
    const place = this.#keys.parse(change.key);
    if (place === undefined) return;
    const { noun, id } = place;
    const known = this[noun].get(id)?.revision;
    if (known !== undefined && (anew ? known === revision : known >= revision)) return;
    // One branch for each noun, so that the types of map and record go together.
    if (noun === "networks") this.#note(noun, this.networks, id, change, revision);
    else if (noun === "sandboxes") this.#note(noun, this.sandboxes, id, change, revision);
    else if (noun === "services") this.#note(noun, this.services, id, change, revision);
    else this.#note(noun, this.endpoints, id, change, revision);
  }

  #note<N extends NounName>(
    noun: N,
    all: Map<string, Planned<Nouns[N]>>,
    id: string,
    { key, value }: Change,
    revision: number,
  ): void {
    const before = all.get(id);
    const after = value === undefined ? undefined : readRecord(noun, { key, value, revision });
    if (before !== undefined) this.#index("delete", noun, before.value);
    if (after === undefined) all.delete(id);
    else all.set(id, after);
    if (after !== undefined) this.#index("add", noun, after.value);
    const change = { noun, before, after, revision } as PlanChange;
    if (before !== undefined || after !== undefined) {
      for (const listener of this.#listeners) listener(change);
    }
  }

  #index(verb: "add" | "delete", noun: NounName, value: Nouns[NounName]): void {
    if (noun === "networks") this.#networkNames[verb]((value as Network).name, value.id);
    else if (noun === "endpoints") {
      const { network, sandbox, id } = value as Endpoint;
      this.#byNetwork[verb](network, id);
      this.#bySandbox[verb](sandbox, id);
    } else if (noun === "services") {
      this.#servicesByNetwork[verb]((value as Service).network, value.id);
    } else {
      const { name, id, ports, joins } = value as Sandbox;
      this.#sandboxNames[verb](name, id);
      if (joins !== undefined) this.#byJoined[verb](joins, id);
      for (const { protocol, hostPort } of ports) this.#byPort[verb](`${protocol} ${hostPort}`, id);
    }
  }
}
