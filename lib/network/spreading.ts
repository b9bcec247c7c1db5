// The connections of sandboxes to services, spread over those behind them as the plan changes.

import type { Namespace } from "../rtnl/namespace.ts";
import { allEnded } from "../values/all-ended.ts";
import { Batch } from "../values/batch.ts";
import { groupBy } from "../values/group.ts";
import type { Context } from "./context.ts";
import { addressOf } from "./endpoints.ts";
import { familyOf } from "./gateway.ts";
import type { Endpoint, Sandbox, Service, State } from "./model.ts";
import { spreadAddress, spreadsAddress } from "./nat/sandbox.ts";

/** Whose tables are to be brought up to date: one sandbox's of a network, or everybody's. */
interface Stale {
  readonly network: string;
  readonly sandbox?: string;
}

/** Whether an endpoint is behind a service: has its name as an alias, on its network. */
function isBehind({ network, aliases }: Endpoint, service: Service): boolean {
  const name = service.name.toLowerCase();
  return network === service.network && aliases.some((alias) => alias.toLowerCase() === name);
}

/**
 * Keeps tables in the sandboxes on networks with services: what they send to a service's address goes
 * to one of those behind it.
 */
export class Spreading {
  readonly #context: () => Context;
  /** Endpoints that are connected, while the plan still has them as `making`. */
  readonly #arrived = new Set<string>();
  /** One after another, each for all who came or went while the one before was made. */
  readonly #rounds: Batch<Stale>;

  constructor(context: () => Context) {
    this.#context = context;
    this.#rounds = new Batch((all) => this.#refresh(all));
  }

  /** The endpoints behind a service, in an order that is always the same. */
  behind(service: Service): Endpoint[] {
    return this.#present(service.network)
      .filter((endpoint) => isBehind(endpoint, service))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** Leads an endpoint that is connected to services, and everybody to it if it is behind one. */
  async join(endpoint: Endpoint): Promise<void> {
    if (this.#services(endpoint.network).length === 0) return;
    this.#arrived.add(endpoint.id);
    await this.#rounds.add(this.#staleBy(endpoint));
  }

  /**
   * Leads nobody to an endpoint any more that the plan has as going; and it, if its namespace stays,
   * to no service.
   */
  async leave(endpoint: Endpoint, namespace: Namespace | undefined): Promise<void> {
    this.#arrived.delete(endpoint.id);
    const services = this.#services(endpoint.network);
    if (services.length === 0) return;
    // In any case after a round that still knew it.
    await this.#rounds.add(this.#staleBy(endpoint));
    if (namespace === undefined) return;
    await allEnded(services.map((service) => spread(namespace, service, [])));
  }

  /** Leads all who are on a service's network to those behind it. */
  async open({ network }: Service): Promise<void> {
    await this.#rounds.add({ network });
  }

  /** Leads nobody to a service any more that the plan has as going. */
  async close(service: Service): Promise<void> {
    const { network } = service;
    await this.#rounds.add({ network });
    await allEnded(this.#present(network).map((one) => this.#lead(one, [service], () => [])));
  }

  /** The services to which a sandbox is not led as it should be, by their names. */
  async missing(sandbox: Sandbox, namespace: Namespace): Promise<readonly string[]> {
    const endpoints = this.#context().plan.endpointsOf(sandbox.id);
    const services = endpoints
      .filter(({ state }) => state === "made")
      .flatMap(({ value: { network } }) => this.#services(network, ["made"]));
    const missing = await Promise.all(
      services.map(async (service) => {
        const behind = this.behind(service);
        const led = service.addresses.map((virtual) =>
          spreadsAddress(namespace, virtual, addressesLike(virtual, behind)),
        );
        return (await Promise.all(led)).every(Boolean) ? [] : [service.name];
      }),
    );
    return missing.flat();
  }

  /** Leads a sandbox as it should be. */
  async mend({ id }: Sandbox): Promise<void> {
    const endpoints = this.#context().plan.endpointsOf(id);
    await allEnded(
      endpoints.map(({ value: { network } }) => this.#rounds.add({ network, sandbox: id })),
    );
  }

  #staleBy(endpoint: Endpoint): Stale {
    const { network, sandbox } = endpoint;
    const isOne = this.#services(network).some((service) => isBehind(endpoint, service));
    return isOne ? { network } : { network, sandbox };
  }

  #services(network: string, states: readonly State[] = ["making", "made"]): Service[] {
    return this.#context()
      .plan.servicesOn(network)
      .filter(({ state }) => states.includes(state))
      .map(({ value }) => value);
  }

  #present(network: string): Endpoint[] {
    return this.#context()
      .plan.endpointsOn(network)
      .filter(({ state, value: { id } }) =>
        state === "making" ? this.#arrived.has(id) : state === "made",
      )
      .map(({ value }) => value);
  }

  async #refresh(all: readonly Stale[]): Promise<void> {
    const { plan } = this.#context();
    for (const id of this.#arrived) {
      if (plan.endpoints.get(id)?.state !== "making") this.#arrived.delete(id);
    }
    const byNetwork = groupBy(all, ({ network }) => network);
    await allEnded(
      Array.from(byNetwork, async ([network, stale]) => {
        const sandboxes = new Set(stale.map(({ sandbox }) => sandbox));
        const endpoints = this.#present(network).filter(
          ({ sandbox }) => sandboxes.has(undefined) || sandboxes.has(sandbox),
        );
        const services = this.#services(network);
        await allEnded(
          endpoints.map((one) => this.#lead(one, services, (service) => this.behind(service))),
        );
      }),
    );
  }

  /** Leads a sandbox to services, unless it goes meanwhile. */
  async #lead(
    { id, sandbox, network }: Endpoint,
    services: readonly Service[],
    behind: (service: Service) => readonly Endpoint[],
  ): Promise<void> {
    const { plan, namespaces } = this.#context();
    const planned = plan.sandboxes.get(sandbox)?.value;
    if (planned === undefined) return;
    try {
      const namespace = await namespaces.find(planned);
      if (namespace === undefined) return;
      await allEnded(services.map((service) => spread(namespace, service, behind(service))));
    } catch (error) {
      if (this.#present(network).some((one) => one.id === id)) throw error;
    }
  }
}

/** The addresses of endpoints that are of the family of another one. */
function addressesLike(virtual: string, endpoints: readonly Endpoint[]): string[] {
  return endpoints
    .flatMap(({ addresses }) => addresses.map(addressOf))
    .filter((address) => familyOf(address) === familyOf(virtual));
}

async function spread(
  namespace: Namespace,
  { addresses }: Service,
  behind: readonly Endpoint[],
): Promise<void> {
  await allEnded(
    addresses.map((virtual) => spreadAddress(namespace, virtual, addressesLike(virtual, behind))),
  );
}
