// All subnets and addresses of a space, as this process knows them: read from the store once, and
// then brought up to date by what was changed.

import { randomBytes } from "node:crypto";
import { NetworkError } from "../errors.ts";
import type { Change, Store } from "../store/store.ts";
import { textOf } from "./blocks.ts";
import { type Keys, readHolder, readSubnet, readTurn } from "./records.ts";
import { SubnetState } from "./subnet-state.ts";

/** A prefix for one site, as RFC 4193 wants it: with 40 random bits. */
function randomUniqueLocal(): string {
  const value = BigInt(`0xfd${randomBytes(5).toString("hex")}`) << 80n;
  return textOf({ family: "inet6", bits: 128, value, prefixLength: 48 });
}

/** What the store says, as of the last refresh. */
export class Plan {
  readonly subnets: Map<string, SubnetState> = new Map();
  /** The revision of the turn, which every change of the subnets puts. */
  turn = 0;
  /** From which prefix IPv6 subnets are taken: a proposal, until the store has one. */
  uniqueLocal: string = randomUniqueLocal();
  readonly #store: Store;
  readonly #keys: Keys;
  /** All commits up to this are known; `undefined` if everything is to be read. */
  #revision: number | undefined;
  #epoch: number | undefined;
  /** The refresh that has begun. */
  #present: Promise<void> = Promise.resolve();
  /** The one that begins after it, for all who ask until then. */
  #next: Promise<void> | undefined;

  constructor(store: Store, keys: Keys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** Catches up with the store: every commit that was settled before is known afterwards. */
  async refresh(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = this.#present.then(() => {
        this.#next = undefined;
        return this.#catchUp();
      });
      this.#present = this.#next.catch(() => undefined);
    }
    await this.#next;
  }

  /** Takes note of a commit, unless it is known. */
  learn(revision: number, changes: readonly Change[]): void {
    if (this.#revision === undefined || revision <= this.#revision) return;
    for (const change of changes) this.#apply(change, revision);
  }

  async #catchUp(): Promise<void> {
    if (this.#revision === undefined) return await this.#readAll();
    try {
      const history = await this.#store.changes(this.#keys.prefix, this.#revision);
      const { commits, revision, epoch } = history;
      if (epoch !== this.#epoch) return await this.#readAll();
      for (const committed of commits) this.learn(committed.revision, committed.changes);
      this.#revision = revision;
    } catch (error) {
      if (!(error instanceof NetworkError) || error.code !== "STORE_COMPACTED") throw error;
      await this.#readAll();
    }
  }

  async #readAll(): Promise<void> {
    const { entries, revision, epoch } = await this.#store.list(this.#keys.prefix);
    this.#epoch = epoch;
    this.subnets.clear();
    this.turn = 0;
    const isSubnet = (key: string) => this.#keys.parse(key).kind === "subnets";
    for (const entry of entries.filter(({ key }) => isSubnet(key))) {
      this.#apply(entry, entry.revision);
    }
    for (const entry of entries.filter(({ key }) => !isSubnet(key))) {
      this.#apply(entry, entry.revision);
    }
    this.#revision = revision;
  }

  #apply({ key, value }: Change, revision: number): void {
    const { kind, subnet, address } = this.#keys.parse(key);
    const state = this.subnets.get(subnet);
    if (kind === "turn" && value !== undefined) {
      this.turn = revision;
      this.uniqueLocal = readTurn(key, value);
    } else if (kind === "subnets") {
      if (value === undefined) this.subnets.delete(subnet);
      else this.subnets.set(subnet, new SubnetState(readSubnet(key, value), revision));
    } else if (kind === "held") {
      if (value === undefined) state?.letGo(address);
      else state?.hold(address, readHolder(key, value), revision);
    } else if (kind === "released") {
      if (value === undefined) state?.forget(address);
      else state?.remember(address, revision);
    }
  }
}
