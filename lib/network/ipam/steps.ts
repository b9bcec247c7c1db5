// Each change of address management as one commit.

import type { Commit } from "../store/store.ts";
import type { Plan } from "./plan.ts";
import { type Keys, writeHolder, writeSubnet, writeTurn } from "./records.ts";
import type { Subnet } from "./subnet.ts";
import type { SubnetState } from "./subnet-state.ts";

/** So many releases of a subnet are remembered; who had what before that, nobody knows. */
const rememberedReleases = 65_536;

/** That nobody else changed subnets meanwhile, and that one did now. */
function inTurn({ turn, uniqueLocal }: Plan, keys: Keys) {
  return {
    condition: { key: keys.turn, revision: turn },
    put: { key: keys.turn, value: writeTurn(uniqueLocal) },
  };
}

/** Gives a subnet. */
export function givingSubnet(plan: Plan, keys: Keys, subnet: Subnet): Commit {
  const { condition, put } = inTurn(plan, keys);
  return {
    if: [condition],
    put: [put, { key: keys.subnet(subnet.subnet), value: writeSubnet(subnet) }],
  };
}

/** Takes a subnet back of which no address is held, and what is remembered of its addresses. */
export function takingSubnet(plan: Plan, keys: Keys, subnet: string): Commit {
  const { condition, put } = inTurn(plan, keys);
  return {
    if: [condition, { emptyPrefix: keys.held(subnet) }],
    put: [put],
    delete: [keys.subnet(subnet)],
    deletePrefix: [keys.released(subnet)],
  };
}

/** Gives an address of a subnet that is still the same; to its holder again, if it is held. */
export function givingAddress(
  state: SubnetState,
  keys: Keys,
  address: string,
  { holder, lease }: { readonly holder: string; readonly lease?: string | undefined },
): Commit {
  const { subnet } = state.subnet;
  const key = keys.held(subnet, address);
  const since = state.holdingOf(address)?.revision ?? 0;
  return {
    if: [
      { key: keys.subnet(subnet), revision: state.revision },
      { key, revision: since },
    ],
    put: [{ key, value: writeHolder(holder), ...(lease === undefined ? {} : { lease }) }],
    delete: [keys.released(subnet, address)],
  };
}

/** Takes an address back that has been held since a revision. */
export function takingAddress(
  state: SubnetState,
  keys: Keys,
  address: string,
  since: number,
): Commit {
  const { subnet, strategy } = state.subnet;
  const key = keys.held(subnet, address);
  const taking = { if: [{ key, revision: since }], delete: [key] };
  if (strategy === "lowest" || !state.isInRange(address)) return taking;
  const oldest = state.releases < rememberedReleases ? undefined : state.firstReleased;
  if (oldest !== undefined) taking.delete.push(keys.released(subnet, oldest));
  return { ...taking, put: [{ key: keys.released(subnet, address), value: {} }] };
}

/** Several commits as one. */
export function together(commits: readonly Commit[]): Commit {
  return {
    if: commits.flatMap((commit) => commit.if ?? []),
    put: commits.flatMap(({ put = [] }) => put),
    delete: commits.flatMap((commit) => commit.delete ?? []),
    deletePrefix: commits.flatMap(({ deletePrefix = [] }) => deletePrefix),
  };
}
