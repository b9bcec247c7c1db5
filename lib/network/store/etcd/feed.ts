// Follows the commits of a store, whatever becomes of connections and servers.

import { setTimeout as sleep } from "node:timers/promises";
import { NetworkError } from "../../errors.ts";
import { Bell } from "../bell.ts";
import { checkRemembered } from "../history.ts";
import { pauseMs } from "../pause.ts";
import type { History } from "../store.ts";
import type { Client } from "./client.ts";
import { EtcdRefusal, storeError } from "./failures.ts";
import { Forgotten, follow } from "./follow.ts";
import { type Beginning, Journal, type Look } from "./journal.ts";
import { journalSince } from "./past.ts";

/** How often it is made sure that the watch is not one of a dead peer. */
const checkMs = 5000;

/** What a feed needs. */
export interface FeedOptions {
  readonly client: Client;
  /** What was so when it begins. */
  readonly start: Beginning;
  readonly onLeaseEnd: (id: string) => void;
}

/** The commits of a store as they come. */
export class Feed {
  readonly bell: Bell = new Bell();
  readonly #client: Client;
  readonly #onLeaseEnd: (id: string) => void;
  readonly #stop = new AbortController();
  readonly #checks: NodeJS.Timeout;
  readonly #running: Promise<void>;
  #journal: Journal;
  /** Ends the present watch of etcd; another one takes its place. */
  #watching = new AbortController();
  #cluster: string;
  /** Of commits before this one nothing is told: etcd was put back to a copy, or is another one. */
  #floor = 0;
  #generation = 0;
  #epoch = 0;
  /** Why the last watch of etcd ended. */
  #failure: unknown;
  /** How often in a row etcd did not let us watch. */
  #refusals = 0;
  /** The revision of the last check but one has come, if this is known. */
  #checked = 0;
  #checking = false;
  #listeners = 0;
  #alive: NodeJS.Timeout | undefined;

  constructor({ client, start, onLeaseEnd }: FeedOptions) {
    this.#client = client;
    this.#onLeaseEnd = onLeaseEnd;
    this.#journal = new Journal(client.layout, start);
    this.#cluster = start.cluster;
    this.#checks = setInterval(() => void this.#check(), checkMs).unref();
    this.#running = this.#run();
  }

  /** Counted on when commits may have been left out between two that came. */
  get generation(): number {
    return this.#generation;
  }

  /** Counted on when etcd was put back to a copy, or is another one; as part of what is told of it. */
  get epoch(): { readonly epoch?: number } {
    return this.#epoch === 0 ? {} : { epoch: this.#epoch };
  }

  /** Commits up to this revision have come. */
  get seen(): number {
    return this.#journal.seen;
  }

  /** Keeps the process alive as long as somebody watches. */
  listen(): () => void {
    this.#listeners += 1;
    this.#alive ??= setInterval(() => undefined, 2 ** 30);
    return () => {
      this.#listeners -= 1;
      if (this.#listeners > 0) return;
      clearInterval(this.#alive);
      this.#alive = undefined;
    };
  }

  /**
   * What has come so far after a revision; `undefined` if that is not at hand.
   *
   * @throws {NetworkError} `STORE_FORBIDDEN` if etcd lets us watch no more.
   */
  changesAtHand(prefix: string, after: number): History | undefined {
    // Once, it may have been a token that a member did not know.
    if (this.#refusals > 1) throw storeError("watch", this.#failure);
    return after < this.#journal.from ? undefined : this.#journal.changes(prefix, after);
  }

  /** What was changed after a revision, up to the present. */
  async changes(prefix: string, after: number): Promise<History> {
    const look = await this.#look("changes");
    checkRemembered(after, this.#floor, look.revision);
    const generation = this.#generation;
    await this.#arrival(look);
    if (generation !== this.#generation) return await this.changes(prefix, after);
    const { epoch } = this;
    const atHand = this.changesAtHand(prefix, after);
    const history = atHand ?? (await journalSince(this.#client, after)).changes(prefix, after);
    return { ...history, ...epoch };
  }

  /** Looks, and begins anew if etcd is not what it was. */
  async #look(operation: string): Promise<Look> {
    const { seen } = this.#journal;
    const look = await this.#client.look(operation);
    // Nothing that was seen can be undone, and is not seen later.
    if (look.cluster === this.#cluster && look.revision >= seen) return look;
    const beginning = await this.#beginAnew(operation);
    return { ...beginning, leases: beginning.leases.size };
  }

  async #beginAnew(operation: string): Promise<Beginning> {
    const beginning = await this.#client.begin(operation);
    this.#floor = beginning.revision;
    this.#epoch += 1;
    this.#restart(beginning);
    this.#watching.abort();
    return beginning;
  }

  /**
   * Whether etcd goes on from where the watch broke off. One that was put back to a copy may have come
   * further than that by now, but had other leases there: their ids are chance.
   */
  async #goesOn(): Promise<boolean> {
    const journal = this.#journal;
    try {
      return journal.isLike(await this.#client.begin("watch", journal.seen));
    } catch (error) {
      // What etcd has forgotten is seen to otherwise.
      if (error instanceof EtcdRefusal && error.isCompacted) return true;
      throw error;
    }
  }

  #restart(beginning: Beginning): void {
    this.#cluster = beginning.cluster;
    this.#journal = new Journal(this.#client.layout, beginning);
    this.#generation += 1;
    this.#checked = 0;
    this.bell.ring();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        if (this.#failure !== undefined) await this.#resume(this.#failure);
        if (signal.aborted) return;
        this.#watching = new AbortController();
        await follow(this.#client, this.#journal, this.#watching.signal, (ended) => {
          failures = 0;
          this.#hear(ended);
          return false;
        });
      } catch (error) {
        this.#failure = error;
        const isForbidden = error instanceof EtcdRefusal && error.isForbidden;
        this.#refusals = isForbidden ? this.#refusals + 1 : 0;
        this.bell.ring();
      }
      await sleep(pauseMs(failures), undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #hear(ended: readonly string[]): void {
    this.#failure = undefined;
    this.#refusals = 0;
    for (const id of ended) this.#onLeaseEnd(id);
    this.bell.ring();
  }

  async #resume(failure: unknown): Promise<void> {
    const generation = this.#generation;
    await this.#look("watch");
    if (generation !== this.#generation) return;
    if (!(await this.#goesOn())) {
      await this.#beginAnew("watch");
      return;
    }
    if (!(failure instanceof Forgotten)) return;
    // What is forgotten may be the commits of others alone.
    const then = await this.#client.look("watch", failure.revision);
    if (this.#journal.knows(then)) this.#journal.advance(then.revision);
    else this.#restart(await this.#client.begin("watch"));
  }

  /** Waits until all has come that was so; halfway, another watch of etcd is tried. */
  async #arrival(look: Look): Promise<void> {
    if (this.#journal.knows(look)) return;
    const { requestTimeoutMs } = this.#client.connection;
    let isLate = false;
    const giveUp = () => {
      isLate = true;
      this.bell.ring();
    };
    const timers = [
      setTimeout(() => this.#watching.abort(), requestTimeoutMs / 2),
      setTimeout(giveUp, requestTimeoutMs),
    ];
    try {
      for (;;) {
        const news = this.bell.rung;
        if (this.#journal.knows(look)) return;
        if (isLate || this.#stop.signal.aborted) break;
        await news;
      }
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
    const reason = `etcd did not tell of all commits in ${requestTimeoutMs} ms`;
    const cause = this.#failure;
    throw new NetworkError("STORE_FAILED", { operation: "changes", reason, cause });
  }

  /** A watch of which nothing comes may be one of a dead peer, or there may be nothing to tell. */
  async #check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      const look = await this.#look("watch");
      const generation = this.#generation;
      await this.#arrival(look);
      if (generation !== this.#generation) return;
      // What others write brings etcd forward, too: it may forget what is long past.
      this.#journal.advance(this.#checked);
      this.#checked = look.revision;
      this.bell.ring();
    } catch {
      // The watch itself meets the same, and whoever asks is told.
    } finally {
      this.#checking = false;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#checks);
    this.#stop.abort();
    this.#watching.abort();
    this.bell.ring();
    await this.#running;
  }
}
