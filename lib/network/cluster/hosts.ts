// The hosts that a store knows: those that are there, and those that are not, which can be removed.

import { isDeepStrictEqual } from "node:util";
import { groupBy } from "../../values/group.ts";
import type { Context } from "../context.ts";
import { NetworkError } from "../errors.ts";
import { Keys as AddressKeys, everyAddressSpace, readHolder } from "../ipam/records.ts";
import { everyHost, Keys, readRecord } from "../keys.ts";
import type { Commit, Condition, Entry } from "../store/store.ts";
import { type Host, holderOf, places, sharedSpace } from "./records.ts";

const operation = "removeHost";

/** So many records, each with the condition that it is as known, go in one commit. */
const together = 40;

/** How often it is tried while others change the same. */
const mostAttempts = 100;

/** What the store keeps for a host whose place nobody keeps. */
export interface AbsentHost {
  /** The name of its controllers. */
  readonly name: string;
  readonly absent: true;
  /** By which others reached it, if it has something on a network across hosts. */
  readonly address?: string;
  /** How many sandboxes it has, as far as the store knows. */
  readonly sandboxes: number;
  /** A process changes its plan or serves its names, without keeping its place: see `removeHost`. */
  readonly busy?: true;
}

function byName<T extends { readonly name: string }>(hosts: readonly T[]): T[] {
  return hosts.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** The hosts that are there, by name. */
export async function presentHosts({ cluster }: Context): Promise<Host[]> {
  await cluster.view.refresh();
  return byName(cluster.view.hosts().map(({ revision: _, ...host }) => host));
}

/** The hosts of which the store keeps something, and which are not there, by name. */
export async function absentHosts({ store, cluster }: Context): Promise<AbsentHost[]> {
  const [plans, spaces] = await Promise.all([store.list(everyHost), store.list(everyAddressSpace)]);
  await cluster.view.refresh();
  const nameIn = ({ key }: Entry) => key.split("/")[1] ?? "";
  const ofHost = groupBy(plans.entries, nameIn);
  const names = new Set([...ofHost.keys(), ...spaces.entries.map(nameIn)]);
  names.delete(sharedSpace);
  const absent = [...names].filter((name) => cluster.view.host(name) === undefined);
  return byName(absent.map((name) => described(name, ofHost.get(name) ?? [])));
}

function described(name: string, entries: readonly Entry[]): AbsentHost {
  const keys = new Keys(name);
  const ofNoun = (noun: string) => entries.filter(({ key }) => keys.parse(key)?.noun === noun);
  const [address] = ofNoun("networks").flatMap((entry) => {
    const { settings } = readRecord("networks", entry).value;
    return typeof settings.address === "string" ? [settings.address] : [];
  });
  const isBusy = entries.some(({ key }) => key === keys.lock || key === keys.names);
  return {
    ...{ name, absent: true, sandboxes: ofNoun("sandboxes").length },
    ...(address === undefined ? {} : { address }),
    ...(isBusy ? { busy: true } : {}),
  };
}

/** What holds as long as no process of a host is known, and why it is there if one does not. */
function signsOf(name: string): { readonly absent: Condition; readonly reason: string }[] {
  const keys = new Keys(name);
  return [
    {
      absent: { key: places.host(name), revision: 0 },
      reason: "a controller keeps its place, or did, and the lease has not ended yet",
    },
    {
      absent: { key: keys.lock, revision: 0 },
      reason: "a process changes its plan, or did until a moment ago",
    },
    { absent: { emptyPrefix: keys.waiting }, reason: "a process waits to change its plan" },
    {
      absent: { key: keys.names, revision: 0 },
      reason: "a process serves its names, or did until a moment ago",
    },
  ];
}

function present(name: string, reason: string): NetworkError {
  return new NetworkError("HOST_PRESENT", { operation, subject: name, reason });
}

/**
 * Makes a commit if no process of a host is known in the same step. False if something else of it has
 * changed meanwhile.
 *
 * @throws {NetworkError} `HOST_PRESENT`
 */
async function commitAbsent({ store }: Context, name: string, commit: Commit): Promise<boolean> {
  const signs = signsOf(name);
  const conditions = [...signs.map(({ absent }) => absent), ...(commit.if ?? [])];
  const outcome = await store.commit({ ...commit, if: conditions });
  if (outcome.committed) return true;
  const found = signs.find(({ absent }) => isDeepStrictEqual(absent, outcome.conflict));
  if (found !== undefined) throw present(name, found.reason);
  return false;
}

/** What others still know of a host: all of it hung on a lease, unless somebody has put it there. */
async function toldBy({ store, cluster }: Context, name: string) {
  const { view } = cluster;
  await view.refresh();
  const addresses = new AddressKeys(sharedSpace);
  const { entries } = await store.list(addresses.prefix);
  const held = entries.filter(
    ({ key, value }) =>
      addresses.parse(key).kind === "held" && readHolder(key, value).startsWith(holderOf(name, "")),
  );
  return [
    ...view.membersOf(name).map((one) => ({ key: places.member(one), revision: one.revision })),
    ...view.blocksOf(name).map((one) => ({ key: places.block(one), revision: one.revision })),
    ...held.map(({ key, revision }) => ({ key, revision })),
  ];
}

/**
 * Removes all that the store keeps for a host of which no process is known; at last its plan, in one
 * step, so that a call that ended before can be made again.
 *
 * @throws {NetworkError} `HOST_PRESENT`, `HOST_MISSING`, `STORE_BUSY`
 */
export async function removeHost(context: Context, name: string): Promise<void> {
  const { store, cluster } = context;
  if (name === cluster.name) throw present(name, "it is this host itself");
  const prefixes = [new Keys(name).prefix, new AddressKeys(name).prefix];
  await commitAbsent(context, name, {});
  for (let failures = 0; failures < mostAttempts; ) {
    const told = await toldBy(context, name);
    const some = told.slice(0, together);
    const isAll = some.length === told.length;
    const empty = prefixes.map((emptyPrefix) => ({ emptyPrefix }));
    if (told.length === 0 && (await store.commit({ if: empty })).committed) {
      const reason = "the store keeps nothing for a host of that name";
      throw new NetworkError("HOST_MISSING", { operation, subject: name, reason });
    }
    const removed = await commitAbsent(context, name, {
      if: some,
      delete: some.map(({ key }) => key),
      ...(isAll ? { deletePrefix: prefixes } : {}),
    });
    if (removed && isAll) return;
    if (!removed) failures += 1;
  }
  const reason = `others changed the same ${mostAttempts} times`;
  throw new NetworkError("STORE_BUSY", { operation, subject: name, reason });
}
