// Wakes those who wait for news.

/** Rung whenever there may be news. */
export class Bell {
  #ring: () => void = () => undefined;
  #rung: Promise<void> = Promise.resolve();

  constructor() {
    this.ring();
  }

  /** Wakes everybody who took {@link rung} before. */
  ring(): void {
    this.#ring();
    this.#rung = new Promise((resolve) => {
      this.#ring = resolve;
    });
  }

  /** Resolves with the next ring. Taken before looking for news, so that none is missed. */
  get rung(): Promise<void> {
    return this.#rung;
  }
}
