// Writes commits: those that are asked for while one record is written are the next one.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { NetworkError } from "../../errors.ts";
import type { CheckedCommit } from "../commit.ts";
import { pauseMs } from "../pause.ts";
import type { Outcome } from "../store.ts";
import type { Connection } from "./connection.ts";
import { Draft } from "./draft.ts";
import { isPassing, storeError, ZooKeeperFailure } from "./failures.ts";
import type { Layout } from "./layout.ts";
import { encoded, largestPiece, type StoreRecord } from "./record.ts";
import type { Replica } from "./replica.ts";
import type { Session } from "./session.ts";
import { discard, writeSnapshot } from "./snapshot.ts";
import type { Numbered } from "./state.ts";

/** After so many records somebody writes a snapshot. */
const recordsPerSnapshot = 1000;

/** So many bytes of values are in one record, unless they are of one commit. */
const mostText = largestPiece / 2;

/** So many commits are in one record. */
const mostCommits = 500;

interface Waiting {
  /** What to commit upon those before it. */
  readonly commit: (draft: Draft) => CheckedCommit;
  /** About how many bytes that is. */
  readonly length: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

function lengthOf({ puts }: CheckedCommit): number {
  return puts.reduce((sum, { text }) => sum + text.length, 0);
}

/** Commits, one record at a time. */
export class Writer {
  readonly #connection: Connection;
  readonly #layout: Layout;
  readonly #replica: Replica;
  #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(connection: Connection, layout: Layout, replica: Replica) {
    this.#connection = connection;
    this.#layout = layout;
    this.#replica = replica;
  }

  /** Makes a commit. */
  async write(commit: CheckedCommit): Promise<Outcome> {
    return await this.#enqueue(() => commit, lengthOf(commit));
  }

  /** Deletes the keys that hang on leases. */
  async end(leases: readonly string[]): Promise<void> {
    const nothing = { conditions: [], puts: [], deletedPrefixes: [] };
    const keys = (draft: Draft) => leases.flatMap((lease) => [...draft.keysUnder(lease)]);
    await this.#enqueue((draft) => ({ ...nothing, deletions: keys(draft) }), 0);
  }

  async #enqueue(commit: Waiting["commit"], length: number): Promise<Outcome> {
    return await new Promise((resolve, reject) => {
      this.#queue.push({ commit, length, resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        const outcomes = await this.#write(batch);
        for (const [position, { resolve }] of batch.entries()) {
          resolve(outcomes[position] as Outcome);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** The first of those who wait, as many as one record has room for. */
  #take(): Waiting[] {
    let sum = 0;
    const end = this.#queue.findIndex(({ length }, position) => {
      sum += length;
      return position > 0 && (sum > mostText || position >= mostCommits);
    });
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end);
  }

  async #write(batch: readonly Waiting[]): Promise<Outcome[]> {
    const id = randomUUID();
    const deadline = performance.now() + this.#connection.requestTimeoutMs;
    let isFresh = false;
    for (let failures = 0; ; failures += 1) {
      const { number, id: previous, node, ledger } = this.#replica.state;
      const draft = new Draft(ledger);
      const outcomes = batch.map(({ commit }) => draft.add(commit(draft)));
      const { commits } = draft;
      let isMade: boolean | undefined;
      if (commits.length > 0) {
        const record = { id, previous, after: ledger.revision, commits };
        isMade = await this.#attempt({ number, node }, record);
      } else if (isFresh) {
        // Before, something else might have been there of which nothing was known.
        return outcomes;
      }
      isMade ??= await this.#catchUp(id, { number, node });
      if (isMade) return outcomes;
      isFresh = true;
      if (performance.now() > deadline) throw this.#busy();
      if (failures > 1) await sleep(pauseMs(failures - 2));
    }
  }

  #busy(): NetworkError {
    const reason = "others kept changing the store";
    return new NetworkError("STORE_BUSY", { operation: "commit", reason });
  }

  /**
   * Writes a record after the last one that is known. `undefined` if it has to be found out whether it
   * was written: somebody else wrote one, or the answer did not come.
   */
  async #attempt(last: Numbered, record: StoreRecord): Promise<true | undefined> {
    const { number } = last;
    const written = encoded(record);
    this.#replica.expect(record.id);
    try {
      await this.#connection.once((session) => this.#append(session, last, record.id, written));
    } catch (error) {
      const isStale = error instanceof ZooKeeperFailure && error.isStale;
      if (isStale || isPassing(error)) return undefined;
      throw storeError("commit", error);
    }
    this.#replica.take({ number: number + 1, node: written.node }, record);
    if ((number + 1) % recordsPerSnapshot === 0) this.#keepSnapshot();
    return true;
  }

  /** Catches up with the store, and tells whether a record was written after the last one known before. */
  async #catchUp(id: string, last: Numbered): Promise<boolean> {
    try {
      await this.#replica.refresh("commit");
    } catch (error) {
      if (!(error instanceof NetworkError && error.code === "STORE_FAILED")) throw error;
      throw storeError("commit", error.cause, "; it may have been made all the same");
    }
    if (!this.#replica.hasCome(id)) return false;
    await this.#connection.repeat("commit", (session) => this.#mend(session, last));
    return true;
  }

  async #append(
    session: Session,
    last: Numbered,
    id: string,
    { node, pieces }: ReturnType<typeof encoded>,
  ): Promise<void> {
    const paths = this.#layout.pieces(last.number + 1, id, pieces.length);
    await Promise.all(pieces.map((piece, at) => session.ensure(paths[at] as string, piece)));
    try {
      // Requests are carried out in their order: the last record is in the log before it is replaced.
      const copied = session.create(this.#layout.record(last.number), last.node).then(
        () => true,
        () => false,
      );
      await session.set(this.#layout.head, node, last.number);
      if (!(await copied)) await this.#mend(session, last);
    } catch (error) {
      const isStale = error instanceof ZooKeeperFailure && error.isStale;
      if (isStale) await Promise.all(paths.map((path) => session.remove(path)));
      throw error;
    }
  }

  /** The last record was in the log already, or in its place what is left of another history. */
  async #mend(session: Session, { number, node }: Numbered): Promise<void> {
    const path = this.#layout.record(number);
    await session.ensure(path, node);
    const { data, version } = await session.get(path);
    if (!data.equals(node)) await session.set(path, node, version);
  }

  /** What fails here is done by whoever comes to the next snapshot. */
  #keepSnapshot(): void {
    const { state } = this.#replica;
    this.#keeping = this.#keeping
      .then(() =>
        this.#connection.once(async (session) => {
          await writeSnapshot(session, this.#layout, state);
          await discard(session, this.#layout, state.ledger.revision);
        }),
      )
      .catch(() => undefined);
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#keeping;
  }
}
