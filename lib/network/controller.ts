// The controller of a host: the public object of the network model.

import { refuseUnknown } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { checkedName, checkedReference } from "./checks.ts";
import { type AbsentHost, absentHosts, presentHosts, removeHost } from "./cluster/hosts.ts";
import type { Host } from "./cluster/records.ts";
import { connect, disconnect } from "./connecting.ts";
import { type Context, findNetwork, networkAt, sandboxAt } from "./context.ts";
import type { Diagnosis } from "./doctor/diagnosis.ts";
import { diagnose } from "./doctor/doctor.ts";
import { type NetworkEvent, watchPlan } from "./events.ts";
import { type NetworkFilters, networkMatcher } from "./filters.ts";
import type { ChangedSetting } from "./host-settings.ts";
import {
  describeNetwork,
  describeSandbox,
  type NetworkDescription,
  type SandboxDescription,
} from "./inspect.ts";
import type { Endpoint, Network, Sandbox, Service } from "./model.ts";
import { checkedNetwork, type NetworkOptions } from "./network-options.ts";
import { createNetwork, deleteNetwork } from "./networks.ts";
import { purge } from "./purge.ts";
import { inspectHost, madeOf, type PlannedRepair, type Repair, repairHost } from "./reconcile.ts";
import {
  type AdoptOptions,
  type ConnectOptions,
  checkedAdoption,
  checkedConnect,
  checkedSandbox,
  type SandboxOptions,
} from "./sandbox-options.ts";
import { adoptSandbox, createSandbox, deleteSandbox } from "./sandboxes.ts";
import {
  checkedService,
  createService,
  deleteService,
  describeService,
  type ServiceDescription,
  type ServiceOptions,
  serviceAt,
  servicesOf,
} from "./services.ts";
import type { Condition } from "./store/store.ts";

/** What a controller does by itself, until it is closed. */
export interface Role {
  close(): Promise<void>;
}

/**
 * Manages the networks of one host: what Docker's engine does for containers, from a library.
 *
 * Every change is in the store before the kernel is touched. What a process that ended left half-made
 * is undone by the next controller on the same store, as its first act. Several controllers, also of
 * several processes, may be open on one store and host: they change things one at a time.
 *
 * Needs `CAP_NET_ADMIN` in the host's namespace, and `CAP_SYS_ADMIN` to make namespaces. Every method
 * rejects with `STORE_BUSY` if another controller kept the host for too long, with `LEASE_LOST` if it
 * took it over, and with the errors of the store.
 */
export class Controller implements AsyncDisposable {
  readonly #context: Context;
  readonly #roles: readonly Role[];

  /** @internal Use `openController`. */
  constructor(context: Context, roles: readonly Role[]) {
    this.#context = context;
    this.#roles = roles;
  }

  async #change<T>(operation: string, work: (fence: Condition) => Promise<T>): Promise<T> {
    return await this.#context.lock.use(operation, work);
  }

  /**
   * Makes a network: of this host, or with the driver `overlay` or `routed`, of all hosts that share
   * the store.
   *
   * @throws {NetworkError} `HOST_ABSENT`, `NUMBER_TAKEN`, `NETWORK_EXISTS`, `NETWORK_PREDEFINED`, `DRIVER_MISSING`, `OPTION_INVALID`,
   *   `LINK_TAKEN`, `PARENT_MISSING`, `POOL_OVERLAP`, `POOL_EXHAUSTED`, `SUBNET_INVALID`,
   *   `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`, `ADDRESS_TAKEN`, `DRIVER_FAILED`; nothing is left then.
   * @throws {RangeError | TypeError} if an option is bad.
   */
  async createNetwork(options: NetworkOptions): Promise<Network> {
    const spec = checkedNetwork(options);
    return await this.#change("createNetwork", (fence) =>
      createNetwork(this.#context, fence, spec),
    );
  }

  /**
   * Removes a network without services that nobody is connected to; by its name, its id, or the beginning of that.
   *
   * @throws {NetworkError} `NETWORK_MISSING`, `NETWORK_PREDEFINED`, `NETWORK_IN_USE`, `DRIVER_FAILED`
   */
  async deleteNetwork(network: string): Promise<void> {
    const reference = checkedReference("network", network);
    await this.#change("deleteNetwork", (fence) => deleteNetwork(this.#context, fence, reference));
  }

  /** @throws {NetworkError} `NETWORK_MISSING` */
  async getNetwork(network: string): Promise<Network> {
    const reference = checkedReference("network", network);
    await this.#context.plan.refresh();
    const found = findNetwork(this.#context, reference);
    if (found?.state === "made" && found.value.scope === "local") return found.value;
    const { view } = this.#context.cluster;
    await view.refresh();
    const whole = view.whole(reference);
    if (whole?.state === "made") return whole.network;
    return networkAt(this.#context, "getNetwork", reference);
  }

  /**
   * A network with who is connected to it, by which addresses.
   *
   * @throws {NetworkError} `NETWORK_MISSING`
   */
  async inspectNetwork(network: string): Promise<NetworkDescription> {
    return describeNetwork(this.#context, await this.getNetwork(network));
  }

  /** The networks that all filters let through, by name; all, without filters. */
  async listNetworks(filters: NetworkFilters = {}): Promise<readonly Network[]> {
    const matches = networkMatcher(filters);
    const { plan, cluster } = this.#context;
    await Promise.all([plan.refresh(), cluster.view.refresh()]);
    const { view } = cluster;
    const own = madeOf(plan.networks.values()).filter(({ scope }) => scope === "local");
    const wide = view.wholes().filter(({ state }) => state === "made");
    const count = ({ id, scope }: Network) =>
      scope === "local" ? plan.countOn(id) : view.countMembers(id);
    return [...own, ...wide.map(({ network }) => network)]
      .filter((network) => matches(network, count(network)))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  /**
   * The hosts that are there, by name: those that share the store, and have a controller each that
   * keeps their place.
   */
  async listHosts(): Promise<readonly Host[]> {
    return await presentHosts(this.#context);
  }

  /**
   * The hosts for which the store keeps something, and whose place nobody keeps, by name. This one is
   * among them, unless it has the option `cluster` of `openController`.
   */
  async listAbsentHosts(): Promise<readonly AbsentHost[]> {
    return await absentHosts(this.#context);
  }

  /**
   * Removes all that the store keeps for a host that is gone for good: its plan, with its sandboxes and
   * networks of its own, and whatever other hosts still know of it. Nothing is done on the host itself.
   * If it comes back after all, it begins anew; `doctor()` tells there what its kernel still has.
   *
   * A host is there as long as a controller keeps its place or serves its names, or has the lock of
   * its plan, as any has that has changed something; and until the leases of these end, 10 seconds
   * later or as `cluster.ttlMs` says. A host where commands alone work now and then, and which has no
   * place among the others, is not told from one that is gone.
   *
   * @throws {NetworkError} `HOST_PRESENT`, for this host itself, too; `HOST_MISSING`
   * @throws {RangeError | TypeError} if it is no name.
   */
  async removeHost(host: string): Promise<void> {
    await removeHost(this.#context, checkedName("host", host));
  }

  /** Removes the networks that nobody is connected to, those that filters let through, and tells which. */
  async pruneNetworks(filters: NetworkFilters = {}): Promise<readonly string[]> {
    const networks = await this.listNetworks({ ...filters, dangling: true });
    const pruned = await Promise.all(
      networks.map(async ({ name, id }) => {
        try {
          await this.deleteNetwork(id);
          return [name];
        } catch (error) {
          const code = (error as { code?: unknown }).code;
          // Somebody was connected to it, or removed it, since the look.
          if (code === "NETWORK_IN_USE" || code === "NETWORK_MISSING") return [];
          throw error;
        }
      }),
    );
    return pruned.flat();
  }

  /**
   * Makes a sandbox: a namespace with its links, addresses, routes, names and published ports.
   *
   * @throws {NetworkError} `SANDBOX_EXISTS`, `NETWORK_MISSING`, `NETWORK_FULL`, `MODE_CONFLICT`,
   *   `PORT_TAKEN`, `PROTOCOL_UNSUPPORTED`, `ADDRESS_TAKEN`, `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`,
   *   `POOL_EXHAUSTED`, `NAMESPACE_EXISTS`, `TARGET_MISSING`, `DRIVER_FAILED`; nothing is left then.
   * @throws {RangeError | TypeError} if an option is bad.
   */
  async createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
    const request = checkedSandbox(options);
    return await this.#change("createSandbox", (fence) =>
      createSandbox(this.#context, fence, request),
    );
  }

  /**
   * Makes a sandbox of a namespace that somebody else made. It stays when the sandbox is deleted;
   * links of it that are not ours are left alone.
   *
   * @throws {NetworkError} `NAMESPACE_MISSING`, and as {@link Controller.createSandbox}.
   */
  async adoptSandbox(options: AdoptOptions): Promise<Sandbox> {
    const request = checkedAdoption(options);
    return await this.#change("adoptSandbox", (fence) =>
      adoptSandbox(this.#context, fence, request, options.namespace),
    );
  }

  /**
   * Removes a sandbox with its connections and published ports, and its namespace unless it was
   * adopted. Processes inside run on without links.
   *
   * @throws {NetworkError} `SANDBOX_MISSING`, `SANDBOX_IN_USE` if others share it, `DRIVER_FAILED`
   */
  async deleteSandbox(sandbox: string): Promise<void> {
    const reference = checkedReference("sandbox", sandbox);
    await this.#change("deleteSandbox", (fence) => deleteSandbox(this.#context, fence, reference));
  }

  /**
   * A sandbox with its connections and published ports.
   *
   * @throws {NetworkError} `SANDBOX_MISSING`
   */
  async inspectSandbox(sandbox: string): Promise<SandboxDescription> {
    const reference = checkedReference("sandbox", sandbox);
    await this.#context.plan.refresh();
    const found = sandboxAt(this.#context, "inspectSandbox", reference);
    return describeSandbox(this.#context, found);
  }

  /** All sandboxes, by name. */
  async listSandboxes(): Promise<readonly Sandbox[]> {
    const { plan } = this.#context;
    await plan.refresh();
    return [...plan.sandboxes.values()]
      .filter(({ state }) => state === "made")
      .map(({ value }) => value)
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  /**
   * The namespace of a sandbox, for `spawn`, `listen`, `connect` and everything else that acts inside.
   * It is the caller's to close.
   *
   * @throws {NetworkError} `SANDBOX_MISSING`, `NAMESPACE_MISSING`
   */
  async openSandbox(sandbox: string): Promise<Namespace> {
    const reference = checkedReference("sandbox", sandbox);
    await this.#context.plan.refresh();
    const found = sandboxAt(this.#context, "openSandbox", reference);
    return await this.#context.namespaces.duplicate(this.#context, found);
  }

  /**
   * Connects a sandbox with a network, while processes run in it.
   *
   * @throws {NetworkError} `NETWORK_MISSING`, `SANDBOX_MISSING`, `ENDPOINT_EXISTS`, `NETWORK_FULL`,
   *   `MODE_CONFLICT`, `TARGET_MISSING`, `ADDRESS_TAKEN`, `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`,
   *   `POOL_EXHAUSTED`, `DRIVER_FAILED`; everything is as before then.
   * @throws {RangeError | TypeError} if an option is bad.
   */
  async connect(network: string, sandbox: string, options: ConnectOptions = {}): Promise<Endpoint> {
    const references = {
      network: checkedReference("network", network),
      sandbox: checkedReference("sandbox", sandbox),
    };
    const request = checkedConnect(options);
    return await this.#change("connect", (fence) =>
      connect(this.#context, fence, references, request),
    );
  }

  /**
   * Disconnects a sandbox from a network, while processes run in it.
   *
   * @throws {NetworkError} `NETWORK_MISSING`, `SANDBOX_MISSING`, `ENDPOINT_MISSING`, `DRIVER_FAILED`
   */
  async disconnect(network: string, sandbox: string): Promise<void> {
    const references = {
      network: checkedReference("network", network),
      sandbox: checkedReference("sandbox", sandbox),
    };
    await this.#change("disconnect", (fence) => disconnect(this.#context, fence, references));
  }

  /**
   * Makes a service: one name and one virtual address of each family for all sandboxes of a network
   * that have the name as an alias there, now or later. What a sandbox of the network sends to the
   * address goes to one of them by chance, a connection always to the same; whoever leaves gets no
   * more, and connections with it are forgotten. Without anybody behind it, the address is nobody's.
   * Sandboxes of other networks, the host, and published ports are not led to it.
   *
   * Whoever comes or goes behind a service is told to every sandbox of the network.
   *
   * @throws {NetworkError} `NETWORK_MISSING`, `SERVICE_EXISTS`, `MODE_CONFLICT` if the network has no
   *   names, or spans hosts, `ADDRESS_TAKEN`, `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`, `POOL_EXHAUSTED`,
   *   `DRIVER_FAILED`; nothing is left then.
   * @throws {RangeError | TypeError} if an option is bad.
   */
  async createService(options: ServiceOptions): Promise<Service> {
    const request = checkedService(options);
    return await this.#change("createService", (fence) =>
      createService(this.#context, fence, request),
    );
  }

  /**
   * Removes a service, by its name or id. Its name then stands for those who have it as an alias.
   *
   * @throws {NetworkError} `NETWORK_MISSING`, `SERVICE_MISSING`, `DRIVER_FAILED`
   */
  async deleteService(network: string, service: string): Promise<void> {
    const references = {
      network: checkedReference("network", network),
      service: checkedReference("service", service),
    };
    await this.#change("deleteService", (fence) => deleteService(this.#context, fence, references));
  }

  /**
   * A service with the sandboxes behind it.
   *
   * @throws {NetworkError} `NETWORK_MISSING`, `SERVICE_MISSING`
   */
  async inspectService(network: string, service: string): Promise<ServiceDescription> {
    const on = checkedReference("network", network);
    const reference = checkedReference("service", service);
    await this.#context.plan.refresh();
    const found = serviceAt(this.#context, "inspectService", on, reference);
    return describeService(this.#context, found);
  }

  /**
   * The services of a network, or of all, by name.
   *
   * @throws {NetworkError} `NETWORK_MISSING`
   */
  async listServices(network?: string): Promise<readonly Service[]> {
    const on = network === undefined ? undefined : checkedReference("network", network);
    await this.#context.plan.refresh();
    const found = on === undefined ? undefined : networkAt(this.#context, "listServices", on);
    return servicesOf(this.#context, found);
  }

  /** What is not as the plan says, and what {@link Controller.reconcile} would do; changes nothing. */
  async plan(): Promise<readonly PlannedRepair[]> {
    return await this.#change("plan", async () => {
      const repairs = await inspectHost(this.#context);
      return repairs.map(({ subject, problem, remedy }) => ({ subject, problem, remedy }));
    });
  }

  /** Makes the kernel what the plan says, and tells what it did, and what failed. */
  async reconcile(): Promise<readonly Repair[]> {
    return await this.#change("reconcile", (fence) => repairHost(this.#context, fence));
  }

  /**
   * What keeps networks of the host from working, or may, with what helps; errors first. Changes
   * nothing. Without the capabilities, it tells of these alone.
   */
  async doctor(): Promise<readonly Diagnosis[]> {
    return await this.#change("doctor", () => diagnose(this.#context));
  }

  /** The settings of the host that were changed, and are put back when no network needs them. */
  async listSettings(): Promise<readonly ChangedSetting[]> {
    return await this.#context.settings.list();
  }

  /**
   * What is changed from now on, by any controller of the host, in order. Ends when the controller is
   * closed, or rejects with the reason of the signal.
   */
  watch(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<NetworkEvent, void> {
    refuseUnknown("options", options, ["signal"]);
    return watchPlan(this.#context, options.signal);
  }

  /** Removes all sandboxes and networks, the predefined ones too, and puts the host's settings back. */
  async purge(): Promise<void> {
    await this.#change("purge", (fence) => purge(this.#context, fence));
  }

  /**
   * Waits for what is being done, and gives everything of this process back. Networks and sandboxes
   * stay, with their connections and ports; names are served by the next controller.
   */
  async close(): Promise<void> {
    const { lock, names, namespaces, cluster } = this.#context;
    for (const role of this.#roles) await role.close();
    await lock.close();
    await names.stop();
    await cluster.close();
    await namespaces.closeAll();
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
