// Which of a host's controllers serves names: the first that is there, and the next when it ends.

import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./context.ts";
import { NetworkError } from "./errors.ts";
import type { Lease } from "./store/store.ts";

/** Milliseconds until a store that was not to be had is asked again. */
const pauseMs = 500;

/** Keeps names served: by this controller if no other one does, and as soon as no other one does. */
export class NamesRole {
  readonly #context: Context;
  readonly #ending = new AbortController();
  #stops: readonly (() => void)[] = [];
  #lease: Lease | undefined;
  #watching: Promise<void> = Promise.resolve();
  /** Services are closed of which the role was lost. */
  #stopping: Promise<void> = Promise.resolve();

  private constructor(context: Context) {
    this.#context = context;
  }

  static async open(context: Context): Promise<NamesRole> {
    const role = new NamesRole(context);
    const { plan, store, keys } = context;
    const { revision } = await store.list(keys.names);
    role.#stops = [
      plan.listen((change) => context.names.follow(change)),
      context.cluster.view.listen((change) => context.names.followHosts(change)),
    ];
    await role.#take();
    role.#watching = role.#keep(revision);
    return role;
  }

  /** Serves nobody any more, so that another controller can. */
  async close(): Promise<void> {
    this.#ending.abort();
    for (const stop of this.#stops) stop();
    await this.#watching;
    await this.#context.names.stop();
    await this.#stopping;
    await this.#lease?.close();
  }

  /** Takes the role if nobody has it. */
  async #take(): Promise<void> {
    const { store, keys, names } = this.#context;
    const lease = await store.openLease();
    const outcome = await store.commit({
      if: [{ key: keys.names, revision: 0 }],
      put: [{ key: keys.names, value: { process: process.pid }, lease: lease.id }],
    });
    if (!outcome.committed) return await lease.close();
    this.#lease = lease;
    lease.ended.addEventListener("abort", () => {
      this.#lease = undefined;
      this.#stopping = names.stop();
    });
    await this.#context.plan.refresh();
    await names.start(lease);
  }

  /** Keeps to it, also after the store was away for a while, or has forgotten what was missed. */
  async #keep(after: number): Promise<void> {
    const { store, keys, plan } = this.#context;
    const { signal } = this.#ending;
    let revision = after;
    while (!signal.aborted) {
      try {
        await this.#watch(revision);
        return;
      } catch (error) {
        if (error instanceof NetworkError && error.code === "STORE_CLOSED") return;
        await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
      try {
        const listing = await store.list(keys.names);
        await plan.refresh();
        if (listing.entries.length === 0 && !signal.aborted) await this.#retake();
        revision = listing.revision;
      } catch {
        // The watch meets the same.
      }
    }
  }

  async #retake(): Promise<void> {
    await this.#stopping;
    await this.#take();
  }

  /** Follows what other controllers change, and takes the role when it becomes free. */
  async #watch(after: number): Promise<void> {
    const { store, keys, plan } = this.#context;
    const { signal } = this.#ending;
    const options = { prefix: keys.prefix, after, signal };
    for await (const { changes } of store.watch(options)) {
      await plan.refresh();
      const free = changes.some(({ key, value }) => key === keys.names && value === undefined);
      if (free && !signal.aborted) await this.#retake();
    }
  }
}
