// Counters and rates that a native thread keeps fresh in memory.

import { errorOfRefusal, invalidArgument, isRefusal, objectArgument } from "../errors.ts";
import { native } from "../native.ts";
import { counterRowLength } from "./counter-columns.ts";
import {
  type CounterChange,
  type CounterOptions,
  type NativeCounterOptions,
  nativeCounterOptions,
} from "./counter-reader.ts";
import type { Namespace } from "./namespace.ts";
import { explained } from "./request.ts";

/** How to sample, besides which links. */
export interface SamplerOptions extends CounterOptions {
  /** Milliseconds between the beginnings of two sweeps; 1 to 3600000. Default: 1000. */
  readonly periodMs?: number;
}

/**
 * One sweep, whole. It is the sampler's memory, not a copy, and stays as it is until the next
 * {@link Sampler.latest}.
 */
export interface Sample {
  /** 1 for the first sweep, and one more for each; 0 before the first. */
  readonly number: number;
  /** When the sweep ended, in nanoseconds of the monotonic clock. */
  readonly time: bigint;
  /** How many rows there are. */
  readonly rows: number;
  /** Row by row, as a `CounterReader` fills them. */
  readonly counters: BigUint64Array;
  /**
   * The change per second since the sweep before, in the same places. A counter that went back is
   * taken to have been reset to zero; a link that has just come has rates of zero.
   */
  readonly rates: Float64Array;
}

// The layout is that of native/rtnl/sampler.hpp: state, then three slots of
// number, time, rows, counters and rates.
const fresh = 4n;
const headerWords = 3;

/** One of the three slots that writer and reader swap. */
class Slot implements Sample {
  readonly counters: BigUint64Array;
  readonly rates: Float64Array;
  readonly #header: BigUint64Array;

  constructor(memory: SharedArrayBuffer, position: number, capacity: number) {
    const words = capacity * counterRowLength;
    const start = 8 * (1 + position * (headerWords + 2 * words));
    this.#header = new BigUint64Array(memory, start, headerWords);
    this.counters = new BigUint64Array(memory, start + 8 * headerWords, words);
    this.rates = new Float64Array(memory, start + 8 * (headerWords + words), words);
  }

  get number(): number {
    return Number(this.#header[0]);
  }
  get time(): bigint {
    return this.#header[1] ?? 0n;
  }
  get rows(): number {
    return Number(this.#header[2]);
  }
}

/** The memory that a sampler writes into, for so many rows. */
class SampleMemory {
  readonly capacity: number;
  readonly words: BigUint64Array;
  readonly #slots: readonly [Slot, Slot, Slot];
  #reading: Slot;
  #readingNumber = 2n;

  constructor(capacity: number) {
    const words = 1 + 3 * (headerWords + 2 * capacity * counterRowLength);
    const memory = new SharedArrayBuffer(words * 8);
    this.capacity = capacity;
    this.words = new BigUint64Array(memory);
    this.#slots = [
      new Slot(memory, 0, capacity),
      new Slot(memory, 1, capacity),
      new Slot(memory, 2, capacity),
    ];
    this.#reading = this.#slots[2];
  }

  /** Swaps the slot that is read with the newest, if that is fresh. */
  take(): Sample {
    if ((Atomics.load(this.words, 0) & fresh) !== 0n) {
      this.#readingNumber = Atomics.exchange(this.words, 0, this.#readingNumber) & ~fresh;
      this.#reading = this.#slots[Number(this.#readingNumber) as 0 | 1 | 2];
    }
    return this.#reading;
  }
}

/**
 * A native thread that sweeps counters at a period. Reading its newest sample takes no system call
 * and never waits, neither for the thread nor for the kernel.
 *
 * It does not keep the process alive, and ends with its handle.
 */
export class Sampler implements AsyncDisposable {
  #memory: SampleMemory;

  /** @internal Use {@link openSampler}. */
  constructor() {
    this.#memory = new SampleMemory(0);
  }

  /**
   * The newest sample. It and its arrays are valid until the next call; `number` tells whether it
   * is another than the last.
   *
   * @throws {NetlinkError} with the cause if sampling has ended by itself.
   */
  latest(): Sample {
    const wanted = this.#rowsWanted();
    // More links came than there is room for: the next sweep finds a larger memory.
    if (wanted > this.#memory.capacity) this.#grow(wanted);
    return this.#memory.take();
  }

  #rowsWanted(): number {
    try {
      return native().samplerRows(this);
    } catch (error) {
      throw isRefusal(error) ? errorOfRefusal("readCounters", undefined, error) : error;
    }
  }

  #grow(rows: number): void {
    const memory = new SampleMemory(Math.ceil(rows * 1.5 + 8));
    native().writeSamplesTo(this, memory.words, memory.capacity);
    this.#memory = memory;
  }

  /** The interface index of each row; 0 where a row is free. */
  get indexes(): Uint32Array {
    return native().samplerIndexes(this);
  }

  /** As of a `CounterReader`: what came and went since the last call, but for what did both. */
  takeChanges(): readonly CounterChange[] {
    return native().samplerChanges(this) ?? [];
  }

  /** Ends the thread. Samples that were taken stay readable. */
  async close(): Promise<void> {
    await native().closeSampler(this);
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  async open(namespace: Namespace, options: NativeCounterOptions, periodMs: number): Promise<void> {
    await native().openSampler(this, namespace, options, periodMs);
    this.#grow(this.indexes.length);
  }
}

/**
 * Starts sampling the counters of a namespace's links.
 *
 * @throws {NetlinkError} `ENODEV` if a named link does not exist.
 * @throws {RangeError} if the period is not from 1 to 3600000 ms.
 */
export async function openSampler(
  namespace: Namespace,
  options: SamplerOptions = {},
): Promise<Sampler> {
  const { periodMs = 1000, ...rest } = objectArgument("options", options);
  if (typeof periodMs !== "number" || !(periodMs >= 1 && periodMs <= 3_600_000)) {
    throw invalidArgument("range", "periodMs", "must be from 1 to 3600000");
  }
  const sampler = new Sampler();
  const checked = await nativeCounterOptions(namespace, rest);
  await explained("openSampler", undefined, sampler.open(namespace, checked, periodMs));
  return sampler;
}
