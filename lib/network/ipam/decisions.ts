// What is to be given or taken back, by what is known: refusals are made here.

import type { Block } from "../../values/block.ts";
import { NetworkError } from "../errors.ts";
import { addressOf, overlap, textOf } from "./blocks.ts";
import { poolsOf, type SubnetRequest } from "./options.ts";
import type { Plan } from "./plan.ts";
import { nextSubnet } from "./pools.ts";
import { checkAddress, checkSubnet, type Subnet, subnetOf } from "./subnet.ts";
import type { SubnetState } from "./subnet-state.ts";

interface Named {
  readonly block: Block;
  readonly name: string;
}

/**
 * The subnet that a request means.
 *
 * @throws {NetworkError} `POOL_EXHAUSTED`, `POOL_OVERLAP`, and what {@link checkSubnet} and
 *   {@link subnetOf} refuse
 */
export function chooseSubnet(request: SubnetRequest, plan: Plan): Subnet {
  const { subnet: named, occupied, holder, allowUnusable } = request;
  const held = Array.from(plan.subnets.values(), ({ block, subnet }) => ({
    block,
    name: subnet.holder,
  }));
  const taken: readonly Named[] = [...held, ...occupied];
  const block = named ?? nextOfPools(request, plan.uniqueLocal, taken);
  checkSubnet(block, named !== undefined && allowUnusable);
  const other = taken.find((one) => overlap(one.block, block));
  if (other === undefined) return subnetOf({ ...request, block });
  throw new NetworkError("POOL_OVERLAP", {
    operation: "allocateSubnet",
    subject: holder,
    reason: `${textOf(block)} overlaps ${textOf(other.block)} of ${JSON.stringify(other.name)}`,
    conflict: other.name,
  });
}

function nextOfPools(request: SubnetRequest, uniqueLocal: string, taken: readonly Named[]): Block {
  const pools = poolsOf(request, uniqueLocal);
  const blocks = taken.map(({ block }) => block);
  const block = nextSubnet(pools, blocks);
  if (block !== undefined) return block;
  const parts = pools.map(({ base, size }) => `${textOf(base)} in /${size}`).join(", ");
  throw new NetworkError("POOL_EXHAUSTED", {
    operation: "allocateSubnet",
    subject: request.holder,
    reason: `no subnet is free of ${parts === "" ? "no pools" : parts}`,
  });
}

/**
 * Refuses to take a subnet back of which addresses are held.
 *
 * @throws {NetworkError} `SUBNET_IN_USE`
 */
export function checkUnused(state: SubnetState): void {
  const [first, ...others] = state.holdings();
  if (first === undefined) return;
  const of = others.length === 0 ? "" : ` and ${others.length} others are held`;
  throw new NetworkError("SUBNET_IN_USE", {
    operation: "releaseSubnet",
    subject: state.subnet.subnet,
    reason: `${JSON.stringify(first.holder)} holds ${first.address}${of}`,
    conflict: first.holder,
  });
}

/** How an address is chosen. */
export interface Choice {
  readonly named: Block | undefined;
  /** Who is given the named one though it is held: by it. */
  readonly holder?: string | undefined;
  /** How many are passed over before one that is not named. */
  readonly skipped?: number;
}

/**
 * The address to give: the named one if it is free, or held by `holder`; or the next.
 *
 * @throws {NetworkError} `POOL_EXHAUSTED`, `ADDRESS_TAKEN`, and what {@link checkAddress} refuses
 */
export function chooseAddress(state: SubnetState, { named, holder, skipped = 0 }: Choice): string {
  return named === undefined ? nextAddress(state, skipped) : freeAddress(state, named, holder);
}

function nextAddress(state: SubnetState, skipped: number): string {
  const { subnet } = state;
  const next = state.nextAfter(skipped);
  if (next !== undefined) return next;
  throw new NetworkError("POOL_EXHAUSTED", {
    operation: "allocateAddress",
    subject: subnet.subnet,
    reason: `no address of ${subnet.range} is free`,
  });
}

function freeAddress(state: SubnetState, named: Block, holder: string | undefined): string {
  const operation = "allocateAddress";
  checkAddress(operation, state.block, named);
  const address = addressOf(named);
  const owner = state.ownerOf(address);
  const isAgain = holder !== undefined && state.holdingOf(address)?.holder === holder;
  if (owner === undefined || isAgain) return address;
  throw new NetworkError("ADDRESS_TAKEN", {
    operation,
    subject: address,
    reason: `it is that of ${JSON.stringify(owner)} in ${state.subnet.subnet}`,
    conflict: owner,
  });
}
