// Turns: calls about the same thing one after another, others side by side.

/** Locks by key, in the order in which they were asked for. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Does work when those who came before for any of the keys have done theirs. Keys are taken
   * together, so that two calls never wait for each other.
   */
  async take<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.map((key) => this.#last.get(key));
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    for (const key of keys) this.#last.set(key, done);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      for (const key of keys) if (this.#last.get(key) === done) this.#last.delete(key);
      finish();
    }
  }
}
