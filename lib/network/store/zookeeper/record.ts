// Records: what was written in one step, of one or several commits.

import { NetworkError } from "../../errors.ts";
import type { CheckedPut } from "../commit.ts";
import type { Json } from "../store.ts";
import { ZooKeeperFailure } from "./failures.ts";
import type { Layout } from "./layout.ts";
import type { Session } from "./session.ts";

/** The layout's name, by which a store is known for one of this library. */
const format = "vethwork store 1";

/** So many bytes a node has at most: ZooKeeper's `jute.maxbuffer` is 1 MiB, path and all. */
export const largestPiece: number = 768 * 1024;

/** What one commit puts and deletes. */
export interface Changes {
  readonly puts: readonly CheckedPut[];
  readonly deleted: ReadonlySet<string>;
}

/** One link of the chain. */
export interface StoreRecord {
  /** Nobody else's, by which its writer finds out whether it was written. */
  readonly id: string;
  /** The id of the record before. */
  readonly previous: string;
  /** The store's revision before it; each of its commits takes the next. */
  readonly after: number;
  readonly commits: readonly Changes[];
}

interface WrittenPut {
  readonly key: string;
  readonly value: Json;
  readonly lease?: string;
}

interface Written {
  readonly format: unknown;
  readonly id: string;
  readonly previous: string;
  readonly after: number;
  readonly commits: readonly { readonly put: WrittenPut[]; readonly delete: string[] }[];
  /** In place of the commits: they are in so many nodes of their own. */
  readonly pieces?: number;
}

/** The record that every store begins with. */
export const firstRecord: StoreRecord = { id: "first", previous: "", after: 0, commits: [] };

/** The refusal of what somebody else has written. */
export function corrupt(reason: string, cause?: unknown): NetworkError {
  return new NetworkError("STORE_CORRUPT", { operation: "openZooKeeperStore", reason, cause });
}

function textOfPut({ key, text, lease }: CheckedPut): string {
  const hanging = lease === undefined ? "" : `,"lease":${JSON.stringify(lease)}`;
  return `{"key":${JSON.stringify(key)},"value":${text}${hanging}}`;
}

function textOfCommit({ puts, deleted }: Changes): string {
  return `{"put":[${puts.map(textOfPut).join(",")}],"delete":${JSON.stringify([...deleted])}}`;
}

/** Cuts what is too long for one node. */
export function piecesOf(whole: Buffer): Buffer[] {
  const count = Math.ceil(whole.length / largestPiece);
  return Array.from({ length: count }, (_, piece) =>
    whole.subarray(piece * largestPiece, (piece + 1) * largestPiece),
  );
}

/** What a record is written as: what its node has, and the pieces that it is in if it is too long. */
export function encoded({ id, previous, after, commits }: StoreRecord): {
  readonly node: Buffer;
  readonly pieces: readonly Buffer[];
} {
  const begin = JSON.stringify({ format, id, previous, after }).slice(0, -1);
  const whole = Buffer.from(`${begin},"commits":[${commits.map(textOfCommit).join(",")}]}`);
  if (whole.length <= largestPiece) return { node: whole, pieces: [] };
  const pieces = piecesOf(whole);
  return { node: Buffer.from(`${begin},"pieces":${pieces.length}}`), pieces };
}

function parsed(data: Buffer): Written {
  try {
    const written = JSON.parse(data.toString()) as Written;
    if (written?.format === format) return written;
  } catch (cause) {
    throw corrupt("a record is not JSON: it was not written by this library", cause);
  }
  throw corrupt("what is below this node is not of this library");
}

/** The bytes of pieces, in one. */
export async function joined(session: Session, paths: readonly string[]): Promise<Buffer> {
  const pieces = await Promise.all(paths.map((path) => session.get(path)));
  return Buffer.concat(pieces.map(({ data }) => data));
}

/**
 * The record of a number, of what its node has; `undefined` if its pieces are gone, as those of records
 * that are forgotten.
 */
export async function decoded(
  session: Session,
  layout: Layout,
  number: number,
  node: Buffer,
): Promise<StoreRecord | undefined> {
  let written = parsed(node);
  if (written.pieces !== undefined) {
    const paths = layout.pieces(number, written.id, written.pieces);
    const whole = await joined(session, paths).catch((error: unknown) => {
      if (!(error instanceof ZooKeeperFailure && error.isMissing)) throw error;
    });
    if (whole === undefined) return undefined;
    written = parsed(whole);
  }
  const { id, previous, after } = written;
  const commits = written.commits.map((commit) => ({
    puts: commit.put.map(({ key, value, lease }) => ({ key, text: JSON.stringify(value), lease })),
    deleted: new Set(commit.delete),
  }));
  return { id, previous, after, commits };
}
