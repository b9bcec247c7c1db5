// Hears when another process writes to a file.

import { type FSWatcher, watch } from "node:fs";
import type { Bell } from "./bell.ts";

/** How often the bell is rung in any case: leases run out without anybody writing. */
const periodMs = 1000;

/** How long after a write the bell is rung once more. */
const settlingMs = 50;

/** Rings a bell whenever a file may have changed, as long as anybody listens. */
export class FileListener {
  readonly #path: string;
  readonly #bell: Bell;
  #listeners = 0;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;

  constructor(path: string, bell: Bell) {
    this.#path = path;
    this.#bell = bell;
  }

  /** Begins to listen, and returns how that is ended. */
  listen(): () => void {
    this.#listeners += 1;
    if (this.#listeners === 1) this.#start();
    return () => {
      this.#listeners -= 1;
      if (this.#listeners === 0) this.#stop();
    };
  }

  #start(): void {
    const ring = () => this.#bell.ring();
    this.#timer = setInterval(ring, periodMs);
    const hear = () => {
      ring();
      // A file is written to a moment before what was written can be read.
      clearTimeout(this.#settling);
      this.#settling = setTimeout(ring, settlingMs).unref();
    };
    try {
      this.#watcher = watch(this.#path, hear).on("error", () => undefined);
    } catch {
      // This user has no inotify instance left: the bell is rung by the clock alone.
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
