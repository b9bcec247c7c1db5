// A wait that ends by the clock, or soon after somebody rings.

import { setTimeout as sleep } from "node:timers/promises";

/** Changes come in swarms: the wait goes on for so long after the first one. */
const swarmMs = 500;

/** How long to wait. */
export interface AlarmOptions {
  readonly everyMs: number;
  /** Whether ringing ends it. */
  readonly hears: boolean;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  /** Ends the wait that is, or the next one. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait({ everyMs, hears, signal }: AlarmOptions): Promise<void> {
    using over = new Ending(signal);
    const ringing = new Promise<void>((resolve) => {
      if (hears) this.#wake = resolve;
      if (hears && this.#rung) resolve();
    });
    const swarm = ringing.then(() => pause(swarmMs, over.signal));
    await Promise.race([pause(everyMs, over.signal), swarm]);
    this.#wake = undefined;
    this.#rung = false;
  }
}

/** Ends with another signal, or when it is disposed of, so that no timer is left. */
class Ending implements Disposable {
  readonly #own = new AbortController();
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#own.signal]);
  }

  [Symbol.dispose](): void {
    this.#own.abort();
  }
}

/** Sleeps; to be woken is no error. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
