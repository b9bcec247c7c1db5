// The leases that one handle of a store holds, and the end of those that nobody holds any more.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { CheckedCommit } from "../commit.ts";
import { Endings } from "../endings.ts";
import { HeldLease, leaseLost, uptimeMs } from "../lease.ts";
import { pauseMs } from "../pause.ts";
import type { Lease } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { Layout } from "./layout.ts";
import type { Replica } from "./replica.ts";
import type { Session } from "./session.ts";
import type { Writer } from "./writer.ts";

interface Held {
  readonly lease: HeldLease;
  readonly session: Session;
}

/** What leases need of their store. */
export interface LeasesOptions {
  readonly connection: Connection;
  readonly layout: Layout;
  readonly replica: Replica;
  readonly writer: Writer;
}

/** Leases, each a session of its own and a node that goes with it. */
export class Leases {
  readonly #connection: Connection;
  readonly #layout: Layout;
  readonly #replica: Replica;
  readonly #writer: Writer;
  readonly #held = new Map<string, Held>();
  readonly #endings = new Endings();
  /** Those that there were when the nodes were read last. */
  #known = new Set<string>();
  #sweeping: Promise<void> | undefined;
  /** Whether the nodes may have changed since. */
  #isStale = true;
  #closed = false;

  constructor({ connection, layout, replica, writer }: LeasesOptions) {
    this.#connection = connection;
    this.#layout = layout;
    this.#replica = replica;
    this.#writer = writer;
  }

  async open(ttlMs: number): Promise<Lease> {
    const [id, begun] = [randomUUID(), uptimeMs()];
    const session = await this.#connection.begin(ttlMs, {
      onEnd: () => this.#held.get(id)?.lease.lose(),
    });
    try {
      await session.create(this.#layout.lease(id), Buffer.alloc(0), "ephemeral");
    } catch (error) {
      session.close();
      throw error;
    }
    const keeper = {
      renew: () => session.exists(this.#layout.lease(id)),
      revoke: () => this.#revoke(id),
      leave: () => this.#leave(id),
    };
    // The server may not be willing to wait so long.
    const lease = new HeldLease(id, Math.min(ttlMs, session.timeoutMs), keeper, begun);
    this.#held.set(id, { lease, session });
    this.#known.add(id);
    lease.ended.addEventListener("abort", () => {
      if (lease.ended.reason.code === "LEASE_LOST") this.#revokeSoon(id);
    });
    return lease;
  }

  async #revoke(id: string): Promise<void> {
    const { session } = this.#held.get(id) ?? {};
    this.#held.delete(id);
    // Its node goes with it; if the server does not hear of that now, then when its time is over.
    session?.close();
    await this.#connection.repeat("openLease", (other) => other.remove(this.#layout.lease(id)));
    await this.#writer.end([id]);
  }

  #revokeSoon(id: string): void {
    this.#endings.add(this.#revoke(id).catch(() => this.sweepSoon()));
  }

  #leave(id: string): void {
    this.#held.get(id)?.session.abandon();
    this.#held.delete(id);
  }

  /** Has those end in the store, too, that have ended by our own clock. */
  async settle(): Promise<void> {
    for (const { lease } of this.#held.values()) void lease.ended;
    await this.#endings.settle();
  }

  /** @throws {NetworkError} `LEASE_LOST` if a put names one that has ended, or never began. */
  async check({ puts }: CheckedCommit): Promise<void> {
    const leases = new Set(puts.flatMap(({ lease }) => (lease === undefined ? [] : [lease])));
    for (const id of leases) {
      if (this.#held.get(id)?.lease.ended.aborted === false) continue;
      await this.#look();
      if (!this.#known.has(id)) throw leaseLost("commit", id);
    }
  }

  async #look(): Promise<void> {
    this.#isStale = false;
    const { root, leases } = this.#layout;
    const names = await this.#connection.repeat("openLease", async (session) => {
      const [, children] = await Promise.all([
        session.sync(root),
        session.children(leases, { watch: true }),
      ]);
      return children;
    });
    this.#known = new Set(names);
  }

  /** Ends leases whose nodes are gone, soon; to be called whenever there may be such. */
  sweepSoon(): void {
    this.#isStale = true;
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
  }

  /** Looks again if a key hangs on a lease that is not known: it may have ended before it was put. */
  sweepIfStrange(): void {
    const leases = [...this.#replica.state.ledger.leases];
    if (leases.some((id) => !this.#known.has(id))) this.sweepSoon();
  }

  async #sweep(): Promise<void> {
    for (let failures = 0; this.#isStale && !this.#closed; ) {
      try {
        await this.sweep();
      } catch {
        this.#isStale = true;
        await sleep(pauseMs(failures), undefined, { ref: false });
        failures += 1;
      }
    }
  }

  /** Ends leases whose nodes are gone. */
  async sweep(): Promise<void> {
    await this.#look();
    // Answers of one session come in the order of its questions: what is known of keys was so before the
    // nodes were read, so that no lease is taken for ended that has begun since.
    const gone = [...this.#replica.state.ledger.leases].filter((id) => !this.#known.has(id));
    if (gone.length > 0) await this.#writer.end(gone);
  }

  async close(): Promise<void> {
    const leases = [...this.#held.values()].map(({ lease }) => lease.close());
    await Promise.allSettled(leases);
    await this.#endings.close();
    this.#closed = true;
    await this.#sweeping;
  }
}
