// Address management: who holds which subnet, and which address of it.

import { isDeepStrictEqual } from "node:util";
import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { NetworkError } from "../errors.ts";
import type { Change, Commit, Condition, Store } from "../store/store.ts";
import { addressArgument, addressOf } from "./blocks.ts";
import { Crowd } from "./crowd.ts";
import { checkUnused, chooseAddress, chooseSubnet } from "./decisions.ts";
import {
  type AllocateAddressesOptions,
  type AllocateAddressOptions,
  type AllocateSubnetOptions,
  nameArgument,
  type ReleaseAddressesOptions,
  type ReleaseAddressOptions,
  type ReleaseSubnetOptions,
  subnetArgument,
  subnetRequest,
} from "./options.ts";
import { Plan } from "./plan.ts";
import { Keys } from "./records.ts";
import { givingAddress, givingSubnet, takingAddress, takingSubnet, together } from "./steps.ts";
import type { Subnet } from "./subnet.ts";
import type { SubnetState } from "./subnet-state.ts";

/** Where address management keeps what it gave. */
export interface IpamOptions {
  readonly store: Store;
  /**
   * Subnets of one space do not overlap; those of different spaces may. 1 to 64 letters, digits, `.`,
   * `_` and `-`. Default: `"default"`.
   */
  readonly space?: string;
}

/** An address that somebody holds. */
export interface HeldAddress {
  readonly address: string;
  readonly holder: string;
}

/** A subnet and the use that is made of it. */
export interface SubnetDescription extends Subnet {
  /** How many addresses of the range can be given. */
  readonly size: bigint;
  /** How many of these nobody holds. */
  readonly free: bigint;
  /** In the order of the addresses, those outside the range included. */
  readonly held: readonly HeldAddress[];
}

/** What is attempted, of what, and whether the plan is needed for it. */
interface Attempt {
  readonly operation: string;
  readonly subject: string;
  readonly asking?: boolean;
}

/** How often a change is tried while others change the same. */
const mostAttempts = 100;

/**
 * Gives subnets and addresses, and takes them back. What it gave is in the store, nowhere else:
 * several of them on one store, in one process or in many, never give one address to two holders.
 *
 * Each allocation and each release is one commit. If a process ends between an allocation and its
 * use, the address stays with the holder that was named, and {@link describe} tells of it.
 *
 * Every method rejects with the errors of the store, too.
 */
export class Ipam {
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #plan: Plan;
  /** Keeps hosts that give addresses at the same time from choosing the same. */
  readonly #crowd = new Crowd();
  /** The last of the calls that change subnets: they wait for each other. */
  #last: Promise<unknown> = Promise.resolve();

  /** @throws {RangeError} `ERR_OUT_OF_RANGE` if the space's name is none. */
  constructor(options: IpamOptions) {
    refuseUnknown("options", options, ["store", "space"]);
    const { store, space = "default" } = options;
    if (typeof store?.commit !== "function") {
      throw invalidArgument("type", "store", "must be a store");
    }
    if (typeof space !== "string") throw invalidArgument("type", "space", "must be a string");
    if (!/^[\w.-]{1,64}$/.test(space)) {
      throw invalidArgument("range", "space", "must be 1 to 64 letters, digits, '.', '_' and '-'");
    }
    this.#store = store;
    this.#keys = new Keys(space);
    this.#plan = new Plan(store, this.#keys);
  }

  /**
   * Gives a subnet: the named one, or the first of the pools that overlaps nothing. A gateway that is
   * not named is the first address of the range, as with Docker.
   *
   * @throws {NetworkError} `POOL_EXHAUSTED` if no subnet of the pools is free.
   * @throws {NetworkError} `POOL_OVERLAP` if the named one overlaps another subnet of the space, or
   *   something that is `occupied`; `conflict` is its holder or name.
   * @throws {NetworkError} `SUBNET_INVALID` if it has host bits set, has loopback, multicast or other
   *   addresses that no host can have, or if the range is no part of it.
   * @throws {NetworkError} `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED`, `ADDRESS_TAKEN` if the gateway or an
   *   auxiliary address is not in it, is its network's or broadcast address, or is named twice.
   * @throws {NetworkError} `STORE_BUSY` if other processes changed subnets all the time.
   */
  async allocateSubnet(options: AllocateSubnetOptions): Promise<Subnet> {
    const request = subnetRequest(options);
    return await this.#changeSubnets("allocateSubnet", request.holder, async () => {
      const subnet = chooseSubnet(request, this.#plan);
      const { committed } = await this.#store.commit(givingSubnet(this.#plan, this.#keys, subnet));
      return committed ? subnet : undefined;
    });
  }

  /**
   * Takes a subnet back, and what is remembered of its addresses. False if the holder does not hold
   * it, so that it can be called again.
   *
   * @throws {NetworkError} `SUBNET_IN_USE` while addresses are held; `conflict` is one's holder.
   * @throws {NetworkError} `STORE_BUSY` if other processes changed subnets all the time.
   */
  async releaseSubnet(options: ReleaseSubnetOptions): Promise<boolean> {
    refuseUnknown("options", options, ["subnet", "holder"]);
    const subnet = this.#subnetArgument(options.subnet);
    const holder = nameArgument("holder", options.holder);
    return await this.#changeSubnets("releaseSubnet", subnet, async () => {
      const state = this.#plan.subnets.get(subnet);
      if (state?.subnet.holder !== holder) return false;
      checkUnused(state);
      const { committed } = await this.#store.commit(takingSubnet(this.#plan, this.#keys, subnet));
      return committed ? true : undefined;
    });
  }

  /**
   * Gives an address of a subnet: the named one, or the next of the range, which depends on the
   * subnet's strategy. Takes the same time however many are held.
   *
   * @throws {NetworkError} `SUBNET_MISSING` if there is no such subnet.
   * @throws {NetworkError} `POOL_EXHAUSTED` if no address of the range is free.
   * @throws {NetworkError} `ADDRESS_TAKEN` if the named one is held, or reserved as the gateway's or
   *   an auxiliary one; `conflict` is the holder or says so.
   * @throws {NetworkError} `ADDRESS_OUTSIDE`, `ADDRESS_RESERVED` if the named one is not in the
   *   subnet, or is its network's, broadcast or anycast address.
   * @throws {NetworkError} `STORE_BUSY` if other processes took every address first.
   */
  async allocateAddress(options: AllocateAddressOptions): Promise<string> {
    refuseUnknown("options", options, ["subnet", "holder", "address", "again", "lease"]);
    const [address] = await this.allocateAddresses({ requests: [options] });
    if (address === undefined) throw new Error("allocateAddress: none was given");
    return address;
  }

  /**
   * Gives addresses of several subnets, and makes further changes of the caller's, in one commit: all
   * of it or nothing.
   *
   * @throws {NetworkError} as {@link Ipam.allocateAddress}; `STORE_CONFLICT` if a condition of the
   *   caller's own does not hold.
   */
  async allocateAddresses(options: AllocateAddressesOptions): Promise<readonly string[]> {
    refuseUnknown("options", options, ["requests", "with"]);
    const operation = "allocateAddress";
    const requests = options.requests.map(({ subnet, holder, address, again, lease }) => ({
      subnet: this.#subnetArgument(subnet),
      holder: nameArgument("holder", holder),
      named: address === undefined ? undefined : addressArgument("address", address),
      again: again === true,
      lease,
    }));
    const subject = requests.map(({ subnet }) => subnet).join(" ");
    const asking = requests.length > 0;
    return await this.#attempt({ operation, subject, asking }, async () => {
      const chosen = requests.map(({ subnet, holder, named, again, lease }) => {
        const state = this.#getSubnet(operation, subnet);
        // An address that hangs on a lease is one that several hosts give.
        const skipped = lease === undefined ? 0 : this.#crowd.skip();
        const choice = { named, holder: again ? holder : undefined, skipped };
        const address = chooseAddress(state, choice);
        return { state, holder, lease, address };
      });
      const addresses = chosen.map(({ address }) => address);
      const own = options.with?.(addresses) ?? {};
      const giving = chosen.map(({ state, holder, lease, address }) =>
        givingAddress(state, this.#keys, address, { holder, lease }),
      );
      const commit = together([...giving, own]);
      const hold = chosen.reduceRight<() => Promise<boolean>>(
        (work, { state, address }) =>
          () =>
            state.allocating(address, work),
        () => this.#commit(operation, commit, own),
      );
      const isOurs = await hold();
      this.#crowd.note(isOurs);
      return isOurs ? addresses : undefined;
    });
  }

  /** False if something was changed that is not known yet. */
  async #commit(operation: string, commit: Commit, own: Commit): Promise<boolean> {
    const outcome = await this.#store.commit(commit);
    if (outcome.committed) {
      this.#plan.learn(outcome.revision, this.#ownChanges(commit));
      return true;
    }
    const { conflict } = outcome;
    if (!own.if?.some((condition) => isDeepStrictEqual(condition, conflict))) return false;
    const subject = "key" in conflict ? conflict.key : conflict.emptyPrefix;
    const reason = "what was to be changed with it has changed meanwhile";
    throw new NetworkError("STORE_CONFLICT", { operation, subject, reason });
  }

  /** What a commit changes of the space; the rest is the caller's own. */
  #ownChanges({ put = [], delete: deleted = [] }: Commit): Change[] {
    const changes: Change[] = [...put, ...deleted.map((key) => ({ key }))];
    return changes.filter(({ key }) => key.startsWith(this.#keys.prefix));
  }

  /**
   * Takes an address back. False if the holder does not hold it, so that it can be called again, and
   * a second call never takes it from the next holder.
   *
   * @throws {NetworkError} `STORE_BUSY` if other processes changed the same address all the time.
   */
  async releaseAddress(options: ReleaseAddressOptions): Promise<boolean> {
    refuseUnknown("options", options, ["subnet", "holder", "address"]);
    const subnet = this.#subnetArgument(options.subnet);
    const holder = nameArgument("holder", options.holder);
    const address = addressOf(addressArgument("address", options.address));
    return await this.#attempt({ operation: "releaseAddress", subject: address }, async () => {
      const state = this.#plan.subnets.get(subnet);
      const held = state?.holdingOf(address);
      if (state === undefined || held?.holder !== holder) return false;
      const { committed } = await this.#store.commit(
        takingAddress(state, this.#keys, address, held.revision),
      );
      return committed ? true : undefined;
    });
  }

  /**
   * Takes back what a holder has of some addresses, and makes further changes of the caller's, in one
   * commit. What it does not hold is passed over, so that it can be called again.
   *
   * @throws {NetworkError} `STORE_BUSY` if other processes changed the same addresses all the time;
   *   `STORE_CONFLICT` if a condition of the caller's own does not hold.
   */
  async releaseAddresses(options: ReleaseAddressesOptions): Promise<void> {
    refuseUnknown("options", options, ["holder", "addresses", "with"]);
    const operation = "releaseAddress";
    const holder = nameArgument("holder", options.holder);
    const own = options.with ?? {};
    const asking = options.addresses.length > 0;
    await this.#attempt({ operation, subject: holder, asking }, async () => {
      const taking = options.addresses.flatMap(({ subnet, address }) => {
        const state = this.#plan.subnets.get(this.#subnetArgument(subnet));
        const text = addressOf(addressArgument("address", address));
        const held = state?.holdingOf(text);
        if (state === undefined || held?.holder !== holder) return [];
        return takingAddress(state, this.#keys, text, held.revision);
      });
      return (await this.#commit(operation, together([...taking, own]), own)) ? true : undefined;
    });
  }

  /** What holds as long as nobody has an address of some subnets, as conditions of a commit. */
  unheld(subnets: readonly string[]): Condition[] {
    return subnets.map((subnet) => ({ emptyPrefix: this.#keys.held(subnet) }));
  }

  /** All subnets of the space, IPv4 first, in the order of their addresses. */
  async listSubnets(): Promise<readonly Subnet[]> {
    await this.#plan.refresh();
    const states = [...this.#plan.subnets.values()];
    states.sort(({ block: one }, { block: other }) =>
      one.bits === other.bits ? (one.value < other.value ? -1 : 1) : one.bits - other.bits,
    );
    return states.map(({ subnet }) => subnet);
  }

  /** All addresses that are held, of all subnets of the space. */
  async listHeld(): Promise<readonly (HeldAddress & { readonly subnet: string })[]> {
    await this.#plan.refresh();
    return Array.from(this.#plan.subnets.values(), (state) =>
      state.holdings().map(({ address, holder }) => ({
        ...{ address, holder, subnet: state.subnet.subnet },
      })),
    ).flat();
  }

  /**
   * A subnet, who holds which address of it, and how many are free.
   *
   * @throws {NetworkError} `SUBNET_MISSING` if there is no such subnet.
   */
  async describe(subnet: string): Promise<SubnetDescription> {
    const text = this.#subnetArgument(subnet);
    await this.#plan.refresh();
    const state = this.#getSubnet("describe", text);
    const held = state.holdings().map(({ address, holder }) => ({ address, holder }));
    return { ...state.subnet, ...state.count(), held };
  }

  /** Which subnet is meant; those that are known are in the library's form. */
  #subnetArgument(subnet: string): string {
    return this.#plan.subnets.has(subnet) ? subnet : subnetArgument(subnet);
  }

  #getSubnet(operation: string, subnet: string): SubnetState {
    const state = this.#plan.subnets.get(subnet);
    if (state !== undefined) return state;
    const reason = "there is no such subnet";
    throw new NetworkError("SUBNET_MISSING", { operation, subject: subnet, reason });
  }

  /** Does work on the subnets after what was begun before, so that calls do not hinder each other. */
  async #changeSubnets<T>(
    operation: string,
    subject: string,
    work: () => Promise<T | undefined>,
  ): Promise<T> {
    const turn = this.#last.then(() => this.#attempt({ operation, subject }, work));
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  /**
   * Does work on the present plan; anew, while it comes to nothing because others were first. Work
   * that asks for nothing of the space need not know it.
   */
  async #attempt<T>(
    { operation, subject, asking = true }: Attempt,
    work: () => Promise<T | undefined>,
  ): Promise<T> {
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      if (asking) await this.#plan.refresh();
      const result = await work();
      if (result !== undefined) return result;
    }
    const reason = `others changed the same ${mostAttempts} times`;
    throw new NetworkError("STORE_BUSY", { operation, subject, reason });
  }
}
