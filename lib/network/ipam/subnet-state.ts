// A subnet with its addresses, as this process knows them.

import { type Block, boundsOf, parseBlock } from "../../values/block.ts";
import { addressOf } from "./blocks.ts";
import { Pool } from "./pool.ts";
import { purposeOf, type Subnet } from "./subnet.ts";

/** Who holds an address, and since which revision. */
export interface Holding {
  readonly address: string;
  readonly value: bigint;
  readonly holder: string;
  readonly revision: number;
}

/** What is known of a subnet. Which address is given next follows from what is held and released. */
export class SubnetState {
  readonly subnet: Subnet;
  readonly block: Block;
  /** Of the subnet's record. */
  readonly revision: number;
  readonly #range: Block;
  readonly #pool: Pool;
  /** The addresses that are given to nobody, and why. */
  readonly #reserved = new Map<string, string>();
  readonly #held = new Map<string, Holding>();
  /** The addresses that were released, by the revision of that; not all, of very many. */
  readonly #released = new Map<string, number>();
  /** What calls of this process are just allocating. */
  readonly #allocating = new Set<string>();

  constructor(subnet: Subnet, revision: number) {
    this.subnet = subnet;
    this.revision = revision;
    this.block = parseBlock(subnet.subnet);
    this.#range = parseBlock(subnet.range);
    const { bits, prefixLength, value: low } = this.#range;
    this.#pool = new Pool({ low, bits: bits - prefixLength });
    this.#reserve();
  }

  #reserve(): void {
    const { gateway, auxiliary } = this.subnet;
    for (const value of this.#own()) this.#pool.take(value);
    for (const [name, address] of Object.entries(auxiliary)) {
      this.#reserved.set(address, `auxiliary ${JSON.stringify(name)}`);
    }
    if (gateway !== undefined) this.#reserved.set(gateway, "the gateway");
    for (const address of this.#reserved.keys()) this.#pool.take(parseBlock(address).value);
  }

  /** The subnet's own addresses: its network's and the broadcast address. */
  #own(): bigint[] {
    const { low, high } = boundsOf(this.block);
    return [low, high].filter((value) => purposeOf(this.block, value) !== undefined);
  }

  /** Who has an address, if it is somebody's; "the gateway" for one. */
  ownerOf(address: string): string | undefined {
    return this.#reserved.get(address) ?? this.#held.get(address)?.holder;
  }

  /** Since when, and by whom, an address is held; `undefined` if it is not. */
  holdingOf(address: string): Holding | undefined {
    return this.#held.get(address);
  }

  /** All that is held, in the order of the addresses. */
  holdings(): Holding[] {
    return [...this.#held.values()].sort((one, other) => (one.value < other.value ? -1 : 1));
  }

  /** How many releases are remembered. */
  get releases(): number {
    return this.#released.size;
  }

  /** The address to give next; `undefined` if all are taken. */
  get next(): string | undefined {
    const value = this.#pool.next;
    return value === undefined ? undefined : addressOf({ bits: this.block.bits, value });
  }

  /** The address that would be next after so many, or the last that there is. */
  nextAfter(skipped: number): string | undefined {
    const passed: string[] = [];
    for (let n = 0; n <= skipped; n += 1) {
      const { next } = this;
      if (next === undefined) break;
      this.#pool.take(parseBlock(next).value);
      passed.push(next);
    }
    for (const address of passed) this.#settle(address);
    return passed.at(-1);
  }

  /** The address whose release is the longest ago. */
  get firstReleased(): string | undefined {
    const value = this.#pool.firstReleased;
    return value === undefined ? undefined : addressOf({ bits: this.block.bits, value });
  }

  /** True if an address can be given without being asked for. */
  isInRange(address: string): boolean {
    return this.#pool.covers(parseBlock(address).value);
  }

  /** How many addresses of the range can be given, and how many of these nobody holds. */
  count(): { size: bigint; free: bigint } {
    const { low, high } = boundsOf(this.#range);
    const reserved = Array.from(this.#reserved.keys(), (address) => parseBlock(address).value);
    const countIn = (values: bigint[]) =>
      BigInt(values.filter((value) => this.#pool.covers(value)).length);
    const size = high - low + 1n - countIn([...this.#own(), ...reserved]);
    return { size, free: size - countIn(Array.from(this.#held.values(), ({ value }) => value)) };
  }

  /** Somebody holds an address since a revision. */
  hold(address: string, holder: string, revision: number): void {
    if (this.#held.get(address)?.revision === revision) return;
    const { value } = parseBlock(address);
    this.#held.set(address, { address, value, holder, revision });
    this.#settle(address);
  }

  /** Nobody holds an address any more. */
  letGo(address: string): void {
    this.#held.delete(address);
    this.#settle(address);
  }

  /** An address was released, at a revision. */
  remember(address: string, revision: number): void {
    this.#released.set(address, revision);
    this.#settle(address);
  }

  /** It is of no matter any more that an address was released. */
  forget(address: string): void {
    this.#released.delete(address);
    this.#settle(address);
  }

  /** Keeps an address from other calls of this process while work is done that allocates it. */
  async allocating<T>(address: string, work: () => Promise<T>): Promise<T> {
    this.#allocating.add(address);
    this.#settle(address);
    try {
      return await work();
    } finally {
      this.#allocating.delete(address);
      this.#settle(address);
    }
  }

  /** Makes the pool know what became of an address. */
  #settle(address: string): void {
    if (this.#reserved.has(address)) return;
    const held = this.#held.get(address);
    const value = held?.value ?? parseBlock(address).value;
    const order = this.#released.get(address);
    if (held !== undefined || this.#allocating.has(address)) this.#pool.take(value);
    else if (order !== undefined) this.#pool.release(value, order);
    else this.#pool.forget(value);
  }
}
