// Several changes, all of them or none.

import { invalidArgument, RollbackError, refuseUnknown, TransactionEndedError } from "../errors.ts";
import { type AddressSpec, addAddress, removeAddress } from "../rtnl/address.ts";
import {
  createEndpoints,
  deleteEndpoints,
  type EndpointResult,
  type EndpointSpec,
} from "../rtnl/endpoint.ts";
import { type ForwardingScope, setForwarding, setSysctl } from "../rtnl/forwarding.ts";
import type { LinkKind } from "../rtnl/kinds/kinds.ts";
import {
  addAlternativeNames,
  createLink,
  deleteLink,
  getLink,
  type LinkChanges,
  type LinkOf,
  type LinkSpec,
  removeAlternativeNames,
  setLink,
} from "../rtnl/link.ts";
import {
  createNamespace,
  deleteNamespace,
  type Namespace,
  type NamespaceOptions,
} from "../rtnl/namespace.ts";
import {
  addFdbEntry,
  addNeighbour,
  type FdbEntrySpec,
  type NeighbourSpec,
  removeFdbEntry,
  removeNeighbour,
} from "../rtnl/neighbour.ts";
import type { LinkReference } from "../rtnl/reference.ts";
import { addRoute, type RouteSpec, removeRoute } from "../rtnl/route.ts";
import { addRule, type RuleSpec, removeRule } from "../rtnl/rule.ts";
import { restorationOf } from "./restore.ts";
import { ignoreSignals, watchSignals } from "./stop.ts";
import { type Undo, undoAll } from "./undo.ts";

/** How a transaction behaves. */
export interface TransactionOptions {
  /**
   * Whether it is rolled back when the process gets SIGINT, SIGTERM or SIGHUP; afterwards the
   * signal ends the process, unless somebody else listens for it. Default: true. Worker threads get
   * no signals.
   */
  readonly signals?: boolean;
}

const committed = "committed";

/**
 * Changes that are undone together, unless they are committed. Its functions are those of the
 * library, and do the same at the same cost; what they have done is undone the last one first.
 *
 * What the kernel takes away by itself in the course of a change does not come back: the routes and
 * IPv6 addresses of a link that is set down, the settings of single links when forwarding is set for
 * all. Deletions, removals and replacements are not offered, since nothing undoes them exactly.
 */
export class Transaction implements AsyncDisposable {
  readonly #undos: Undo[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #ended: string | undefined;

  /** @internal Use {@link transaction} or {@link openTransaction}. */
  constructor({ signals = true }: TransactionOptions) {
    if (signals) watchSignals(this);
  }

  /** Does something, and keeps how to undo it once it is done. */
  async #do<T>(
    work: () => Promise<T>,
    undo: (result: T) => Undo["run"],
    together = false,
  ): Promise<T> {
    if (this.#ended !== undefined) throw new TransactionEndedError(this.#ended);
    const doing = work();
    this.#running.add(doing);
    try {
      const result = await doing;
      this.#undos.push({ run: undo(result), together });
      return result;
    } finally {
      this.#running.delete(doing);
    }
  }

  /** As `createNamespace`; undone by closing it, and deleting its name. */
  async createNamespace(options?: NamespaceOptions): Promise<Namespace> {
    return await this.#do(
      () => createNamespace(options),
      (namespace) => async () => {
        await namespace.close();
        if (namespace.name !== undefined) await deleteNamespace(namespace.name);
      },
    );
  }

  /** As `createLink`; undone by deleting it, several at once if they follow one another. */
  async createLink<K extends LinkKind>(
    namespace: Namespace,
    spec: LinkSpec<K>,
  ): Promise<LinkOf<K>> {
    return await this.#do(
      () => createLink(namespace, spec),
      ({ index }) =>
        () =>
          deleteLink(namespace, index),
      true,
    );
  }

  /** As `createEndpoints`; undone by deleting those that were made. */
  async createEndpoints(
    host: Namespace,
    specs: readonly EndpointSpec[],
  ): Promise<EndpointResult[]> {
    return await this.#do(
      () => createEndpoints(host, specs),
      (results) => () =>
        deleteEndpoints(
          host,
          results.flatMap(({ endpoint }) => (endpoint ? [endpoint] : [])),
        ),
    );
  }

  /**
   * As `setLink`; undone by setting the same settings to what they were. These are read in the same
   * send as the change, if the link is given by its index.
   */
  async setLink(namespace: Namespace, link: LinkReference, changes: LinkChanges): Promise<void> {
    await this.#do(
      async () => {
        const [before, set] = await Promise.allSettled([
          getLink(namespace, link),
          setLink(namespace, link, changes),
        ]);
        if (set.status === "rejected") throw set.reason;
        if (before.status === "rejected") return { changes: {}, lost: Object.keys(changes) };
        return restorationOf(before.value, changes);
      },
      ({ changes: back, lost }) =>
        async () => {
          await setLink(namespace, link, back);
          if (lost.length === 0) return;
          throw new Error(`setLink: what ${lost.join(", ")} was before is not known`);
        },
    );
  }

  /** As `addAlternativeNames`; undone by removing them. */
  async addAlternativeNames(
    namespace: Namespace,
    link: LinkReference,
    names: readonly string[],
  ): Promise<void> {
    await this.#do(
      () => addAlternativeNames(namespace, link, names),
      () => () => removeAlternativeNames(namespace, link, names),
    );
  }

  /** As `addAddress`; undone by removing it. */
  async addAddress(
    namespace: Namespace,
    link: LinkReference,
    address: string | AddressSpec,
  ): Promise<void> {
    await this.#do(
      () => addAddress(namespace, link, address),
      () => () => removeAddress(namespace, link, address),
    );
  }

  /** As `addRoute`; undone by removing it. */
  async addRoute(namespace: Namespace, route: RouteSpec): Promise<void> {
    await this.#do(
      () => addRoute(namespace, route),
      () => () => removeRoute(namespace, route),
    );
  }

  /** As `addRule`; undone by removing it. */
  async addRule(namespace: Namespace, rule: RuleSpec): Promise<void> {
    await this.#do(
      () => addRule(namespace, rule),
      () => () => removeRule(namespace, rule),
    );
  }

  /** As `addNeighbour`; undone by removing it. */
  async addNeighbour(
    namespace: Namespace,
    link: LinkReference,
    neighbour: NeighbourSpec,
  ): Promise<void> {
    await this.#do(
      () => addNeighbour(namespace, link, neighbour),
      () => () => removeNeighbour(namespace, link, neighbour),
    );
  }

  /** As `addFdbEntry`; undone by removing it. */
  async addFdbEntry(namespace: Namespace, link: LinkReference, entry: FdbEntrySpec): Promise<void> {
    await this.#do(
      () => addFdbEntry(namespace, link, entry),
      () => () => removeFdbEntry(namespace, link, entry),
    );
  }

  /** As `setForwarding`; undone by setting it to what it was. */
  async setForwarding(
    namespace: Namespace,
    enabled: boolean,
    scope: ForwardingScope = {},
  ): Promise<boolean> {
    return await this.#do(
      () => setForwarding(namespace, enabled, scope),
      (before) => () => setForwarding(namespace, before, scope),
    );
  }

  /** As `setSysctl`; undone by setting it to what it was. */
  async setSysctl(
    namespace: Namespace,
    name: string,
    value: string | number | boolean,
  ): Promise<string> {
    return await this.#do(
      () => setSysctl(namespace, name, value),
      (before) => () => setSysctl(namespace, name, before),
    );
  }

  /**
   * Adds a step of the caller's own to what is undone, for what was done without the transaction.
   *
   * @throws {TransactionEndedError} after the end: then it is the caller's to undo.
   */
  onRollback(undo: () => unknown): void {
    if (typeof undo !== "function") throw invalidArgument("type", "undo", "must be a function");
    if (this.#ended !== undefined) throw new TransactionEndedError(this.#ended);
    this.#undos.push({ run: async () => await undo(), together: false });
  }

  /**
   * Waits for calls that still run, and keeps everything.
   *
   * @throws {TransactionEndedError} if it was rolled back.
   */
  async commit(): Promise<void> {
    if (this.#ended !== undefined && this.#ended !== committed) {
      throw new TransactionEndedError(this.#ended);
    }
    await this.#end(committed);
    this.#undos.length = 0;
  }

  /**
   * Waits for calls that still run, and undoes everything, the last step first. Rolling back again,
   * or what was committed, does nothing.
   *
   * @throws {RollbackError} of what could not be undone; the rest is undone all the same.
   */
  async rollback(): Promise<void> {
    await this.#rollBack("rolled back", undefined);
  }

  /** @internal By a signal. Nobody is there to hear of errors. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    await this.#rollBack(`rolled back for ${signal}`, undefined).catch(() => {});
  }

  /** @internal For a cause that shall not be hidden by what goes wrong now. */
  async rollBackFor(cause: unknown): Promise<void> {
    await this.#rollBack("rolled back", cause);
  }

  /** {@link rollback}, for `await using`: after {@link commit} it does nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback();
  }

  async #end(how: string): Promise<void> {
    this.#ended ??= how;
    await Promise.allSettled(this.#running);
    ignoreSignals(this);
  }

  async #rollBack(how: string, cause: unknown): Promise<void> {
    await this.#end(how);
    const errors = await undoAll(this.#undos);
    if (errors.length > 0) throw new RollbackError(errors, cause);
  }
}

/**
 * Opens a transaction, which is rolled back when it is disposed of without a commit.
 *
 * ```ts
 * await using tx = openTransaction();
 * const bridge = await tx.createLink(host, { kind: "bridge", name: "br0", up: true });
 * await tx.addAddress(host, bridge, "10.0.0.1/24");
 * await tx.commit();
 * ```
 *
 * @throws {TypeError} if an option is unknown.
 */
export function openTransaction(options: TransactionOptions = {}): Transaction {
  refuseUnknown("options", options, ["signals"]);
  return new Transaction(options);
}

/**
 * Makes changes that are all undone, the last one first, if `work` throws or the process is told to
 * stop; if it returns they stay. While it goes well nothing of it costs another round trip.
 *
 * ```ts
 * await transaction(async (tx) => {
 *   const bridge = await tx.createLink(host, { kind: "bridge", name: "br0", up: true });
 *   await tx.addAddress(host, bridge, "10.0.0.1/24");
 * });
 * ```
 *
 * @returns what `work` returns.
 * @throws what `work` throws; {@link RollbackError} if besides something could not be undone, with
 *   the former as its `cause`; {@link TransactionEndedError} if a signal had it rolled back.
 */
export async function transaction<T>(
  work: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  if (typeof work !== "function") throw invalidArgument("type", "work", "must be a function");
  const tx = openTransaction(options);
  let result: T;
  try {
    result = await work(tx);
  } catch (error) {
    await tx.rollBackFor(error);
    throw error;
  }
  await tx.commit();
  return result;
}
