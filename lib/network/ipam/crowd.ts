// How many others give addresses of the same subnets at the same time, judged by what happens.

/** What a success makes of the estimate: with 2 for a failure, one call in eight fails in the long run. */
const ease = 0.9;

/** So many addresses are passed over at most. */
const most = 1024;

/**
 * All who choose the next address choose the same, and all but one of them in vain. Whoever fails
 * passes over some the next time, by chance, out of ever more; and of ever fewer as it goes well.
 */
export class Crowd {
  /** About how many there are. */
  #size = 1;

  /** How many addresses to pass over: none if nobody else is there. */
  skip(): number {
    return Math.floor(Math.random() * this.#size);
  }

  /** Whether what was chosen was still there. */
  note(succeeded: boolean): void {
    this.#size = succeeded ? Math.max(1, this.#size * ease) : Math.min(most, this.#size * 2);
  }
}
