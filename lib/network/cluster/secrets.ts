// Has the networks of this host that are encrypted send to every other host by the secret that the two
// share, as hosts come, go, and take their places anew.

import { setTimeout as sleep } from "node:timers/promises";
import { allEnded } from "../../values/all-ended.ts";
import { Batch } from "../../values/batch.ts";
import type { Context } from "../context.ts";
import type { Encryption, Peer } from "../drivers/driver.ts";
import type { Network } from "../model.ts";
import { onShared } from "../networks.ts";
import type { PlanChange } from "../plan.ts";
import { parts } from "./parts.ts";
import type { Host } from "./records.ts";

/** Milliseconds until it is tried again to tell what could not be told. */
const againMs = 1000;

/** A part that is encrypted, for all that share what it has, and how it is told. */
interface Encrypted {
  readonly part: Network;
  readonly scope: string;
  readonly encryption: Encryption;
}

/** Who gives the host another key. */
interface KeyHolder {
  renewKey(): void;
}

/** What tells a secret from others, for comparison. */
function marked({ secret }: Peer): string {
  return Buffer.from(secret).toString("base64");
}

function bySince(one: Host, other: Host): number {
  return one.since < other.since ? -1 : 1;
}

/**
 * Keeps the secrets of a host, in the process that keeps its place: no other one has them.
 *
 * One that was told to the kernel is never told again: counters would begin anew that may not. When
 * somebody else took something of it out of the kernel, the host gets another key, and with that
 * other secrets.
 */
export class Secrets {
  readonly #context: Context;
  readonly #holder: KeyHolder;
  readonly #ending = new AbortController();
  /** One after another, so that what is looked at is what was told last. */
  readonly #rounds: Batch<"tell" | "look">;
  /** The hosts that were told last, by scope. */
  readonly #told = new Map<string, readonly Peer[]>();
  /** The secrets that were ever told, with their scopes, since the host has the key that it has. */
  readonly #spent = new Set<string>();
  readonly #stops: readonly (() => void)[];
  readonly #looking: Promise<void>;

  constructor(context: Context, holder: KeyHolder, repairMs: number) {
    this.#context = context;
    this.#holder = holder;
    this.#rounds = new Batch((works) => this.#do(works));
    this.#stops = [
      context.cluster.view.listen(({ noun }) => noun === "hosts" && this.#tellSoon()),
      context.plan.listen((change) => this.#hearOfPart(change)),
    ];
    this.#tellSoon();
    this.#looking = this.#look(repairMs);
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#ending.abort();
    await this.#looking;
  }

  #hearOfPart({ noun, after }: PlanChange): void {
    if (noun === "networks" && after?.state === "made" && after.value.scope === "cluster") {
      this.#tellSoon();
    }
  }

  #tellSoon(): void {
    this.#rounds.add("tell").catch(() => this.#tellAgain());
  }

  async #tellAgain(): Promise<void> {
    const { signal } = this.#ending;
    await sleep(againMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (!signal.aborted) this.#tellSoon();
  }

  /** Looks from time to time whether the kernel still has what it was told. */
  async #look(repairMs: number): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await sleep(repairMs, undefined, { signal, ref: false }).catch(() => undefined);
      // A look that fails is made again.
      if (!signal.aborted) await this.#rounds.add("look").catch(() => undefined);
    }
  }

  async #do(works: readonly ("tell" | "look")[]): Promise<void> {
    const all = this.#encrypted();
    for (const scope of this.#told.keys()) {
      if (!all.some((one) => one.scope === scope)) this.#told.delete(scope);
    }
    if (await this.#isDisturbed(all)) this.#renew();
    else if (works.includes("tell")) await allEnded(all.map((one) => this.#tell(one)));
  }

  /** All is told anew when others have heard of the other key. */
  #renew(): void {
    this.#told.clear();
    this.#spent.clear();
    this.#holder.renewKey();
  }

  /** The encrypted parts of this host, one of those that share. */
  #encrypted(): Encrypted[] {
    const { drivers } = this.#context;
    const byScope = new Map<string, Encrypted>();
    for (const part of parts(this.#context)) {
      const encryption = drivers.get(part.driver)?.across?.encryption;
      const scope = encryption?.scope(part);
      if (encryption && scope !== undefined) byScope.set(scope, { part, scope, encryption });
    }
    return [...byScope.values()];
  }

  /** The other hosts that have a key; `undefined` if this one's place is another controller's. */
  #peers(): Peer[] | undefined {
    const { key, view, name } = this.#context.cluster;
    if (key === undefined || view.host(name)?.publicKey !== key.publicKey) return undefined;
    const peers = new Map<string, Peer>();
    // A machine whose controller has got another name has both for a while: the later one is there.
    for (const other of view.hosts().toSorted(bySince)) {
      const { address, publicKey = "" } = other;
      const secret = other.name === name ? undefined : key.secretWith(publicKey);
      if (secret !== undefined) peers.set(address, { address, secret });
    }
    return [...peers.values()];
  }

  async #tell({ part, scope, encryption }: Encrypted): Promise<void> {
    const { host } = this.#context;
    await onShared(this.#context, part, async () => {
      // What went meanwhile has taken all of it along.
      const peers = this.#encrypted().some((one) => one.scope === scope)
        ? this.#peers()
        : undefined;
      if (peers === undefined) return;
      const told = new Set(this.#told.get(scope)?.map(marked));
      const come = peers.map(marked).filter((one) => !told.has(one));
      // They were told, and taken out since: with the last part of the scope, or with their host.
      if (come.some((one) => this.#spent.has(`${scope} ${one}`))) return this.#renew();
      await encryption.setPeers(host, part, peers);
      for (const one of come) this.#spent.add(`${scope} ${one}`);
      this.#told.set(scope, peers);
    });
  }

  /** Whether somebody else took away, or put there, what is only ours to tell. */
  async #isDisturbed(all: readonly Encrypted[]): Promise<boolean> {
    if (this.#peers() === undefined) return false;
    const { host } = this.#context;
    for (const { part, scope, encryption } of all) {
      const told = this.#told.get(scope);
      if (told === undefined) continue;
      const problems = await encryption.inspectPeers(host, part, told);
      if (problems.length > 0) return true;
    }
    return false;
  }
}
