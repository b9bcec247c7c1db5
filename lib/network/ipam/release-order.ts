// Which of the released addresses was released first: a heap.

interface Release {
  readonly address: bigint;
  readonly order: number;
}

/** Of two released by one commit the lower address is first. */
function isBefore(one: Release, other: Release): boolean {
  return one.order < other.order || (one.order === other.order && one.address < other.address);
}

/** Addresses in the order of their release. Each call takes steps as the logarithm of their number. */
export class ReleaseOrder {
  /** Every release is before the two at twice its place and one and two further on. */
  #heap: Release[] = [];
  /** Those which count: the heap also has some that were removed or released anew. */
  readonly #orders = new Map<bigint, number>();

  get size(): number {
    return this.#orders.size;
  }

  add(address: bigint, order: number): void {
    if (this.#orders.get(address) === order) return;
    this.#orders.set(address, order);
    this.#heap.push({ address, order });
    this.#rise(this.#heap.length - 1);
  }

  remove(address: bigint): void {
    if (!this.#orders.delete(address)) return;
    if (this.#heap.length > 2 * this.#orders.size + 64) this.#rebuild();
  }

  /** The address that was released first. */
  get first(): bigint | undefined {
    for (let [top] = this.#heap; top !== undefined; [top] = this.#heap) {
      if (this.#orders.get(top.address) === top.order) return top.address;
      this.#removeTop();
    }
    return undefined;
  }

  #rebuild(): void {
    this.#heap = Array.from(this.#orders, ([address, order]) => ({ address, order }));
    // In order is a heap, too.
    this.#heap.sort((one, other) => (isBefore(one, other) ? -1 : 1));
  }

  #removeTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  /** Exchanges two places if the release at the lower one is before that at the higher. */
  #exchange(higher: number, lower: number): boolean {
    const [one, other] = [this.#heap[higher], this.#heap[lower]];
    if (one === undefined || other === undefined || !isBefore(other, one)) return false;
    this.#heap[higher] = other;
    this.#heap[lower] = one;
    return true;
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const above = (place - 1) >> 1;
      if (!this.#exchange(above, place)) return;
      place = above;
    }
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = this.#heap[2 * place + 1];
      const right = this.#heap[2 * place + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const below = 2 * place + (isRight ? 2 : 1);
      if (!this.#exchange(place, below)) return;
      place = below;
    }
  }
}
