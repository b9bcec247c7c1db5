// Keeps a host's place among those that share a store: for as long as this controller is there, and
// again whenever it was lost.

import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context.ts";
import type { Lease } from "../store/store.ts";
import type { ClusterOptions } from "./options.ts";
import { type Host, places, written } from "./records.ts";
import { isTold, rejoin } from "./rejoin.ts";
import type { ClusterChange } from "./view.ts";

/** Milliseconds until it is tried again, the first time and at most. */
const pauses = { first: 100, most: 2000 };

/** The place of a host, which the last controller has that took it. */
export class Presence {
  readonly #context: Context;
  readonly #options: Required<ClusterOptions>;
  readonly #ending = new AbortController();
  #held: { readonly lease: Lease; readonly term: number } | undefined;
  /** Wakes what keeps the place: something has happened to it. */
  #wake = new AbortController();
  #keeping: Promise<void> = Promise.resolve();

  private constructor(context: Context, options: Required<ClusterOptions>) {
    this.#context = context;
    this.#options = options;
  }

  /** Takes the host's place, whoever has it, and claims what is there. */
  static async open(context: Context, options: Required<ClusterOptions>): Promise<Presence> {
    const presence = new Presence(context, options);
    const { view } = context.cluster;
    try {
      await presence.#take();
    } catch (error) {
      presence.#held?.lease.leave();
      throw error;
    }
    const stop = view.listen((change) => presence.#hear(change));
    context.cluster.follow();
    presence.#keeping = presence.#keep().finally(stop);
    return presence;
  }

  /**
   * Leaves the place to the next controller of the host. Others take the host for gone if none comes
   * in the time that the place has to live.
   */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#wake.abort();
    await this.#keeping;
    this.#held?.lease.leave();
  }

  async #take(): Promise<void> {
    const { store, cluster, lock } = this.#context;
    const { address, ttlMs } = this.#options;
    const lease = await store.openLease({ ttlMs });
    const { name, view } = cluster;
    for (;;) {
      await view.refresh();
      const before = view.host(name);
      const term = (before?.term ?? 0) + 1;
      const since = new Date().toISOString();
      const host: Host = { name, address, lease: lease.id, term, since };
      const key = places.host(name);
      const outcome = await store.commit({
        if: [{ key, revision: before?.revision ?? 0 }],
        put: [{ key, value: written(host), lease: lease.id }],
      });
      if (!outcome.committed) continue;
      this.#held?.lease.leave();
      this.#held = { lease, term };
      break;
    }
    lease.ended.addEventListener("abort", () => this.#wake.abort());
    await lock.use("join", (fence) => rejoin(this.#context, fence));
  }

  /** Wakes what keeps the place when it changes hands, or something of the host is lost to others. */
  #hear({ noun, before, after }: ClusterChange): void {
    const { cluster, plan } = this.#context;
    const { name } = cluster;
    const isOwn =
      noun === "hosts"
        ? (after ?? before)?.name === name
        : noun === "members" && before?.host === name && after === undefined;
    const isMissed = noun === "members" && plan.endpoints.get(before?.id ?? "")?.state === "made";
    if (isOwn && (noun === "hosts" || isMissed)) this.#wake.abort();
  }

  /** Whose the place is. */
  #owner(): "ours" | "another's" | "nobody's" {
    const { view, name } = this.#context.cluster;
    const there = view.host(name);
    const held = this.#held;
    const isHeld = held !== undefined && !held.lease.ended.aborted;
    if (isHeld && there?.lease === held.lease.id) return "ours";
    // One of an earlier term is what a store says that was put back to a copy.
    return there !== undefined && there.term > (held?.term ?? 0) ? "another's" : "nobody's";
  }

  /** Does what there is to do. */
  async #mend(): Promise<void> {
    const owner = this.#owner();
    if (owner === "nobody's") return await this.#take();
    if (owner === "ours") {
      if (await isTold(this.#context)) return;
      const { lock } = this.#context;
      return await lock.use("join", (fence) => rejoin(this.#context, fence));
    }
    this.#held?.lease.leave();
    this.#held = undefined;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ending;
    let pause = pauses.first;
    while (!signal.aborted) {
      try {
        await this.#mend();
        pause = pauses.first;
        await this.#rest(this.#options.repairMs);
      } catch {
        // The store is not to be had, or another controller has the host: it may be over soon.
        await this.#rest(pause);
        pause = Math.min(pause * 2, pauses.most);
      }
    }
  }

  /** Waits for a while, or until something happens to the place. */
  async #rest(ms: number): Promise<void> {
    const { signal } = this.#wake;
    await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) this.#wake = new AbortController();
  }
}
