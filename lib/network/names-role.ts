// Which of a host's controllers serves names: the first that is there, and the next when it ends.

import type { Context } from "./context.ts";
import type { Lease } from "./store/store.ts";

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
    role.#watching = role.#watch(revision).catch(() => undefined);
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

  /** Follows what other controllers change, and takes the role when it becomes free. */
  async #watch(after: number): Promise<void> {
    const { store, keys, plan } = this.#context;
    const { signal } = this.#ending;
    const options = { prefix: keys.prefix, after, signal };
    for await (const { changes } of store.watch(options)) {
      await plan.refresh();
      const free = changes.some(({ key, value }) => key === keys.names && value === undefined);
      if (!free || signal.aborted) continue;
      await this.#stopping;
      await this.#take();
    }
  }
}
