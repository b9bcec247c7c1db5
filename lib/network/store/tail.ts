// What is below a prefix, told to one who keeps it: read once, and then brought up to date.

import { NetworkError } from "../errors.ts";
import type { Change, Committed, Entry, Store } from "./store.ts";

/** Who keeps what is below a prefix. */
export interface Keeper {
  /** All there is, in place of whatever was known. */
  readonly begin: (entries: readonly Entry[], revision: number) => void;
  /** What one commit changed. Commits come in their order, each once. */
  readonly apply: (changes: readonly Change[], revision: number) => void;
}

/** The commits below a prefix, for one keeper. */
export class Tail {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #keeper: Keeper;
  /** All commits up to this have been told; `undefined` if everything is to be read. */
  #revision: number | undefined;
  #epoch: number | undefined;
  /** The refresh that has begun. */
  #present: Promise<void> = Promise.resolve();
  /** The one that begins after it, for all who ask until then. */
  #next: Promise<void> | undefined;

  constructor(store: Store, prefix: string, keeper: Keeper) {
    this.#store = store;
    this.#prefix = prefix;
    this.#keeper = keeper;
  }

  /** Catches up with the store: every commit that was settled before has been told afterwards. */
  async refresh(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = this.#present.then(() => {
        this.#next = undefined;
        return this.#catchUp();
      });
      this.#present = this.#next.catch(() => undefined);
    }
    await this.#next;
  }

  /** Whether a commit has been told, or will be with everything there is. */
  has(revision: number): boolean {
    return this.#revision === undefined || revision <= this.#revision;
  }

  /**
   * Tells commits as they come, until the signal. Whenever the store has forgotten some, everything
   * is told anew.
   */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.refresh();
        const options = { prefix: this.#prefix, after: this.#revision ?? 0, signal };
        for await (const committed of this.#store.watch(options)) this.#note(committed);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof NetworkError) || error.code !== "STORE_COMPACTED") throw error;
        this.#revision = undefined;
      }
    }
  }

  #note({ revision, changes }: Committed): void {
    if (this.#revision === undefined || revision <= this.#revision) return;
    this.#keeper.apply(changes, revision);
    this.#revision = revision;
  }

  async #catchUp(): Promise<void> {
    if (this.#revision === undefined) return await this.#readAll();
    try {
      const history = await this.#store.changes(this.#prefix, this.#revision);
      const { commits, revision, epoch } = history;
      for (const committed of epoch === this.#epoch ? commits : []) this.#note(committed);
      // Whoever follows may have found meanwhile that the store has forgotten some.
      const known: number | undefined = this.#revision;
      if (epoch !== this.#epoch || known === undefined) return await this.#readAll();
      this.#revision = Math.max(known, revision);
    } catch (error) {
      if (!(error instanceof NetworkError) || error.code !== "STORE_COMPACTED") throw error;
      await this.#readAll();
    }
  }

  async #readAll(): Promise<void> {
    const { entries, revision, epoch } = await this.#store.list(this.#prefix);
    const known = epoch === this.#epoch ? this.#revision : undefined;
    // Whoever follows may have told what came after this.
    if (known !== undefined && known > revision) return await this.#readAll();
    this.#keeper.begin(entries, revision);
    this.#epoch = epoch;
    this.#revision = revision;
  }
}
