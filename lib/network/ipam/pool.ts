// Which address of a range is given next.

import { NumberSet } from "./number-set.ts";
import { ReleaseOrder } from "./release-order.ts";

/**
 * In which order addresses are given:
 *
 * - `lowest`: the lowest that is free, so that one that was released is soon somebody else's;
 * - `least-recently-used`: the lowest that nobody ever had, then the one that was released first, so
 *   that neighbours have forgotten who had it.
 */
export type Strategy = "lowest" | "least-recently-used";

/** Where the addresses of a pool are. */
export interface PoolRange {
  readonly low: bigint;
  /** The range has 2^bits addresses. */
  readonly bits: number;
}

/**
 * The addresses of a range. Each is unused at first; then taken, released, taken again. A call takes
 * steps as the logarithm of the number of addresses, and room is taken only by what is not unused.
 */
export class Pool {
  readonly #low: bigint;
  readonly #size: bigint;
  /** Those which are not unused. */
  readonly #used: NumberSet;
  readonly #released = new ReleaseOrder();

  constructor({ low, bits }: PoolRange) {
    this.#low = low;
    this.#size = 1n << BigInt(bits);
    this.#used = new NumberSet(bits);
  }

  /** True if an address is one of the range. What is not, is passed over by the other calls. */
  covers(address: bigint): boolean {
    return address >= this.#low && address - this.#low < this.#size;
  }

  /** The address to give next; `undefined` if all are taken. */
  get next(): bigint | undefined {
    const gap = this.#used.lowestGap();
    return gap === undefined ? this.#released.first : this.#low + gap;
  }

  /** The released address that will be given first of them. */
  get firstReleased(): bigint | undefined {
    return this.#released.first;
  }

  /** Nobody is given it. */
  take(address: bigint): void {
    if (!this.covers(address)) return;
    this.#used.add(address - this.#low);
    this.#released.remove(address);
  }

  /** It is given again after those which are unused, and after those of a lower `order`. */
  release(address: bigint, order: number): void {
    if (!this.covers(address)) return;
    this.#used.add(address - this.#low);
    this.#released.add(address, order);
  }

  /** It is as if it had never been used. */
  forget(address: bigint): void {
    if (!this.covers(address)) return;
    this.#used.delete(address - this.#low);
    this.#released.remove(address);
  }
}
