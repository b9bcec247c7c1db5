// The leases that one handle of a store holds.

import { randomBytes } from "node:crypto";
import type { CheckedCommit } from "../commit.ts";
import { Endings } from "../endings.ts";
import { HeldLease, leaseLost, uptimeMs } from "../lease.ts";
import type { Lease } from "../store.ts";
import type { Client } from "./client.ts";

/** One that etcd takes, which has 63 bits for it, and nobody else has. */
function newId(): string {
  return `${BigInt(`0x${randomBytes(7).toString("hex")}`) + 1n}`;
}

/** Leases, kept as long as etcd may have them. */
export class Leases {
  readonly #client: Client;
  readonly #held = new Map<string, HeldLease>();
  readonly #endings = new Endings();

  constructor(client: Client) {
    this.#client = client;
  }

  async open(ttlMs: number): Promise<Lease> {
    const [id, begun] = [newId(), uptimeMs()];
    try {
      await this.#client.grant(id, Math.ceil(ttlMs / 1000));
    } catch (error) {
      this.#revokeSoon(id);
      throw error;
    }
    const keeper = {
      renew: (id: string) => this.#client.renew(id),
      revoke: (id: string) => this.#revoke(id),
    };
    const lease = new HeldLease(id, ttlMs, keeper, begun);
    this.#held.set(id, lease);
    lease.ended.addEventListener("abort", () => {
      if (lease.ended.reason.code === "LEASE_LOST") this.#revokeSoon(id);
    });
    return lease;
  }

  async #revoke(id: string): Promise<void> {
    await this.#client.revoke(id);
    this.#held.delete(id);
  }

  /** etcd counts longer than the handle does. If it cannot be told, its own time runs out. */
  #revokeSoon(id: string): void {
    this.#endings.add(this.#revoke(id).catch(() => undefined));
  }

  /** etcd said that it has ended. */
  lose(id: string): void {
    this.#held.get(id)?.lose();
  }

  /** Has those end in etcd, too, that have ended by our own clock. */
  async settle(): Promise<void> {
    for (const lease of this.#held.values()) void lease.ended;
    await this.#endings.settle();
  }

  /** @throws {NetworkError} `LEASE_LOST` if a put names one that has ended, as far as is known here. */
  check({ puts }: CheckedCommit): void {
    for (const { lease } of puts) {
      if (lease === undefined) continue;
      const isOne = /^[1-9]\d{0,17}$/.test(lease);
      if (!isOne || this.#held.get(lease)?.ended.aborted) throw leaseLost("commit", lease);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#held.values()].map((lease) => lease.close()));
    await this.#endings.close();
  }
}
