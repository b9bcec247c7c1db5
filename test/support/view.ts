// What a consumer knows who believes every event, and how it compares with fresh lists.

import { isDeepStrictEqual } from "node:util";
import { expect, vi } from "vitest";
import {
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  listRules,
  type Namespace,
  type ObjectEvent,
  type WatchEvent,
  type Watched,
  type WatchedNoun,
  type Watcher,
} from "../../lib/index.ts";

type ListedNoun = Exclude<WatchedNoun, "namespace">;

/** Counters, timers, and what else is documented to be no change. */
const noChanges: Readonly<Record<ListedNoun, readonly string[]>> = {
  link: [
    "carrierChanges",
    "promiscuity",
    "helloTimer",
    "fdbCollectionTimer",
    "fdbLearned",
    "topologyChangeTimer",
    "topologyChangeNotificationTimer",
    "topologyChange",
    "topologyChangeDetected",
    "multicastQuerierState",
  ],
  address: [],
  route: [],
  neighbour: ["probes", "cacheInfo"],
  rule: [],
};
const noChangesOfPorts = [
  "messageAgeTimer",
  "forwardDelayTimer",
  "holdTimer",
  "topologyChangeAcknowledged",
  "configurationPending",
  "multicastHosts",
  "multicastGroups",
];

const identity: { readonly [Noun in WatchedNoun]: (record: Watched[Noun]) => unknown[] } = {
  link: ({ index }) => [index],
  address: ({ index, address, peer }) => [index, address, peer],
  route: ({ flags, expires, ...route }) => [Object.entries(route).sort()],
  neighbour: ({ index, address }) => [index, address],
  rule: ({ flags, ...rule }) => [Object.entries(rule).sort()],
  namespace: ({ name }) => [name],
};

function keyOf(noun: WatchedNoun, record: object): string {
  return JSON.stringify([noun, ...(identity[noun] as (record: object) => unknown[])(record)]);
}

/** The record that an event is about. */
export function recordOf(event: ObjectEvent): object {
  return (event as unknown as Record<string, object>)[event.noun] ?? {};
}

function stripped(record: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

/** A record without what is no change. */
function lasting(noun: ListedNoun, record: object): object {
  const rest = stripped(record, noChanges[noun]);
  if (typeof rest.port === "object" && rest.port !== null) {
    rest.port = stripped(rest.port, noChangesOfPorts);
  }
  return rest;
}

const lists: { readonly [Noun in ListedNoun]: (ns: Namespace) => Promise<Watched[Noun][]> } = {
  link: (ns) => listLinks(ns),
  address: (ns) => listAddresses(ns),
  route: (ns) => listRoutes(ns, { table: "all" }),
  // Of the others the kernel says nothing.
  neighbour: async (ns) =>
    (await listNeighbours(ns)).filter(
      ({ state }) => !["none", "incomplete", "noArp"].includes(String(state)),
    ),
  rule: (ns) => listRules(ns),
};

/** Believes every event of a watcher, and notices those that cannot be. */
export class View {
  readonly events: WatchEvent[] = [];
  readonly lies: WatchEvent[] = [];
  readonly #records = new Map<string, object[]>();
  readonly ended: Promise<void>;

  /** With `pause` it takes nothing after the snapshot until that is settled. */
  constructor(watcher: Watcher, pause?: Promise<unknown>) {
    this.ended = this.#follow(watcher, pause);
  }

  async #follow(watcher: Watcher, pause: Promise<unknown> | undefined): Promise<void> {
    for await (const event of watcher) {
      this.events.push(event);
      if (event.noun !== undefined) this.#take(event);
      if (event.type === "synced") await pause;
    }
  }

  #take(event: ObjectEvent): void {
    const record = recordOf(event);
    if (event.type === "changed") this.#remove(event, event.previous);
    if (event.type === "removed") this.#remove(event, record);
    else this.#add(event, record);
    if (event.type === "changed" && event.changed.length === 0) this.lies.push(event);
  }

  #add(event: ObjectEvent, record: object): void {
    const records = this.#records.get(keyOf(event.noun, record)) ?? [];
    // Rules can be there twice, everything else is told apart by its key.
    if (records.length > 0 && event.noun !== "rule") this.lies.push(event);
    this.#records.set(keyOf(event.noun, record), [...records, record]);
  }

  #remove(event: ObjectEvent, record: object): void {
    const key = keyOf(event.noun, record);
    const [first, ...rest] = this.#records.get(key) ?? [];
    if (first === undefined) this.lies.push(event);
    if (rest.length > 0) this.#records.set(key, rest);
    else this.#records.delete(key);
  }

  /** How many events there were of a type. */
  count(type: WatchEvent["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** What is known of nouns, sorted. */
  records(nouns: readonly WatchedNoun[]): [string, object][] {
    return [...this.#records]
      .filter(([key]) => nouns.includes(JSON.parse(key)[0]))
      .flatMap(([key, records]) => records.map((record): [string, object] => [key, record]))
      .sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** What differs between the view and fresh lists: empty if nothing. */
  async differences(namespace: Namespace, nouns: readonly ListedNoun[]): Promise<unknown[]> {
    const differences: unknown[] = [];
    for (const noun of nouns) {
      const left = new Map([...this.#records].map(([key, records]) => [key, [...records]]));
      for (const fresh of await lists[noun](namespace)) {
        const known = left.get(keyOf(noun, fresh))?.pop();
        if (known === undefined) differences.push({ missing: fresh });
        else if (!agree(noun, known, fresh)) differences.push({ known, fresh });
      }
      for (const [key, records] of left) {
        if (JSON.parse(key)[0] === noun) differences.push(...records.map((ghost) => ({ ghost })));
      }
    }
    return differences;
  }

  /** Waits until the view is what fresh lists say; fails with the difference if it never is. */
  async agrees(namespace: Namespace, nouns: readonly ListedNoun[], timeout = 8000): Promise<void> {
    const compare = async () => expect(await this.differences(namespace, nouns)).toEqual([]);
    await vi.waitFor(compare, { timeout, interval: 50 });
    expect(this.lies).toEqual([]);
  }
}

function agree(noun: ListedNoun, known: object, fresh: object): boolean {
  const one = lasting(noun, known) as Record<string, unknown>;
  const other = lasting(noun, fresh) as Record<string, unknown>;
  for (const countdown of ["validLifetime", "preferredLifetime", "expires"]) {
    if (typeof one[countdown] === "number") one[countdown] = 0;
    if (typeof other[countdown] === "number") other[countdown] = 0;
  }
  // Of this state the kernel does not tell; it lasts some seconds.
  if (noun === "neighbour" && other.state === "delay") other.state = one.state;
  return isDeepStrictEqual(one, other);
}
