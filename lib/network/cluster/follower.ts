// Brings into the kernel what this host's parts of networks have to know of other hosts, as it changes.

import { setTimeout as sleep } from "node:timers/promises";
import { allEnded } from "../../values/all-ended.ts";
import { Batch } from "../../values/batch.ts";
import { groupBy } from "../../values/group.ts";
import type { Context } from "../context.ts";
import type { AcrossHosts, Remote } from "../drivers/driver.ts";
import type { Network } from "../model.ts";
import type { PlanChange } from "../plan.ts";
import { parts } from "./parts.ts";
import { remoteOf, remotesOf, tellAll, tellChange } from "./remotes.ts";
import type { ClusterChange } from "./view.ts";

/** What is to be brought to a part: one endpoint or block that came or went, or all of them. */
interface News {
  readonly network: string;
  readonly come?: Remote | undefined;
  readonly gone?: Remote | undefined;
}

/** Milliseconds until a part is told again what it could not be told. */
const againMs = 1000;

/** Follows other hosts for the parts of a host. */
export class Follower {
  readonly #context: Context;
  readonly #ending = new AbortController();
  /** One after another, each for all that changed while the one before was done. */
  readonly #rounds: Batch<News>;
  readonly #stops: readonly (() => void)[];
  readonly #looking: Promise<void>;

  constructor(context: Context, repairMs: number) {
    this.#context = context;
    this.#rounds = new Batch((news) => this.#bring(news));
    this.#stops = [
      context.cluster.view.listen((change) => this.#hear(change)),
      context.plan.listen((change) => this.#hearOfPart(change)),
    ];
    context.cluster.follow();
    // What changed while no controller of the host was there, the kernel does not know yet.
    for (const { id: network } of parts(context)) this.#add({ network });
    this.#looking = this.#look(repairMs);
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#ending.abort();
    await this.#looking;
  }

  #part(id: string): Network | undefined {
    const planned = this.#context.plan.networks.get(id);
    return planned?.state === "made" && planned.value.scope === "cluster"
      ? planned.value
      : undefined;
  }

  #across(network: string): AcrossHosts | undefined {
    const part = this.#part(network);
    return part && this.#context.drivers.get(part.driver)?.across;
  }

  #hear({ noun, before, after }: ClusterChange): void {
    if (noun !== "members" && noun !== "blocks") return;
    const { network } = (after ?? before) as { readonly network: string };
    const across = this.#across(network);
    if (across === undefined || (across.remotes === "blocks") !== (noun === "blocks")) return;
    const [come, gone] = [after, before].map((one) => one && remoteOf(this.#context, one));
    if (JSON.stringify(come) !== JSON.stringify(gone)) this.#add({ network, come, gone });
  }

  /** What another controller of the host has made may be behind by now. */
  #hearOfPart({ noun, before, after }: PlanChange): void {
    if (noun !== "networks" || after?.state !== "made" || before?.state === "made") return;
    if (after.value.scope === "cluster") this.#add({ network: after.value.id });
  }

  #add(news: News): void {
    this.#rounds.add(news).catch(() => this.#addAgain(news));
  }

  /** After a failure, a moment later, the part is told everything. */
  async #addAgain({ network }: News): Promise<void> {
    const { signal } = this.#ending;
    await sleep(againMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (!signal.aborted) this.#add({ network });
  }

  async #bring(all: readonly News[]): Promise<void> {
    const byNetwork = groupBy(all, ({ network }) => network);
    await allEnded(Array.from(byNetwork, ([id, news]) => this.#bringTo(id, news)));
  }

  async #bringTo(id: string, news: readonly News[]): Promise<void> {
    const part = this.#part(id);
    if (part === undefined) return;
    const isWhole = news.some(({ come, gone }) => come === undefined && gone === undefined);
    try {
      if (isWhole) await tellAll(this.#context, part);
      else await tellChange(this.#context, part, summed(news));
    } catch (error) {
      // A part that went meanwhile has taken all of it along.
      if (this.#part(id) !== undefined) throw error;
    }
  }

  /** Looks at all parts from time to time: at what others changed in the kernel, and what failed. */
  async #look(repairMs: number): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await sleep(repairMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      this.#context.cluster.follow();
      const { drivers, host, cluster } = this.#context;
      await cluster.view.refresh().catch(() => undefined);
      for (const part of parts(this.#context)) {
        const across = drivers.get(part.driver)?.across;
        const remotes = remotesOf(this.#context, part);
        const findings = await across?.inspectRemotes(host, part, remotes).catch(() => []);
        if (findings !== undefined && findings.length > 0) this.#add({ network: part.id });
      }
    }
  }
}

/** What several changes come to: of each endpoint or block, the last. */
function summed(news: readonly News[]): { come: Remote[]; gone: Remote[] } {
  const come = new Map<string, Remote>();
  const gone = new Map<string, Remote>();
  for (const { come: one, gone: other } of news) {
    if (other !== undefined && !gone.has(keyOf(other))) gone.set(keyOf(other), other);
    if (other !== undefined) come.delete(keyOf(other));
    if (one !== undefined) come.set(keyOf(one), one);
  }
  // What came as it was is not gone.
  for (const key of come.keys()) gone.delete(key);
  return { come: [...come.values()], gone: [...gone.values()] };
}

/** Remotes are told apart by all that the kernel is told of them. */
function keyOf({ host, mac, addresses }: Remote): string {
  return [host, mac, ...addresses].join(" ");
}
