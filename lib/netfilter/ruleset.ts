// The ruleset of nftables: changed in one step, and read back.

import { NetlinkError } from "../errors.ts";
import { native } from "../native.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";
import { concatenated, type DataType, type Datum, lengthOf, notesOn, typeNumber } from "./data.ts";
import type { Expression, Verdict } from "./rule.ts";

/** Whose packets a table is about. */
export type TableFamily = "inet" | "ip" | "ip6" | "bridge" | "arp" | "netdev";

/** Where a table is. */
export interface TablePlace {
  readonly family: TableFamily;
  readonly table: string;
}

/** When a chain is gone through by itself. */
export interface ChainHook {
  readonly type: "filter" | "nat" | "route";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  /** The lower, the earlier. */
  readonly priority: number;
  readonly policy?: "accept" | "drop";
}

/** A set or, with `data`, a map. */
export interface SetShape {
  readonly set: string;
  readonly key: readonly DataType[];
  readonly data?: readonly DataType[];
}

/** One element of a set or map. */
export interface SetElement {
  readonly key: readonly Datum[];
  readonly data?: readonly Datum[] | Verdict;
}

/** One change of a ruleset. */
export type Change = readonly [operation: string, record: object];

/** Makes a table; nothing happens if it is there. */
export function addTable(place: TablePlace, comment?: string): Change {
  return ["addTable", { ...place, ...(comment === undefined ? {} : { comment }) }];
}

/** Makes a table; refused as `EEXIST` if it is there. */
export function createTable(place: TablePlace, comment?: string): Change {
  return ["createTable", comment === undefined ? place : { ...place, comment }];
}

/** Takes a table away with all that is in it. */
export function deleteTable(place: TablePlace): Change {
  return ["deleteTable", place];
}

/** Makes a chain; nothing happens if it is there. */
export function addChain(place: TablePlace, chain: string, hook?: ChainHook): Change {
  return ["addChain", { ...place, chain, ...hook }];
}

/** Takes away a chain that nobody jumps to, with its rules. */
export function deleteChain(place: TablePlace, chain: string): Change {
  return ["deleteChain", { ...place, chain }];
}

/** Sets of one batch are told apart by numbers. */
let nextSetId = 1;

/** Makes a set or map; nothing happens if it is there. */
export function addSet(place: TablePlace, { set, key, data }: SetShape): Change {
  const id = nextSetId;
  nextSetId = (nextSetId % 0xfffffff) + 1;
  const record = {
    ...place,
    ...{ set, id, keyType: typeNumber(key), keyLength: lengthOf(key) },
    flags: [...(data ? ["map"] : [])],
    ...(data && { dataType: typeNumber(data), dataLength: lengthOf(data) }),
    userdata: notesOn(key, data),
  };
  return ["addSet", record];
}

function elementRecord({ key, data: kinds }: SetShape, element: SetElement): object {
  const { data } = element;
  const bytes = { key: concatenated(key, element.key) };
  if (data === undefined || kinds === undefined) return bytes;
  if ("verdict" in data) return { ...bytes, ...data };
  return { ...bytes, value: concatenated(kinds, data) };
}

/** What fits into 64 KiB, the length of an attribute, even with the longest names of chains. */
const mostElements = 150;

function elementChanges(
  operation: string,
  place: TablePlace,
  shape: SetShape,
  elements: readonly SetElement[],
): Change[] {
  const records = elements.map((element) => elementRecord(shape, element));
  const count = Math.ceil(records.length / mostElements);
  return Array.from({ length: count }, (_, n) => {
    const some = records.slice(n * mostElements, (n + 1) * mostElements);
    return [operation, { ...place, set: shape.set, elements: some }] as const;
  });
}

/** Adds elements; one that is there with other data is refused as `EEXIST`. */
export function addElements(
  place: TablePlace,
  shape: SetShape,
  elements: readonly SetElement[],
): Change[] {
  return elementChanges("addElements", place, shape, elements);
}

/** Deletes elements; one that is not there is refused as `ENOENT`. */
export function deleteElements(
  place: TablePlace,
  shape: SetShape,
  elements: readonly SetElement[],
): Change[] {
  const keys = elements.map(({ key }) => ({ key }));
  return elementChanges("deleteElements", place, shape, keys);
}

/** Adds a rule behind those of a chain. */
export function addRule(
  place: TablePlace,
  chain: string,
  expressions: readonly Expression[],
  comment?: string,
): Change {
  const record = { ...place, chain, expressions };
  return ["addRule", comment === undefined ? record : { ...record, comment }];
}

/** Deletes all rules of a chain. */
export function flushChain(place: TablePlace, chain: string): Change {
  return ["deleteRules", { ...place, chain }];
}

/**
 * Makes all changes in one step, or none: packets meet the ruleset as it was before, or after.
 *
 * Needs `CAP_NET_ADMIN` in the namespace's user namespace.
 *
 * @throws {NetlinkError} what the first refused change was refused with; `field` begins with its
 *   place, `changes[3]`.
 * @see net/netfilter/nf_tables_api.c, `nf_tables_commit()`
 */
export async function changeRuleset(
  namespace: Namespace,
  changes: readonly Change[],
): Promise<void> {
  await explained("changeRuleset", undefined, native().changeRuleset(namespace, changes));
}

async function ask<T>(namespace: Namespace, operation: string, record: object): Promise<T[]> {
  const answer = native().askNetfilter(namespace, operation, record);
  return (await explained(operation, undefined, answer)) as T[];
}

/** A number that every change of the namespace's ruleset raises, whoever makes it. */
export async function rulesetGeneration(namespace: Namespace): Promise<number> {
  const [generation] = await ask<{ id: number }>(namespace, "getGeneration", {});
  return generation?.id ?? 0;
}

/** A table as the kernel reports it. */
export interface Table extends TablePlace {
  readonly comment?: string;
  /** `"dormant"`: its chains are not gone through. */
  readonly flags?: readonly string[];
}

/** A chain as the kernel reports it; without a hook, one that others jump to. */
export interface Chain extends TablePlace, Partial<ChainHook> {
  readonly chain: string;
}

/** A rule as the kernel reports it. */
export interface Rule extends TablePlace {
  readonly chain: string;
  readonly handle: bigint;
  readonly expressions: readonly Expression[];
  readonly comment?: string;
}

/** An element as the kernel reports it. */
export interface Element {
  readonly key?: Uint8Array;
  readonly value?: Uint8Array;
  readonly verdict?: string;
  readonly chain?: string;
}

/** All tables of a namespace. */
export async function listTables(namespace: Namespace): Promise<readonly Table[]> {
  return await ask(namespace, "listTables", {});
}

/** The chains of all tables of a namespace. */
export async function listChains(namespace: Namespace): Promise<readonly Chain[]> {
  return await ask(namespace, "listChains", {});
}

/** The names of a table's sets and maps. */
export async function listSets(namespace: Namespace, place: TablePlace): Promise<string[]> {
  const sets = await ask<{ set: string; table: string }>(namespace, "listSets", place);
  return sets.filter(({ table }) => table === place.table).map(({ set }) => set);
}

/** The rules of a table, chain by chain, in their order. */
export async function listRules(namespace: Namespace, place: TablePlace): Promise<readonly Rule[]> {
  const rules = await ask<Rule>(namespace, "listRules", place);
  return rules.filter(({ table, family }) => table === place.table && family === place.family);
}

interface ElementsPart {
  readonly elements?: readonly Element[];
}

/** So often a set may seem to be missing because the ruleset is just being changed. */
const mostMisses = 10;

/**
 * Asks for elements until the kernel is believed that there is no such set. For a moment of each
 * change it finds neither the table that goes nor the one that takes its place: it looks for what is
 * of the generation that was current when it began.
 *
 * @see net/netfilter/nf_tables_api.c, `nft_table_lookup()`, `nf_tables_commit()`
 */
async function askForElements(namespace: Namespace, set: object): Promise<readonly ElementsPart[]> {
  let refusedAt: number | undefined;
  for (let misses = 1; ; misses += 1) {
    try {
      return await ask<ElementsPart>(namespace, "listElements", set);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== "ENOENT") throw error;
      const generation = await rulesetGeneration(namespace);
      if (generation === refusedAt || misses === mostMisses) throw error;
      refusedAt = generation;
    }
  }
}

/** The elements of a set or map. */
export async function listElements(
  namespace: Namespace,
  place: TablePlace,
  set: string,
): Promise<readonly Element[]> {
  const parts = await askForElements(namespace, { ...place, set });
  return parts.flatMap(({ elements = [] }) => elements);
}

/** The element that an element of ours would be reported as. */
export function reportedElement(shape: SetShape, element: SetElement): Element {
  return elementRecord(shape, element);
}
