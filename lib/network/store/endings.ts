// The ends of leases that a server has still to be told.

import { setTimeout as sleep } from "node:timers/promises";

/** So long the end of a lease is waited for, before other work goes on without it. */
const settlingMs = 1000;

/** Ends under way. */
export class Endings {
  readonly #ending = new Set<Promise<void>>();

  /** Takes note of one, which does not reject. */
  add(end: Promise<void>): void {
    const ending = end.finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Waits for them, but not for long. */
  async settle(): Promise<void> {
    if (this.#ending.size === 0) return;
    const settled = new AbortController();
    const { signal } = settled;
    const late = sleep(settlingMs, undefined, { signal }).catch(() => undefined);
    await Promise.race([this.close(), late]);
    settled.abort();
  }

  /** Waits for them. */
  async close(): Promise<void> {
    await Promise.all(this.#ending);
  }
}
