// All subnets and addresses of a space, as this process knows them: read from the store once, and
// then brought up to date by what was changed.

import { randomBytes } from "node:crypto";
import type { Change, Entry, Store } from "../store/store.ts";
import { Tail } from "../store/tail.ts";
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
  readonly #keys: Keys;
  readonly #tail: Tail;

  constructor(store: Store, keys: Keys) {
    this.#keys = keys;
    this.#tail = new Tail(store, keys.prefix, {
      begin: (entries) => this.#begin(entries),
      apply: (changes, revision) => {
        for (const change of changes) this.#apply(change, revision);
      },
    });
  }

  /** Catches up with the store: every commit that was settled before is known afterwards. */
  async refresh(): Promise<void> {
    await this.#tail.refresh();
  }

  /** Takes note of a commit, unless it is known. */
  learn(revision: number, changes: readonly Change[]): void {
    if (this.#tail.has(revision)) return;
    for (const change of changes) this.#apply(change, revision);
  }

  /** Subnets come before what is in them. */
  #begin(entries: readonly Entry[]): void {
    this.subnets.clear();
    this.turn = 0;
    const isSubnet = (key: string) => this.#keys.parse(key).kind === "subnets";
    for (const entry of entries.filter(({ key }) => isSubnet(key))) {
      this.#apply(entry, entry.revision);
    }
    for (const entry of entries.filter(({ key }) => !isSubnet(key))) {
      this.#apply(entry, entry.revision);
    }
  }

  #apply({ key, value }: Change, revision: number): void {
    const { kind, subnet, address } = this.#keys.parse(key);
    const state = this.subnets.get(subnet);
    if (kind === "turn") {
      // It goes with the host that the space is of.
      this.turn = value === undefined ? 0 : revision;
      if (value !== undefined) this.uniqueLocal = readTurn(key, value);
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
