// Work that is cheaper together: what comes while a piece of it is done is done with the next one.

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does items together, those that came while the ones before were done. If that fails, each is done
 * by itself, so that nobody's item fails for another's sake.
 */
export class Batch<T> {
  readonly #work: (items: readonly T[]) => Promise<void>;
  #waiting: Waiting<T>[] = [];
  #busy = false;

  constructor(work: (items: readonly T[]) => Promise<void>) {
    this.#work = work;
  }

  /** Does an item, perhaps together with others. */
  async add(item: T): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // Whoever calls in the same turn of the event loop comes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const some = this.#waiting;
      this.#waiting = [];
      await this.#settle(some);
    }
    this.#busy = false;
  }

  async #settle(some: readonly Waiting<T>[]): Promise<void> {
    try {
      await this.#work(some.map(({ item }) => item));
      for (const { resolve } of some) resolve();
    } catch (error) {
      const [only, ...others] = some;
      if (others.length === 0) only?.reject(error);
      else for (const one of some) await this.#settle([one]);
    }
  }
}
