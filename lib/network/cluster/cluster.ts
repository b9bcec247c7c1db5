// What a controller knows of the hosts that share its store, and the place of its own among them.

import { NetworkError } from "../errors.ts";
import { Ipam } from "../ipam/ipam.ts";
import type { Store } from "../store/store.ts";
import { type Host, sharedSpace } from "./records.ts";
import { ClusterView } from "./view.ts";

/** The other hosts, for one controller. */
export class Cluster {
  /** The name of this host. */
  readonly name: string;
  readonly view: ClusterView;
  /** Gives the subnets of networks across hosts, and the addresses that are not of a host's block. */
  readonly ipam: Ipam;
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
  async here(operation: string): Promise<Host> {
    await this.view.refresh();
    return this.known(operation);
  }

  /** {@link Cluster.here}, as of the last look at the store. */
  known(operation: string): Host {
    const host = this.view.host(this.name);
    if (host !== undefined) return host;
    throw this.absent(operation);
  }

  /** The refusal of what needs the host's place. */
  absent(operation: string, cause?: unknown): NetworkError {
    const reason = "no controller keeps its place among the hosts of the store";
    return new NetworkError("HOST_ABSENT", { operation, subject: this.name, reason, cause });
  }

  /** Has the view follow the store from now on. What ends it but for the end, the next look meets. */
  follow(): void {
    this.#following ??= this.view.follow(this.#ending.signal).catch(() => {
      this.#following = undefined;
    });
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#following;
  }
}
