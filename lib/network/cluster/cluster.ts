// What a controller knows of the hosts that share its store, and the place of its own among them.

import { setTimeout as sleep } from "node:timers/promises";
import { NetworkError } from "../errors.ts";
import { Ipam } from "../ipam/ipam.ts";
import type { Condition, Store } from "../store/store.ts";
import type { HostKey } from "./host-key.ts";
import { type Host, places, sharedSpace } from "./records.ts";
import { ClusterView, type Seen } from "./view.ts";

/** Milliseconds until the store is followed again, the first time and at most. */
const pauses = { first: 100, most: 2000 };

/** The other hosts, for one controller. */
export class Cluster {
  /** The name of this host. */
  readonly name: string;
  readonly view: ClusterView;
  /** Gives the subnets of networks across hosts, and the addresses that are not of a host's block. */
  readonly ipam: Ipam;
  /** The key with which this controller took the host's place last; others may have taken it since. */
  key: HostKey | undefined;
  readonly #ending = new AbortController();
  #following: Promise<void> | undefined;

  constructor(store: Store, name: string) {
    this.name = name;
    this.view = new ClusterView(store);
    this.ipam = new Ipam({ store, space: sharedSpace });
  }

  /**
   * This host as the others know it, which is what it can put records with.
   *
   * @throws {NetworkError} `HOST_ABSENT` if no controller keeps its place.
   */
  async here(operation: string): Promise<Seen<Host>> {
    await this.view.refresh();
    return this.known(operation);
  }

  /** {@link Cluster.here}, as of the last look at the store. */
  known(operation: string): Seen<Host> {
    const host = this.view.host(this.name);
    if (host !== undefined && !host.left) return host;
    throw this.absent(operation);
  }

  /** What holds as long as nobody else has taken the host's place, and it has not been lost. */
  unchanged({ name, revision }: Seen<Host>): Condition {
    return { key: places.host(name), revision };
  }

  /** The refusal of what needs the host's place. */
  absent(operation: string, cause?: unknown): NetworkError {
    const reason = "no controller keeps its place among the hosts of the store";
    return new NetworkError("HOST_ABSENT", { operation, subject: this.name, reason, cause });
  }

  /** Has the view follow the store from now on; again, whenever that fails. */
  follow(): void {
    this.#following ??= this.#follow();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    for (let pause = pauses.first; !signal.aborted; pause = Math.min(pause * 2, pauses.most)) {
      const failure = await this.view.follow(signal).then(
        () => "none",
        (error: unknown) => (error instanceof NetworkError ? error.code : "other"),
      );
      if (failure === "none" || failure === "STORE_CLOSED") return;
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#following;
  }
}
