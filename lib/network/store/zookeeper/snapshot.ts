// Snapshots: what there is, written now and then, so that nobody has to read all records; and what
// needs to be kept no more then.

import { randomUUID } from "node:crypto";
import { forgottenAt } from "../history.ts";
import type { Row } from "../ledger.ts";
import type { Json } from "../store.ts";
import { ZooKeeperFailure } from "./failures.ts";
import { type Layout, numberOf } from "./layout.ts";
import { corrupt, decoded, joined, piecesOf } from "./record.ts";
import type { Session } from "./session.ts";
import { type Beginning, State } from "./state.ts";

/** What the node of a snapshot has. */
interface Written {
  /** The id of the last record that is in it. */
  readonly id: string;
  readonly revision: number;
  /** By which its pieces are known. */
  readonly name: string;
  readonly pieces: number;
}

type WrittenRow = readonly [key: string, revision: number, lease: string | null, value: Json];

function textOfRow({ key, revision, lease, text }: Row): string {
  return `[${JSON.stringify(key)},${revision},${JSON.stringify(lease ?? null)},${text}]`;
}

function rowOf([key, revision, lease, value]: WrittenRow): Row {
  return { key, revision, lease: lease ?? undefined, text: JSON.stringify(value) };
}

function parsed<T>(data: Buffer): T {
  try {
    return JSON.parse(data.toString()) as T;
  } catch (cause) {
    throw corrupt("a snapshot is not JSON: it was not written by this library", cause);
  }
}

async function numbersBelow(session: Session, path: string): Promise<number[]> {
  return (await session.children(path)).map(numberOf).sort((one, other) => one - other);
}

async function written(session: Session, layout: Layout, number: number): Promise<Written> {
  return parsed<Written>((await session.get(layout.snapshot(number))).data);
}

async function read(session: Session, layout: Layout, number: number): Promise<Beginning> {
  const { id, revision, name, pieces } = await written(session, layout, number);
  const text = await joined(session, layout.pieces(number, name, pieces));
  return { number, id, revision, rows: parsed<WrittenRow[]>(text).map(rowOf) };
}

/** The state of the last snapshot, or that before all records. */
export async function lastSnapshot(session: Session, layout: Layout): Promise<State> {
  for (;;) {
    const last = (await numbersBelow(session, layout.snapshots)).at(-1);
    if (last === undefined) return new State();
    try {
      return new State(await read(session, layout, last));
    } catch (error) {
      // Then there is a later one.
      if (!(error instanceof ZooKeeperFailure && error.isMissing)) throw error;
    }
  }
}

/** Writes what there is. */
export async function writeSnapshot(
  session: Session,
  layout: Layout,
  { number, id, ledger }: State,
): Promise<void> {
  const { revision, rows } = ledger;
  const pieces = piecesOf(Buffer.from(`[${Array.from(rows, textOfRow).join(",")}]`));
  const name = randomUUID();
  const paths = layout.pieces(number, name, pieces.length);
  await Promise.all(pieces.map((piece, at) => session.create(paths[at] as string, piece)));
  const node: Written = { id, revision, name, pieces: pieces.length };
  await session.ensure(layout.snapshot(number), Buffer.from(JSON.stringify(node)));
}

/** The number of the first record that has to be kept. */
async function firstKept(session: Session, layout: Layout, revision: number): Promise<number> {
  const numbers = await numbersBelow(session, layout.log);
  for (const number of numbers) {
    const { data } = await session.get(layout.record(number));
    const record = await decoded(session, layout, number, data);
    const last = record === undefined ? 0 : record.after + record.commits.length;
    if (last > forgottenAt(revision)) return number;
  }
  return (numbers.at(-1) ?? -1) + 1;
}

async function removeSnapshot(session: Session, layout: Layout, number: number): Promise<void> {
  const { name, pieces } = await written(session, layout, number);
  await session.remove(layout.snapshot(number));
  for (const path of layout.pieces(number, name, pieces)) await session.remove(path);
}

/** Removes the snapshots before the last one, and the records of commits that are forgotten. */
export async function discard(session: Session, layout: Layout, revision: number): Promise<void> {
  const snapshots = await numbersBelow(session, layout.snapshots);
  const last = snapshots.pop() ?? 0;
  const kept = Math.min(last, await firstKept(session, layout, revision));
  const log = (await numbersBelow(session, layout.log)).filter((number) => number < kept);
  // From the first on, so that those that are there have no gap.
  for (const number of log) await session.remove(layout.record(number));
  for (const number of snapshots) await removeSnapshot(session, layout, number);
  const pieces = await session.children(layout.parts);
  for (const name of pieces) {
    if (numberOf(name) < kept) await session.remove(`${layout.parts}/${name}`);
  }
}
