// The names in /run/netns, as they come and go.

import { isRefusal } from "../errors.ts";
import { type Heard, native } from "../native.ts";
import { listenFor, stopListening } from "./hearing.ts";

/** How long it takes until what could not be read is read again. */
const anotherTryMs = 1000;

/** The names that there are at some moment, each with its namespace's inode. */
export type Names = readonly { readonly name: string; readonly inode: number }[];

/**
 * Reads the names when the mount table changes: a name is one from the moment that a namespace is
 * mounted on its file. That holds if `/run/netns` is not there yet, too.
 */
export class NameWatch {
  readonly #told: (names: Names) => void;
  readonly #watch: number;
  #reading = false;
  #changed = false;
  #closed = false;

  constructor(told: (names: Names) => void) {
    this.#told = told;
    this.#watch = listenFor(this);
  }

  /** @internal */
  hear(_heard: Heard): void {
    this.#changed = true;
    if (!this.#reading) void this.#readAgain();
  }

  /** Begins, and reads the names for the first time. Rejects with a refusal. */
  async open(): Promise<void> {
    this.#reading = true;
    try {
      await native().openMountWatch(this, this.#watch);
      this.#tell(await native().namedNamespaces());
    } finally {
      this.#reading = false;
    }
    if (this.#changed) void this.#readAgain();
  }

  async #readAgain(): Promise<void> {
    this.#reading = true;
    while (this.#changed && !this.#closed) {
      this.#changed = false;
      try {
        this.#tell(await native().namedNamespaces());
      } catch (error) {
        // For want of descriptors, for example; the watcher is not to end by that.
        if (!isRefusal(error)) throw error;
        setTimeout(() => this.hear({ watch: this.#watch, kind: "mounts" }), anotherTryMs).unref();
      }
    }
    this.#reading = false;
  }

  #tell(names: Names): void {
    if (!this.#closed) this.#told(names);
  }

  async close(): Promise<void> {
    this.#closed = true;
    stopListening(this.#watch);
    await native().closeWatch(this);
  }
}
