// Hears when another process writes to a file.

import { type FSWatcher, watch } from "node:fs";
import type { Bell } from "./bell.ts";

/** How often the bell is rung in any case: leases run out without anybody writing. */
const periodMs = 1000;

/** Rings a bell when another one has written to a file, as long as anybody listens. */
export class FileListener {
  readonly #path: string;
  readonly #bell: Bell;
  readonly #isNews: () => boolean;
  #listeners = 0;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `isNews` tells whether what was written is not known here. */
  constructor(path: string, bell: Bell, isNews: () => boolean) {
    this.#path = path;
    this.#bell = bell;
    this.#isNews = isNews;
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
    this.#timer = setInterval(() => this.#bell.ring(), periodMs);
    const hear = () => {
      if (this.#isNews()) this.#bell.ring();
    };
    try {
      this.#watcher = watch(this.#path, hear).on("error", () => undefined);
    } catch {
      // This user has no inotify instance left: the bell is rung by the clock alone.
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
