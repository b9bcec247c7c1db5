// The session that a store works with, begun anew whenever it has ended.

import { setTimeout as sleep } from "node:timers/promises";
import { pauseMs } from "../pause.ts";
import { isPassing, storeError, ZooKeeperFailure } from "./failures.ts";
import type { ZooKeeperStoreOptions } from "./options.ts";
import type { ZooKeeperPackage } from "./package.ts";
import { Session, type SessionEvents } from "./session.ts";

/** So that there is time to try another server before a request is given up. */
const mostSessionMs = 5000;

/** What a connection tells: a node that was watched has changed; without one, any may have. */
export type News = (path?: string) => void;

/** What `work` comes to, if it does in so many milliseconds. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: done.signal }).then(
    () => {
      throw new ZooKeeperFailure(-7, "no server answers");
    },
    () => work,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}

/** Requests to an ensemble. */
export class Connection {
  readonly #zookeeper: ZooKeeperPackage;
  readonly #options: Required<ZooKeeperStoreOptions>;
  readonly #onNews: News;
  #session: Promise<Session> | undefined;
  #closed = false;

  constructor(zookeeper: ZooKeeperPackage, options: Required<ZooKeeperStoreOptions>, onNews: News) {
    this.#zookeeper = zookeeper;
    this.#options = options;
    this.#onNews = onNews;
  }

  get requestTimeoutMs(): number {
    return this.#options.requestTimeoutMs;
  }

  /** Begins a session of somebody's own. */
  async begin(timeoutMs: number, events?: SessionEvents): Promise<Session> {
    const { servers, requestTimeoutMs } = this.#options;
    const options = { servers, timeoutMs, patienceMs: requestTimeoutMs };
    return await Session.open(this.#zookeeper, options, events);
  }

  async #present(): Promise<Session> {
    if (this.#closed) throw new ZooKeeperFailure(-116, "the connection was closed");
    this.#session ??= this.begin(Math.min(mostSessionMs, this.requestTimeoutMs / 2), {
      onChange: (path) => this.#onNews(path),
      onReturn: () => this.#onNews(),
      onEnd: () => this.#onEnd(),
    });
    const beginning = this.#session;
    try {
      return await beginning;
    } catch (error) {
      if (this.#session === beginning) this.#session = undefined;
      throw error;
    }
  }

  #onEnd(): void {
    this.#session = undefined;
    if (!this.#closed) void this.#revive();
  }

  /** What is watched is told by a new session only once it is read anew. */
  async #revive(): Promise<void> {
    for (let failures = 0; !this.#closed; failures += 1) {
      try {
        await this.#present();
        return this.#onNews();
      } catch {
        await sleep(pauseMs(failures), undefined, { ref: false });
      }
    }
  }

  /** Does work that may be done twice, until it succeeds or the time is over. */
  async repeat<T>(operation: string, work: (session: Session) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.requestTimeoutMs;
    for (let failures = 0; ; failures += 1) {
      try {
        const left = Math.max(1, deadline - performance.now());
        return await within(left, this.#present().then(work));
      } catch (cause) {
        const pause = pauseMs(failures);
        const isLate = performance.now() + pause >= deadline;
        if (!isPassing(cause) || isLate || this.#closed) throw storeError(operation, cause);
        await sleep(pause);
      }
    }
  }

  /** Does work once. */
  async once<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await within(this.requestTimeoutMs, this.#present().then(work));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#session?.catch(() => undefined);
    session?.close();
  }
}
