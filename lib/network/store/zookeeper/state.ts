// What came of all records up to one of them.

import { textOfChanges } from "../history.ts";
import { Ledger, type Row } from "../ledger.ts";
import { corrupt, type StoreRecord } from "./record.ts";

/** A record's number and what its node has. */
export interface Numbered {
  readonly number: number;
  readonly node: Buffer;
}

/** Where a state begins. */
export interface Beginning {
  /** Of the last record that is in it; -1 if none is. */
  readonly number: number;
  readonly id: string;
  readonly revision: number;
  readonly rows: readonly Row[];
}

const nothing: Beginning = { number: -1, id: "", revision: 0, rows: [] };

/** Entries and commits, to which records are added one by one. */
export class State {
  readonly ledger: Ledger;
  #number: number;
  #id: string;
  #node: Buffer = Buffer.alloc(0);
  /** The number of the first record whose commits are remembered. */
  #first: number;

  constructor({ number, id, revision, rows }: Beginning = nothing) {
    this.ledger = new Ledger(rows, revision);
    this.#number = number;
    this.#id = id;
    this.#first = number + 1;
  }

  /** That of the last record. */
  get number(): number {
    return this.#number;
  }

  /** That of the last record. */
  get id(): string {
    return this.#id;
  }

  /** What the last record's node has. */
  get node(): Buffer {
    return this.#node;
  }

  /** The number of the record before those that are remembered. */
  get earlier(): number {
    return this.#first - 1;
  }

  /** Adds a record. False if it does not follow the last one: it is of another history. */
  take({ number, node }: Numbered, { id, previous, after, commits }: StoreRecord): boolean {
    if (number <= this.#number) return true;
    if (number !== this.#number + 1 || previous !== this.#id) return false;
    if (after !== this.ledger.revision) throw corrupt("a record has another revision than is its");
    for (const { puts, deleted } of commits) this.ledger.apply(puts, deleted);
    this.#number = number;
    this.#id = id;
    this.#node = node;
    return true;
  }

  /** Remembers what the record before those that are remembered has changed. */
  recall(number: number, { commits }: StoreRecord): void {
    if (number !== this.earlier) return;
    this.ledger.recall(commits.map(({ puts, deleted }) => textOfChanges(puts, deleted)));
    this.#first = number;
  }
}
