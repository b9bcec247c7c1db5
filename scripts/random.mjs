// Chance that can be repeated: the same numbers from the same seed.

/** Numbers from 0 up to 1, and what can be made of them. */
export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** Mulberry32, which passes the common tests and is four lines. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} probability */
  chance(probability) {
    return this.next() < probability;
  }

  /** @param {number} least @param {number} most */
  integer(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /**
   * @template T
   * @param {readonly [T, ...T[]]} items
   * @returns {T}
   */
  pick(items) {
    return items[this.integer(0, items.length - 1)] ?? items[0];
  }

  /**
   * One of them, each as often as its weight says.
   *
   * @template {{ readonly weight: number }} T
   * @param {readonly [T, ...T[]]} items
   * @returns {T}
   */
  weighted(items) {
    let left = this.next() * items.reduce((sum, { weight }) => sum + weight, 0);
    for (const item of items) {
      left -= item.weight;
      if (left < 0) return item;
    }
    return items[0];
  }
}
