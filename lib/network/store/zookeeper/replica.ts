// The state of a store as this process knows it, and how it catches up with the store.

import { setTimeout as sleep } from "node:timers/promises";
import { Bell } from "../bell.ts";
import { forgottenAt } from "../history.ts";
import { pauseMs } from "../pause.ts";
import type { History } from "../store.ts";
import type { Connection } from "./connection.ts";
import { ZooKeeperFailure } from "./failures.ts";
import type { Layout } from "./layout.ts";
import { corrupt, decoded, encoded, firstRecord, type StoreRecord } from "./record.ts";
import type { Session } from "./session.ts";
import { lastSnapshot } from "./snapshot.ts";
import { type Numbered, State } from "./state.ts";

/** So many records are asked for at once. */
const window = 100;

/** So often a state is built anew while others discard what it is built of. */
const mostAttempts = 5;

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, position) => from + position);
}

/** One state after another. */
export class Replica {
  /** Rung when records were added, and when they should have been but could not. */
  readonly bell: Bell = new Bell();
  readonly #connection: Connection;
  readonly #layout: Layout;
  #state = new State();
  /** How often all was read: once, and again whenever the store is found to be another one. */
  #reads = 0;
  /** Whether there may be records that are not known. */
  #isStale = true;
  #present: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  /** The record that is being written, and whether it has come. */
  #expected = { id: "", hasCome: false };

  constructor(connection: Connection, layout: Layout) {
    this.#connection = connection;
    this.#layout = layout;
  }

  get state(): State {
    return this.#state;
  }

  get isStale(): boolean {
    return this.#isStale;
  }

  /** As listings and histories have it. */
  get epoch(): { readonly epoch?: number } {
    return this.#reads > 1 ? { epoch: this.#reads - 1 } : {};
  }

  /** Says that there may be records that are not known. */
  doubt(): void {
    this.#isStale = true;
  }

  /** Takes note of whether a record comes. */
  expect(id: string): void {
    this.#expected = { id, hasCome: false };
  }

  /** Whether a record that was expected has come. */
  hasCome(id: string): boolean {
    return this.#expected.id === id && this.#expected.hasCome;
  }

  /** Adds a record that was written after the present state. */
  take(numbered: Numbered, record: StoreRecord): void {
    if (!this.#take(this.#state, numbered, record)) this.#isStale = true;
    this.bell.ring();
  }

  #take(state: State, numbered: Numbered, record: StoreRecord): boolean {
    const taken = state.take(numbered, record);
    if (taken && record.id === this.#expected.id) this.#expected.hasCome = true;
    return taken;
  }

  /** Catches up: everything that was written before is known afterwards. */
  async refresh(operation: string): Promise<void> {
    if (this.#next === undefined) {
      this.#next = this.#present.then(async () => {
        this.#next = undefined;
        const { number } = this.#state;
        try {
          await this.#connection.repeat(operation, (session) => this.#catchUp(session));
        } catch (error) {
          this.#isStale = true;
          throw error;
        } finally {
          if (this.#isStale || this.#state.number !== number) this.bell.ring();
        }
      });
      this.#present = this.#next.catch(() => undefined);
    }
    await this.#next;
  }

  async #catchUp(session: Session): Promise<void> {
    this.#isStale = false;
    const known = { number: this.#state.number, node: this.#state.node };
    const [, head] = await Promise.all([session.sync(this.#layout.root), this.#head(session)]);
    if (head.number === known.number && head.node.equals(known.node)) return;
    const isLater = this.#reads > 0 && head.number > known.number;
    if (isLater && (await this.#follow(session, this.#state, head))) return;
    this.#state = await this.#build(session);
    this.#reads += 1;
  }

  async #head(session: Session): Promise<Numbered> {
    const ask = () => session.get(this.#layout.head, { watch: true });
    const { version, data } = await ask().catch(async (error: unknown) => {
      if (!(error instanceof ZooKeeperFailure && error.isMissing)) throw error;
      for (const folder of this.#layout.folders) await session.ensure(folder);
      await session.ensure(this.#layout.head, encoded(firstRecord).node);
      return await ask();
    });
    return { number: version, node: data };
  }

  async #record(session: Session, numbered: Numbered): Promise<StoreRecord | undefined> {
    return await decoded(session, this.#layout, numbered.number, numbered.node);
  }

  /** What the node of a record has; `undefined` if there is none. */
  async #node(session: Session, number: number): Promise<Buffer | undefined> {
    try {
      return (await session.get(this.#layout.record(number))).data;
    } catch (error) {
      if (error instanceof ZooKeeperFailure && error.isMissing) return undefined;
      throw error;
    }
  }

  /** Adds all records up to the last one. False if they are not there, or do not follow. */
  async #follow(session: Session, state: State, head: Numbered): Promise<boolean> {
    while (state.number < head.number) {
      const numbers = range(state.number + 1, Math.min(state.number + window, head.number));
      const nodes = await Promise.all(
        numbers.map((number) => (number === head.number ? head.node : this.#node(session, number))),
      );
      for (const [position, node] of nodes.entries()) {
        if (node === undefined) return false;
        const numbered = { number: numbers[position] as number, node };
        const record = await this.#record(session, numbered);
        if (record === undefined || !this.#take(state, numbered, record)) return false;
      }
    }
    return true;
  }

  async #build(session: Session): Promise<State> {
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const head = await this.#head(session);
      const state = await lastSnapshot(session, this.#layout);
      if (await this.#follow(session, state, head)) return state;
      await sleep(pauseMs(attempt));
    }
    throw corrupt("records are missing, or do not follow each other");
  }

  /** What was changed since, up to the present; older records are read if they are asked for. */
  async changes(prefix: string, after: number): Promise<History> {
    await this.refresh("changes");
    const { ledger } = this.#state;
    if (after < ledger.forgotten && after >= forgottenAt(ledger.revision)) {
      await this.#connection.repeat("changes", (session) => this.#recall(session, after));
    }
    return this.changesAtHand(prefix, after);
  }

  /** The same, as far as is known without asking. */
  changesAtHand(prefix: string, after: number): History {
    return { ...this.#state.ledger.changes(prefix, after), ...this.epoch };
  }

  async #recall(session: Session, after: number): Promise<void> {
    const state = this.#state;
    while (state.ledger.forgotten > after && state.earlier >= 0) {
      const numbers = range(Math.max(0, state.earlier - window + 1), state.earlier).reverse();
      const nodes = await Promise.all(numbers.map((number) => this.#node(session, number)));
      for (const [position, node] of nodes.entries()) {
        const number = numbers[position] as number;
        const record = node && (await this.#record(session, { number, node }));
        if (record === undefined) return;
        state.recall(number, record);
      }
    }
  }
}
