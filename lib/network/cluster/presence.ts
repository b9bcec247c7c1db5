// Keeps a host's place among those that share a store: for as long as this controller is there, and
// again whenever it was lost.

import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context.ts";
import { linkWith } from "../drivers/links.ts";
import { NetworkError } from "../errors.ts";
import type { Lease } from "../store/store.ts";
import { HostKey } from "./host-key.ts";
import type { ClusterOptions } from "./options.ts";
import { type Host, places, written } from "./records.ts";
import { isTold, rejoin } from "./rejoin.ts";
import type { ClusterChange } from "./view.ts";

/** Milliseconds until it is tried again, the first time and at most. */
const pauses = { first: 100, most: 2000 };

/** @throws {NetworkError} `OPTION_INVALID` if the host does not have the address. */
async function checkAddress({ host, cluster }: Context, address: string): Promise<void> {
  if (await linkWith(host, address)) return;
  const reason = `the host has no link with the address ${address}`;
  const details = { operation: "openController", subject: cluster.name, reason };
  throw new NetworkError("OPTION_INVALID", details);
}

/** The place of a host, which the last controller has that took it. */
export class Presence {
  readonly #context: Context;
  readonly #options: Required<ClusterOptions>;
  readonly #ending = new AbortController();
  #held: { readonly lease: Lease; readonly term: number } | undefined;
  /** The lease under which others were told of everything. */
  #told: string | undefined;
  /** Wakes what keeps the place: something has happened to it. */
  #wake = new AbortController();
  #keeping: Promise<void> = Promise.resolve();

  private constructor(context: Context, options: Required<ClusterOptions>) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * Takes the host's place, whoever has it, and claims what is there.
   *
   * @throws {NetworkError} `OPTION_INVALID` if the host does not have the address.
   */
  static async open(context: Context, options: Required<ClusterOptions>): Promise<Presence> {
    await checkAddress(context, options.address);
    const presence = new Presence(context, options);
    const { view } = context.cluster;
    const stop = view.listen((change) => presence.#hear(change));
    try {
      await presence.#take();
    } catch (error) {
      stop();
      await presence.#leave();
      throw error;
    }
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
    await this.#leave();
  }

  /** Has the host get another key soon; what it shared by the one before is shared no more. */
  renewKey(): void {
    this.#context.cluster.key = undefined;
    this.#wake.abort();
  }

  /** The public half of a key that is this controller's from now on. */
  #newKey(): string {
    const key = new HostKey();
    // Before others hear of it, and so before what they answer is heard.
    this.#context.cluster.key = key;
    return key.publicKey;
  }

  /** Tells others of another key, if they know none that is this controller's. */
  async #tellKey(): Promise<void> {
    const { store, cluster } = this.#context;
    const there = cluster.view.host(cluster.name);
    if (there === undefined || there.publicKey === cluster.key?.publicKey) return;
    const { revision, ...host } = there;
    const key = places.host(host.name);
    const value = written({ ...host, publicKey: this.#newKey() });
    await store.commit({ if: [{ key, revision }], put: [{ key, value, lease: host.lease }] });
  }

  /** Renews the place no more, and has another controller of the host know that it can have it. */
  async #leave(): Promise<void> {
    const { store, cluster } = this.#context;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    await cluster.view.refresh().catch(() => undefined);
    const there = cluster.view.host(cluster.name);
    if (there?.lease === held.lease.id && !held.lease.ended.aborted) {
      const { revision, ...host } = there;
      const key = places.host(host.name);
      const put = [{ key, value: written({ ...host, left: true }), lease: host.lease }];
      // Who cannot be told learns it from the lease.
      await store.commit({ if: [{ key, revision }], put }).catch(() => undefined);
    }
    held.lease.leave();
  }

  async #take(): Promise<void> {
    const lease = await this.#context.store.openLease({ ttlMs: this.#options.ttlMs });
    try {
      const term = await this.#occupy(lease);
      this.#held?.lease.leave();
      this.#held = { lease, term };
    } catch (error) {
      // Whatever was put under it goes with it.
      lease.leave();
      throw error;
    }
    lease.ended.addEventListener("abort", () => this.#wake.abort());
    await this.#tell();
  }

  /** Puts the host's record under a lease. Returns its term. */
  async #occupy(lease: Lease): Promise<number> {
    const { store, cluster } = this.#context;
    const { name, view } = cluster;
    const key = places.host(name);
    for (;;) {
      await view.refresh();
      const before = view.host(name);
      const term = (before?.term ?? 0) + 1;
      const since = new Date().toISOString();
      const { address } = this.#options;
      const publicKey = this.#newKey();
      const host: Host = { name, address, lease: lease.id, term, since, publicKey };
      const outcome = await store.commit({
        if: [{ key, revision: before?.revision ?? 0 }],
        put: [{ key, value: written(host), lease: lease.id }],
      });
      if (outcome.committed) return term;
    }
  }

  /** Has others know everything of this host, under the lease that there is. */
  async #tell(): Promise<void> {
    const lease = this.#held?.lease.id;
    if (this.#told === lease && (await isTold(this.#context))) return;
    this.#told = undefined;
    await rejoin(this.#context);
    this.#told = lease;
  }

  /** Wakes what keeps the place when it changes hands, or something of the host is lost to others. */
  #hear({ noun, before, after }: ClusterChange): void {
    const { name } = this.#context.cluster;
    if (noun === "hosts") {
      if ((after ?? before)?.name === name) this.#wake.abort();
    } else if (noun !== "networks" && before?.host === name && after?.host !== name) {
      if (this.#isMissed(before)) this.#wake.abort();
    }
  }

  /** Whether what is told no more is still here. */
  #isMissed(record: { readonly network: string; readonly id?: string }): boolean {
    const { plan } = this.#context;
    const noun = record.id === undefined ? plan.networks : plan.endpoints;
    return noun.get(record.id ?? record.network)?.state === "made";
  }

  /** Whose the place is. */
  #owner(): "ours" | "another's" | "nobody's" {
    const { view, name } = this.#context.cluster;
    const there = view.host(name);
    const held = this.#held;
    const isHeld = held !== undefined && !held.lease.ended.aborted;
    if (isHeld && there?.lease === held.lease.id) return "ours";
    if (there === undefined || there.left) return "nobody's";
    // One of an earlier term is what a store says that was put back to a copy.
    return there.term > (held?.term ?? 0) ? "another's" : "nobody's";
  }

  /** Does what there is to do. */
  async #mend(): Promise<void> {
    await this.#context.cluster.view.refresh();
    const owner = this.#owner();
    if (owner === "nobody's") return await this.#take();
    if (owner === "ours") {
      await this.#tellKey();
      return await this.#tell();
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
