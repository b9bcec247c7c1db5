// Places on networks that take only so many endpoints: nobody is given one that another is taking.

import { NetworkError } from "./errors.ts";
import type { Network } from "./model.ts";
import type { Plan } from "./plan.ts";

/** An endpoint that is to be on a network. */
interface Comer {
  readonly network: Pick<Network, "id" | "name">;
  readonly endpoint: { readonly id: string };
  /** How many endpoints the network takes. */
  readonly most: number;
}

/** Counts the endpoints of the plan, and those of this process that are on their way into it. */
export class Places {
  readonly #plan: Plan;
  /** The ids of those on their way, by their networks. */
  readonly #coming = new Map<string, Set<string>>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /**
   * Takes a place for each, or none at all, until the returned call.
   *
   * @throws {NetworkError} `NETWORK_FULL`
   */
  take(operation: string, comers: readonly Comer[]): () => void {
    for (const comer of comers) this.check(operation, comer);
    for (const { network, endpoint } of comers) {
      const ids = this.#coming.get(network.id) ?? new Set();
      this.#coming.set(network.id, ids.add(endpoint.id));
    }
    return () => this.#giveBack(comers);
  }

  /** @throws {NetworkError} `NETWORK_FULL` */
  check(operation: string, { network: { id, name }, most }: Omit<Comer, "endpoint">): void {
    if (this.#isFree(id, most)) return;
    const reason = `it takes ${most} endpoints at most`;
    throw new NetworkError("NETWORK_FULL", { operation, subject: name, reason });
  }

  #isFree(network: string, most: number): boolean {
    const { endpoints } = this.#plan;
    const coming = this.#coming.get(network) ?? new Set();
    const planned = this.#plan.countOn(network);
    // Those that have arrived are counted twice until their places are given back.
    if (planned + coming.size < most) return true;
    return planned + Array.from(coming).filter((id) => !endpoints.has(id)).length < most;
  }

  #giveBack(comers: readonly Comer[]): void {
    for (const { network, endpoint } of comers) {
      const ids = this.#coming.get(network.id);
      ids?.delete(endpoint.id);
      if (ids?.size === 0) this.#coming.delete(network.id);
    }
  }
}
