// The name services of a host's sandboxes: opened, fed and closed as the plan changes.

import { readResolvConf } from "../inside/resolver-files.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { Member } from "./cluster/records.ts";
import type { ClusterChange } from "./cluster/view.ts";
import type { Context } from "./context.ts";
import { type NameService, openNameService, upstreamsOf } from "./dns/service.ts";
import { View } from "./dns/view.ts";
import { type Holder, Zone } from "./dns/zone.ts";
import { addressOf } from "./endpoints.ts";
import type { Connection } from "./gateway.ts";
import type { Endpoint, Network, Planned, Sandbox, Service } from "./model.ts";
import { redirectNames, redirectsNames } from "./nat/sandbox.ts";
import type { PlanChange } from "./plan.ts";
import type { Lease } from "./store/store.ts";

/** Whether sandboxes on a network find each other by name: not on the predefined ones. */
export function servesNames(context: Pick<Context, "drivers">, network: Network): boolean {
  return !network.predefined && context.drivers.get(network.driver)?.traits.names === true;
}

/** The name service of one sandbox. */
interface Served {
  readonly view: View;
  readonly networks: Set<string>;
  service: NameService | undefined;
}

/** The names of one network. */
interface Known {
  readonly zone: Zone;
  readonly holders: Map<string, Holder>;
}

/**
 * Serves names to every sandbox that is on a network with names. It follows the plan by itself,
 * whoever changes it; {@link Names.settled} tells when it has.
 */
export class Names {
  readonly #context: () => Context;
  readonly #zones = new Map<string, Known>();
  readonly #served = new Map<string, Served>();
  /** The last piece of work on each sandbox. */
  readonly #work = new Map<string, Promise<void>>();
  /** Sandboxes in the making whose namespaces are there. */
  readonly #expected = new Set<string>();
  /** That of the role; whoever has lost it, as after a long pause of the process, serves nobody. */
  #lease: Pick<Lease, "ended"> | undefined;

  constructor(context: () => Context) {
    this.#context = context;
  }

  /** Whether names are served by this controller. */
  get serving(): boolean {
    return this.#lease?.ended.aborted === false;
  }

  /** Begins to serve everybody who is in the plan, for as long as the lease lasts. */
  async start(lease: Pick<Lease, "ended">): Promise<void> {
    this.#lease = lease;
    const { plan } = this.#context();
    for (const { state, value } of plan.endpoints.values()) {
      if (state === "made") this.#hold(value);
    }
    for (const { state, value } of plan.services.values()) {
      if (state === "made") this.#holdService(value);
    }
    for (const { state, value } of plan.sandboxes.values()) {
      if (state === "made") this.#update(value.id);
    }
    await Promise.allSettled(this.#work.values());
  }

  /** Serves nobody any more. */
  async stop(): Promise<void> {
    this.#lease = undefined;
    await Promise.allSettled(this.#work.values());
    await Promise.allSettled(Array.from(this.#served.values(), ({ service }) => service?.close()));
    this.#served.clear();
    this.#zones.clear();
  }

  /** Follows a change of the plan. */
  follow({ noun, before, after }: PlanChange): void {
    if (!this.serving) return;
    if (noun === "endpoints") {
      const made = after?.state === "made";
      const endpoint = (after ?? before)?.value;
      if (endpoint === undefined) return;
      if (made) this.#hold(endpoint);
      else this.#letGo(endpoint);
      this.#update(endpoint.sandbox);
    } else if (noun === "services") {
      const service = (after ?? before)?.value;
      if (service === undefined) return;
      if (after?.state === "made") this.#holdService(service);
      else this.#letGo(service);
    } else if (noun === "sandboxes") {
      const id = (after ?? before)?.value.id;
      if (id !== undefined) this.#update(id);
    } else if (after === undefined && before !== undefined) {
      this.#zones.delete(before.value.id);
    }
  }

  /** Opens the service of a sandbox in the making, beside what else is made in its namespace. */
  expect(sandbox: string): void {
    if (!this.serving) return;
    this.#expected.add(sandbox);
    this.#update(sandbox);
  }

  /** Waits until a sandbox's service is what the plan says. @throws what it failed with. */
  async settled(sandbox: string): Promise<void> {
    await this.#work.get(sandbox);
  }

  /** Whether a sandbox that is to have a service has none, or is not led to it. */
  async lacks(sandbox: string, namespace: Namespace): Promise<boolean> {
    if (!this.serving || this.#work.has(sandbox)) return false;
    const planned = this.#context().plan.sandboxes.get(sandbox);
    if (planned?.state !== "made" || this.#namedConnections(planned.value).length === 0)
      return false;
    const service = this.#served.get(sandbox)?.service;
    return service === undefined || !(await redirectsNames(namespace, service.ports));
  }

  /** Closes a sandbox's service, and opens it again if it is to have one. */
  async retry(sandbox: string): Promise<void> {
    await this.#work.get(sandbox)?.catch(() => undefined);
    const served = this.#served.get(sandbox);
    this.#served.delete(sandbox);
    await served?.service?.close();
    if (this.serving) this.#update(sandbox);
    await this.settled(sandbox);
  }

  #zone(network: Network): Known {
    const known = this.#zones.get(network.id);
    if (known !== undefined) return known;
    const made = { zone: new Zone(network.name), holders: new Map<string, Holder>() };
    this.#zones.set(network.id, made);
    if (network.scope === "cluster") {
      const { cluster } = this.#context();
      cluster.follow();
      for (const member of cluster.view.members(network.id)) this.#holdMember(member);
    }
    return made;
  }

  /** Holds one of another host. */
  #holdMember({ id, network, host, sandbox, addresses, aliases }: Member): void {
    const known = this.#zones.get(network);
    if (known === undefined || host === this.#context().cluster.name) return;
    this.#letGo({ network, id });
    const others = new Set([...aliases, sandbox.hostname, sandbox.id.slice(0, 12)]);
    const spec = { name: sandbox.name, aliases: [...others], addresses: addresses.map(addressOf) };
    known.holders.set(id, known.zone.add(spec));
  }

  /** Follows a change of other hosts. */
  followHosts({ noun, before, after }: ClusterChange): void {
    if (!this.serving || noun !== "members") return;
    const { name } = this.#context().cluster;
    if (after !== undefined) this.#holdMember(after);
    else if (before !== undefined && before.host !== name) this.#letGo(before);
  }

  #hold(endpoint: Endpoint): void {
    const context = this.#context();
    const network = context.plan.networks.get(endpoint.network)?.value;
    const sandbox = context.plan.sandboxes.get(endpoint.sandbox)?.value;
    if (network === undefined || sandbox === undefined || !servesNames(context, network)) return;
    const { zone, holders } = this.#zone(network);
    if (holders.has(endpoint.id)) return;
    const { name, hostname, id } = sandbox;
    const aliases = new Set([...endpoint.aliases, hostname, id.slice(0, 12)]);
    const addresses = endpoint.addresses.map(addressOf);
    holders.set(endpoint.id, zone.add({ name, aliases: [...aliases], addresses }));
  }

  /** A service has its name alone: who is behind it has it as an alias. */
  #holdService({ id, name, network: on, addresses }: Service): void {
    const network = this.#context().plan.networks.get(on)?.value;
    if (network === undefined) return;
    const { zone, holders } = this.#zone(network);
    if (!holders.has(id)) holders.set(id, zone.add({ name, addresses, alone: true }));
  }

  #letGo({ network, id }: Pick<Endpoint, "network" | "id">): void {
    const known = this.#zones.get(network);
    const holder = known?.holders.get(id);
    if (known === undefined || holder === undefined) return;
    known.zone.remove(holder);
    known.holders.delete(id);
  }

  /** Brings one sandbox's service to what the plan says, after what was begun for it before. */
  #update(id: string): void {
    const before = this.#work.get(id) ?? Promise.resolve();
    const work = before.catch(() => undefined).then(() => this.#serve(id));
    this.#work.set(id, work);
    const forget = () => {
      if (this.#work.get(id) === work) this.#work.delete(id);
    };
    // Who awaits the work hears of its failure; the next look at the sandbox tries again.
    work.then(forget, forget);
  }

  async #serve(id: string): Promise<void> {
    if (!this.serving) return;
    const context = this.#context();
    const planned = context.plan.sandboxes.get(id);
    const connections = this.#isThere(planned) ? this.#namedConnections(planned.value) : [];
    const served = this.#served.get(id);
    if (planned === undefined || connections.length === 0) {
      this.#served.delete(id);
      await served?.service?.close();
      return;
    }
    const view = served?.view ?? new View();
    const networks = served?.networks ?? new Set<string>();
    this.#showNetworks({ view, networks }, connections);
    const entry = served ?? { view, networks, service: undefined };
    this.#served.set(id, entry);
    entry.service ??= await this.#open(planned.value, view);
    entry.service.setUpstreams(await this.#upstreams(planned.value, connections));
  }

  /** Whether a sandbox has a namespace to serve in. */
  #isThere(planned: Planned<Sandbox> | undefined): planned is Planned<Sandbox> {
    if (planned === undefined) return false;
    if (planned.state === "making") return this.#expected.has(planned.value.id);
    this.#expected.delete(planned.value.id);
    return planned.state === "made";
  }

  /** Of connections in the making too, so that the service is there as soon as they are. */
  #namedConnections(sandbox: Sandbox): Connection[] {
    const context = this.#context();
    return context.plan.endpointsOf(sandbox.id).flatMap(({ state, value: endpoint }) => {
      const network = context.plan.networks.get(endpoint.network)?.value;
      if (network === undefined || state === "deleting" || !servesNames(context, network))
        return [];
      return [{ endpoint, network }];
    });
  }

  #showNetworks(
    { view, networks }: Pick<Served, "view" | "networks">,
    connections: readonly Connection[],
  ): void {
    const present = new Set(connections.map(({ network }) => network.id));
    for (const id of networks) {
      const known = this.#zones.get(id);
      if (present.has(id)) continue;
      if (known !== undefined) view.remove(known.zone);
      networks.delete(id);
    }
    for (const { network, endpoint } of connections) {
      view.add(this.#zone(network).zone, endpoint.links);
      networks.add(network.id);
    }
  }

  async #open(sandbox: Sandbox, view: View): Promise<NameService> {
    const { host, namespaces } = this.#context();
    const namespace = await namespaces.open(sandbox);
    const service = await openNameService({ sandbox: namespace, host, view });
    try {
      // By now another controller may serve here.
      if (this.serving) await redirectNames(namespace, service.ports);
      return service;
    } catch (error) {
      await service.close();
      throw error;
    }
  }

  /** Whom to ask for other names: nobody, from networks out of which nothing leads. */
  async #upstreams(sandbox: Sandbox, connections: readonly Connection[]) {
    const context = this.#context();
    const all = context.plan.endpointsOf(sandbox.id).map(({ value }) => value.network);
    const leadsOut = all.some((id) => context.plan.networks.get(id)?.value.internal === false);
    if (!leadsOut && connections.length > 0) return [];
    const servers = sandbox.names.servers ?? readResolvConf(context.host).nameservers;
    return upstreamsOf(servers);
  }
}
