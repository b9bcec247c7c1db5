// Watches a namespace: an endless sequence of typed events.

import { invalidArgument } from "../errors.ts";
import { type Heard, native } from "../native.ts";
import { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";
import type { NounsOf, WatchEvent, WatchedNoun, WatchOptions } from "./events.ts";
import { keepAlive, letGo, listenFor, stopListening } from "./hearing.ts";
import { type Names, NameWatch } from "./names.ts";
import { type Plan, planOf } from "./options.ts";
import { type HeardOfNoun, Picture } from "./picture.ts";

/** Who waits for the next event. */
interface Waiter<Event> {
  resolve(result: IteratorResult<Event, undefined>): void;
  reject(reason: unknown): void;
}

/**
 * What {@link watch} returns: an iterator over events, for one consumer.
 *
 * As long as somebody waits for the next event it keeps the process alive; an idle one does not. It
 * ends by {@link close}, by leaving a `for await`, or by the signal, and never by itself. A
 * forgotten one is closed when it is collected.
 */
export class Watcher<Noun extends WatchedNoun = WatchedNoun>
  implements AsyncIterableIterator<WatchEvent<Noun>, undefined>, AsyncDisposable
{
  readonly #plan: Plan;
  readonly #picture: Picture;
  readonly #watch: number;
  readonly #waiters: Waiter<WatchEvent<Noun>>[] = [];
  readonly #untold: Set<WatchedNoun>;
  readonly #opening: Promise<void>;
  readonly #firstPicture: Promise<void>;
  #complete = () => {};
  #names: NameWatch | undefined;
  #closing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @internal Use {@link watch}. */
  constructor(namespace: Namespace, plan: Plan) {
    this.#plan = plan;
    this.#picture = new Picture(plan.nouns);
    this.#untold = new Set(plan.nouns);
    this.#watch = listenFor(this);
    this.#firstPicture = new Promise((resolve) => {
      this.#complete = resolve;
    });
    this.#opening = explained("watch", namespace.name, this.#open(namespace));
    this.#opening.catch((error: unknown) => this.#fail(error));
    plan.signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Waits until the watcher knows what there is, so that whatever happens afterwards is told.
   *
   * What calls on the same namespace do, made after `watch`, is told without waiting.
   *
   * @throws {NetlinkError} `EPERM` without the right to open a socket inside the namespace, `EMFILE`
   *   and the like.
   */
  async ready(): Promise<void> {
    const hold = { watcher: this };
    keepAlive(hold);
    try {
      await this.#opening;
      await this.#firstPicture;
    } finally {
      letGo(hold);
    }
  }

  /** The next event. Calls that wait are served in their order. */
  async next(): Promise<IteratorResult<WatchEvent<Noun>, undefined>> {
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#failure = undefined;
      throw failure.error;
    }
    if (this.#closing !== undefined) return { done: true, value: undefined };
    const event = this.#waiters.length === 0 ? this.#take() : undefined;
    if (event !== undefined) return { done: false, value: event };
    keepAlive(this);
    return await new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  /** {@link close}, for `break` in a `for await`. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /**
   * Ends the watcher, and those who wait for an event. What was not yet taken is dropped. Resolved
   * when its descriptors are closed; closing again is no error.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#end();
    await this.#closing;
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The watcher itself: it can be iterated once. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  hear({ kind, noun, record }: Heard): void {
    if (this.#closing !== undefined) return;
    if (kind === "whole") {
      const first = this.#tell(this.#plan.nouns.filter((one) => one !== "namespace"));
      if (!first) this.#picture.mark("resynced");
    } else if (kind !== "mounts" && noun !== undefined) {
      const news: HeardOfNoun = record === undefined ? { kind } : { kind, record };
      if (!this.#picture.hear(noun as WatchedNoun, news)) native().listAgain(this, noun);
    }
    this.#serve();
  }

  async #open(namespace: Namespace): Promise<void> {
    const { nouns, receiveBuffer, routeTable } = this.#plan;
    const kernels = nouns.filter((noun) => noun !== "namespace");
    const work: Promise<void>[] = [];
    if (kernels.length < nouns.length) {
      this.#names = new NameWatch((names) => this.#hearNames(names));
      work.push(this.#names.open());
    }
    if (kernels.length > 0) {
      const options = { nouns: kernels, receiveBuffer, routeTable };
      work.push(native().openWatch(this, namespace, this.#watch, options));
    }
    // Only what is open or has failed can be closed.
    for (const end of await Promise.allSettled(work)) {
      if (end.status === "rejected") throw end.reason;
    }
  }

  #hearNames(names: Names): void {
    this.#picture.hear("namespace", { kind: "begun" });
    for (const record of names) this.#picture.hear("namespace", { kind: "listed", record });
    this.#picture.hear("namespace", { kind: "ended" });
    this.#tell(["namespace"]);
    this.#serve();
  }

  /** Begins to tell of nouns; false if that has been done already. */
  #tell(nouns: readonly WatchedNoun[]): boolean {
    if (!nouns.some((noun) => this.#untold.delete(noun))) return false;
    for (const noun of nouns) this.#untold.delete(noun);
    this.#picture.tell(nouns, this.#plan.snapshot);
    if (this.#untold.size === 0) {
      if (this.#plan.snapshot) this.#picture.mark("synced");
      this.#complete();
    }
    return true;
  }

  #take(): WatchEvent<Noun> | undefined {
    // The picture has no other nouns than those of the plan.
    return this.#picture.take() as WatchEvent<Noun> | undefined;
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const event = this.#take();
      if (event === undefined) return;
      this.#waiters.shift()?.resolve({ done: false, value: event });
      if (this.#waiters.length === 0) letGo(this);
    }
  }

  readonly #abort = (): void => {
    void this.close();
  };

  #fail(error: unknown): void {
    const [first, ...others] = this.#waiters.splice(0);
    if (first === undefined) this.#failure = { error };
    else first.reject(error);
    for (const waiter of others) waiter.resolve({ done: true, value: undefined });
    letGo(this);
    void this.close();
  }

  async #end(): Promise<void> {
    this.#plan.signal?.removeEventListener("abort", this.#abort);
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
    letGo(this);
    this.#complete();
    stopListening(this.#watch);
    // What is being opened can be closed when it is open.
    await this.#opening.catch(() => undefined);
    await Promise.all([native().closeWatch(this), this.#names?.close()]);
  }
}

/**
 * Watches a namespace: what of its links, addresses, routes, neighbours and rules comes, changes and
 * goes, whoever does it.
 *
 * ```ts
 * for await (const event of watch(namespace, { links: true })) {
 *   if (event.type === "changed" && event.changed.includes("operationalState")) {
 *     console.log(event.link.name, event.link.operationalState);
 *   }
 * }
 * ```
 *
 * Events are those of objects: what happens to one before the consumer asks is told as one event,
 * the difference between what was told of it and what it is by then; in the order in which objects
 * were first touched. So a slow consumer costs no more memory than there are objects. If even the
 * event loop is blocked, the kernel drops messages; then everything is listed again, the difference
 * is told as ordinary events, and one `resynced` says so.
 *
 * Changes that the kernel does not tell of are found by listing: IPv4 routes that go with a link, for
 * one, some milliseconds later; what is changed of a link that is down, after two seconds at most.
 * Not found before the link's next event: what a bridge learns of other bridges' spanning trees,
 * where a peer in another namespace is moved to from there, and what is set by way of `/proc/sys`.
 *
 * The watcher keeps the namespace alive, not the handle, which may be closed; and it goes on if the
 * namespace's name is deleted. It costs one socket, and all of an environment's one thread.
 *
 * @throws {TypeError | RangeError} for an option that is unknown, of the wrong type or out of range,
 *   and if nothing is to be watched. What fails later, {@link Watcher.next} and
 *   {@link Watcher.ready} reject with.
 * @see include/uapi/linux/rtnetlink.h, `RTNLGRP_*`; net/core/rtnetlink.c, `rtnetlink_event()`
 */
export function watch<const Options extends WatchOptions>(
  namespace: Namespace,
  options: Options,
): Watcher<NounsOf<Options>> {
  if (!(namespace instanceof Namespace)) {
    throw invalidArgument("type", "namespace", "must be a Namespace");
  }
  const watcher = new Watcher<NounsOf<Options>>(namespace, planOf(options));
  if (options.signal?.aborted === true) void watcher.close();
  return watcher;
}
