// An LMDB file: opened with care, read at one moment, written in one step.

import { statSync, truncateSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RootDatabase } from "lmdb";
import { NetworkError, type NetworkErrorCode } from "../errors.ts";
import { checkHeader } from "./lmdb-header.ts";

type Package = typeof import("lmdb");

/** Room in the address space, not on the disk. */
const mapSize = 2 ** 30;

/** LMDB's own numbers for what can only be damage: PAGE_NOTFOUND, CORRUPTED, VERSION, INVALID. */
const damage = new Set([-30797, -30796, -30794, -30793]);

/** After every character that a key can have. */
const afterAll = "\x7f";

/** What went wrong in LMDB, as one of our own errors. */
async function explained(operation: string, error: unknown): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  // LMDB tells why a commit failed by the rejection of another promise.
  const { commitError } = error as { commitError?: Promise<unknown> };
  const cause = await Promise.resolve(commitError).catch((reason: unknown) => reason);
  return asNetworkError(operation, cause ?? error);
}

function asNetworkError(operation: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof NetworkError) return cause;
  const damaged =
    cause instanceof SyntaxError || ("code" in cause && damage.has(Number(cause.code)));
  const code: NetworkErrorCode = damaged ? "STORE_CORRUPT" : "STORE_FAILED";
  return new NetworkError(code, { operation, reason: cause.message, cause });
}

async function lmdb(): Promise<Package> {
  try {
    return await import("lmdb");
  } catch (cause) {
    const reason = 'the package "lmdb" does not load; is it installed?';
    throw new NetworkError("STORE_UNAVAILABLE", { operation: "openLmdbStore", reason, cause });
  }
}

/** Keys and texts in one file that any number of processes have open. */
export class LmdbFile {
  /** Where it is. Every commit of any process changes the file. */
  readonly path: string;
  readonly #database: RootDatabase<string, string>;
  readonly #abort: object;
  readonly #busyTimeoutMs: number;

  private constructor(path: string, lmdb: Package, busyTimeoutMs: number) {
    this.path = path;
    this.#abort = lmdb.ABORT;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#database = lmdb.open({
      path,
      noSubdir: true,
      encoding: "string",
      mapSize,
      // Nobody is to see a commit that a power failure can still undo.
      overlappingSync: false,
      // With batches, a failed commit also rejects a promise that nobody has.
      eventTurnBatching: false,
    });
  }

  /** Opens the file in a directory; makes either if it is missing. */
  static async open(directory: string, busyTimeoutMs: number): Promise<LmdbFile> {
    const path = join(directory, "plan.mdb");
    try {
      const loaded = await lmdb();
      await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
      await checkHeader(path);
      return new LmdbFile(path, loaded, busyTimeoutMs);
    } catch (error) {
      throw asNetworkError("openLmdbStore", error);
    }
  }

  /**
   * Makes a file that was cut off as long as it was: what is missing then reads as zeros, which
   * LMDB refuses, and does not end the process by SIGBUS. Within {@link write} only.
   */
  restoreLength(): void {
    const { pageSize, lastPageNumber } = this.#database.getStats() as Record<string, number>;
    const length = (Number(lastPageNumber) + 1) * Number(pageSize);
    if (statSync(this.path).size < length) truncateSync(this.path, length);
  }

  /** What a key has. Within {@link read} and {@link write}, at their moment. */
  get(key: string): string | undefined {
    return this.#database.get(key);
  }

  /** The keys that begin with a prefix, those before `start` left out, and what they have. */
  range(prefix: string, start: string = prefix): Iterable<{ key: string; value: string }> {
    return this.#database.getRange({ start, end: prefix + afterAll });
  }

  /** Puts a text. Within {@link write} only, as {@link remove}. */
  put(key: string, text: string): void {
    this.#database.putSync(key, text);
  }

  remove(key: string): void {
    this.#database.removeSync(key);
  }

  /** Reads: all that the work reads, which is done at once, is of one moment, the present one. */
  read<T>(operation: string, work: () => T): T {
    try {
      this.#database.resetReadTxn();
      return work();
    } catch (error) {
      throw asNetworkError(operation, error);
    }
  }

  /**
   * Writes: what the work does, which is done at once, is done wholly and is on the disk when it
   * resolves, or is not done at all. A libuv thread waits for other writers meanwhile.
   *
   * @throws {NetworkError} `STORE_BUSY` if they did not end in time.
   */
  async write<T>(operation: string, work: () => T): Promise<T> {
    let state: "waiting" | "begun" | "late" = "waiting";
    let result: { readonly value: T } | undefined;
    const written = this.#database.childTransaction(() => {
      if (state === "late") return this.#abort;
      state = "begun";
      result = { value: work() };
      return undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (state === "begun") return;
        state = "late";
        const reason = `others wrote for ${this.#busyTimeoutMs} ms`;
        reject(new NetworkError("STORE_BUSY", { operation, reason }));
      }, this.#busyTimeoutMs);
    });
    try {
      await Promise.race([written, late]);
    } catch (error) {
      throw await explained(operation, error);
    } finally {
      clearTimeout(timer);
    }
    if (result === undefined) throw new Error(`${operation}: LMDB did not run the transaction`);
    return result.value;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}
