// What there is, as far as was heard, and what of it the consumer has not been told yet.

import type { WatchEvent, WatchedNoun } from "./events.ts";
import { changesBetween, type Identity, identityOf } from "./identities.ts";

/** The objects of one key: one, or several that are alike. */
interface Entry {
  readonly records: readonly object[];
  /** Another number for another object of the same key. */
  readonly generation: number;
}

/** A list under way. */
interface List {
  readonly found: Map<string, object[]>;
  /** Keys that were heard of since it began, of which it knows the same or less. */
  readonly heard: Set<string>;
}

/** What is known of a noun. */
interface Chapter {
  readonly noun: WatchedNoun;
  readonly identity: Identity<object>;
  readonly entries: Map<string, Entry>;
  list: List | undefined;
  /** True once it is complete for the first time: from then on changes are told. */
  told: boolean;
  /** Counts objects that went, where what has the key of one is another. */
  generation: number;
}

/** Something to be told: of a key, or by itself. */
type Pending =
  | { readonly chapter: Chapter; readonly key: string; readonly told: Entry | undefined }
  | { readonly marker: "synced" | "resynced" };

/** Something heard of a noun; see native/rtnl/watcher.hpp. */
export interface HeardOfNoun {
  readonly kind: "added" | "replaced" | "removed" | "begun" | "listed" | "ended" | "interrupted";
  readonly record?: object;
}

/**
 * The newest state of everything, and the difference to what the consumer was told.
 *
 * The difference is kept by object, not by event, so that it is never larger than what there is and
 * what the consumer knows. It is told in the order in which the objects were first touched.
 */
export class Picture {
  readonly #chapters = new Map<WatchedNoun, Chapter>();
  readonly #pending = new Map<string, Pending>();
  #next: Iterator<[string, Pending]> | undefined;
  readonly #events: WatchEvent[] = [];
  #initial: Set<string> | undefined;

  constructor(nouns: Iterable<WatchedNoun>) {
    for (const noun of nouns) {
      const identity = identityOf(noun);
      const entries = new Map<string, Entry>();
      const state = { list: undefined, told: false, generation: 0 };
      this.#chapters.set(noun, { noun, identity, entries, ...state });
    }
  }

  /**
   * Takes something in. False if it cannot be told what has become of the object, so that all of
   * the noun has to be listed again.
   */
  hear(noun: WatchedNoun, { kind, record }: HeardOfNoun): boolean {
    const chapter = this.#chapters.get(noun);
    if (chapter === undefined) return true;
    switch (kind) {
      case "begun":
        chapter.list = { found: new Map(), heard: new Set() };
        return true;
      case "interrupted":
        chapter.list = undefined;
        return true;
      case "ended":
        return this.#endList(chapter);
      case "listed":
        if (record !== undefined) this.#listed(chapter, record);
        return true;
      default:
        return record === undefined || this.#event(chapter, kind, record);
    }
  }

  /** Begins to tell of nouns: of what there is already, too, if there is to be a snapshot. */
  tell(nouns: Iterable<WatchedNoun>, snapshot: boolean): void {
    for (const noun of nouns) {
      const chapter = this.#chapters.get(noun);
      if (chapter === undefined || chapter.told) continue;
      chapter.told = true;
      if (!snapshot) continue;
      this.#initial ??= new Set();
      for (const key of chapter.entries.keys()) {
        this.#initial.add(this.#touch(chapter, key, undefined));
      }
    }
  }

  /** Tells something that is about no object, after all that is to be told so far. */
  mark(marker: "synced" | "resynced"): void {
    this.#pending.delete(marker);
    this.#pending.set(marker, { marker });
  }

  /** The next event, if there is one. */
  take(): WatchEvent | undefined {
    while (this.#events.length === 0) {
      // One iterator for all: a new one would have to step over what was deleted.
      this.#next ??= this.#pending.entries();
      const step = this.#next.next();
      if (step.done === true) {
        this.#next = undefined;
        return undefined;
      }
      const [id, pending] = step.value;
      this.#pending.delete(id);
      this.#derive(id, pending);
    }
    return this.#events.shift();
  }

  #listed(chapter: Chapter, record: object): void {
    const { list, identity, entries } = chapter;
    if (list === undefined) return;
    const key = identity.key(record);
    const found = list.found.get(key);
    if (found !== undefined) found.push(record);
    else list.found.set(key, [...settled(chapter.noun, record, entries.get(key)?.records ?? [])]);
  }

  #endList(chapter: Chapter): boolean {
    const { list, entries, identity } = chapter;
    if (list === undefined) return true;
    chapter.list = undefined;
    let certain = true;
    for (const [key, records] of list.found) {
      if (!list.heard.has(key)) this.#set(chapter, key, records);
      else if (identity.mark !== undefined) certain &&= this.#agrees(chapter, key, records);
    }
    for (const key of entries.keys()) {
      if (!list.found.has(key) && !list.heard.has(key)) this.#set(chapter, key, []);
    }
    return certain;
  }

  /** Of several objects with one key, an event tells of one alone. */
  #agrees({ entries, identity }: Chapter, key: string, records: readonly object[]): boolean {
    const marks = (some: readonly object[]) => some.map((one) => identity.mark?.(one)).sort();
    return marks(entries.get(key)?.records ?? []).join() === marks(records).join();
  }

  #event(chapter: Chapter, kind: HeardOfNoun["kind"], record: object): boolean {
    const { identity, entries, list } = chapter;
    const key = identity.key(record);
    list?.heard.add(key);
    const known = entries.get(key)?.records ?? [];
    const gone = kind === "removed" || isUnresolved(chapter.noun, record);
    const records = gone
      ? without(identity, known, record)
      : withAnother(identity, known, record, kind === "replaced");
    if (records === undefined) return false;
    this.#set(chapter, key, records);
    return true;
  }

  /** Takes in the records of a key; none if there is no such object any more. */
  #set(chapter: Chapter, key: string, records: readonly object[]): void {
    const { entries, identity } = chapter;
    const before = entries.get(key);
    const [first] = records;
    if (first === undefined) {
      if (before !== undefined) this.#delete(chapter, key, before);
      return;
    }
    const [old] = before?.records ?? [];
    const another = old !== undefined && identity.differ?.(old, first) === true;
    if (another) chapter.generation += 1;
    const generation = before === undefined || another ? chapter.generation : before.generation;
    if (before === undefined || another || !same(before.records, records)) {
      this.#touch(chapter, key, before);
    }
    entries.set(key, { records, generation });
  }

  #delete(chapter: Chapter, key: string, before: Entry): void {
    const id = this.#touch(chapter, key, before);
    chapter.entries.delete(key);
    if (chapter.identity.mortal === true) chapter.generation += 1;
    const pending = this.#pending.get(id);
    if (pending === undefined || "marker" in pending || pending.told !== undefined) return;
    // It came and went unseen: there is nothing to be told of it.
    this.#pending.delete(id);
    this.#initial?.delete(id);
  }

  /** Remembers what the consumer knows of a key that is about to be another. */
  #touch(chapter: Chapter, key: string, told: Entry | undefined): string {
    const id = `${chapter.noun} ${key}`;
    if (chapter.told && !this.#pending.has(id)) this.#pending.set(id, { chapter, key, told });
    return id;
  }

  /** Makes events of the difference between what was told of a key and what there is. */
  #derive(id: string, pending: Pending): void {
    if ("marker" in pending) {
      this.#events.push({ type: pending.marker });
      return;
    }
    const { chapter, key, told } = pending;
    const now = chapter.entries.get(key);
    const initial = this.#initial?.delete(id) === true;
    const isSame = told?.generation === now?.generation;
    for (const [previous, record] of pairsOf(chapter.identity, told, now)) {
      if (previous !== undefined && record !== undefined && isSame) {
        const changed = changesBetween(previous, record);
        if (changed.length > 0) this.#push("changed", chapter.noun, record, { previous, changed });
        continue;
      }
      if (previous !== undefined) this.#push("removed", chapter.noun, previous);
      if (record !== undefined) this.#push("added", chapter.noun, record, { initial });
    }
  }

  #push(type: string, noun: WatchedNoun, record: object, more: object = {}): void {
    // The record came with the noun, so that the event is one of the union's.
    this.#events.push({ type, noun, [noun]: record, ...more } as unknown as WatchEvent);
  }
}

function same(some: readonly object[], others: readonly object[]): boolean {
  return (
    some.length === others.length &&
    some.every((one, place) => changesBetween(one, others[place] ?? {}).length === 0)
  );
}

/** Each record that was told and what it is by now; the same ones first, then what took a place. */
function pairsOf(identity: Identity<object>, told: Entry | undefined, now: Entry | undefined) {
  const pairs: [object | undefined, object | undefined][] = [];
  const after = [...(now?.records ?? [])];
  const before = (told?.records ?? []).filter((record) => {
    const place = after.findIndex((one) => identity.mark?.(one) === identity.mark?.(record));
    if (place >= 0) pairs.push([record, after.splice(place, 1)[0]]);
    return place < 0;
  });
  for (let place = 0; place < Math.max(before.length, after.length); place += 1) {
    pairs.push([before[place], after[place]]);
  }
  return pairs;
}

/** The records of a key without one that is gone; undefined if it is none of them. */
function without(identity: Identity<object>, known: readonly object[], record: object) {
  if (identity.mark === undefined || known.length === 0) return [];
  const mark = identity.mark(record);
  const place = known.findIndex((one) => identity.mark?.(one) === mark);
  return place < 0 ? undefined : known.toSpliced(place, 1);
}

/** The records of a key with another; undefined if it is not certain what has become of them. */
function withAnother(
  identity: Identity<object>,
  known: readonly object[],
  record: object,
  replaces: boolean,
) {
  if (identity.mark === undefined) return [record];
  const mark = identity.mark(record);
  const place = known.findIndex((one) => identity.mark?.(one) === mark);
  if (place >= 0) return known.with(place, record);
  if (identity.isUncertain?.(record, replaces, known) === true) return undefined;
  return replaces ? [record] : [...known, record];
}

/**
 * net/core/neighbour.c: an entry that is being looked for, or needs not be, is made without a word
 * (neigh_event_send(), arp_constructor()); of the rest, neigh_update_notify() tells.
 */
const unresolved = new Set(["none", "incomplete", "noArp"]);

function stateOf(noun: WatchedNoun, record: object): unknown {
  return noun === "neighbour" && "state" in record ? record.state : undefined;
}

function isUnresolved(noun: WatchedNoun, record: object): boolean {
  return unresolved.has(String(stateOf(noun, record)));
}

/** What a listed record comes to: a neighbour that is asked after again stays what it was. */
function settled(noun: WatchedNoun, record: object, known: readonly object[]): readonly object[] {
  const state = stateOf(noun, record);
  const asked = state === "none" || state === "incomplete" || state === "delay";
  if (asked && known.length > 0) return known;
  return isUnresolved(noun, record) ? [] : [record];
}
