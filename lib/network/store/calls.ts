// The calls that a store on a server has under way.

import { storeClosed } from "./watch.ts";

/** Calls, until the store is closed. */
export class Calls {
  readonly #before: () => Promise<void>;
  readonly #working = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @param before what each begins with */
  constructor(before: () => Promise<void>) {
    this.#before = before;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws {NetworkError} `STORE_CLOSED` if it is. */
  enter(operation: string): void {
    if (this.#isClosed) throw storeClosed(operation);
  }

  /** Does what a call is for. */
  async do<T>(operation: string, work: () => Promise<T>): Promise<T> {
    this.enter(operation);
    const working = this.#before().then(work);
    this.#working.add(working);
    try {
      return await working;
    } finally {
      this.#working.delete(working);
    }
  }

  /** Refuses those to come, and waits for the others. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#working);
  }
}
