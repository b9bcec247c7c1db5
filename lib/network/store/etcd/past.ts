// What was committed before a feed began, or longer ago than it remembers.

import { setTimeout as sleep } from "node:timers/promises";
import { NetworkError } from "../../errors.ts";
import { pauseMs } from "../pause.ts";
import type { Client } from "./client.ts";
import { EtcdRefusal, storeError } from "./failures.ts";
import { Forgotten, follow } from "./follow.ts";
import { Journal } from "./journal.ts";

function isForgotten(error: unknown): boolean {
  return error instanceof Forgotten || (error instanceof EtcdRefusal && error.isCompacted);
}

async function attempt(client: Client, after: number, late: AbortSignal): Promise<Journal> {
  const journal = new Journal(client.layout, await client.begin("changes", after), Infinity);
  const present = await client.look("changes");
  if (!journal.knows(present)) await follow(client, journal, late, () => journal.knows(present));
  return journal;
}

/**
 * The commits after a revision, up to the present, as etcd remembers them.
 *
 * @throws {NetworkError} `STORE_COMPACTED` if it does not.
 */
export async function journalSince(client: Client, after: number): Promise<Journal> {
  const { requestTimeoutMs } = client.connection;
  const deadline = performance.now() + requestTimeoutMs;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), requestTimeoutMs);
  try {
    for (let failures = 0; ; failures += 1) {
      try {
        return await attempt(client, after, late.signal);
      } catch (cause) {
        if (isForgotten(cause)) throw compacted(after, cause);
        const pause = pauseMs(failures);
        if (performance.now() + pause >= deadline) throw storeError("changes", cause);
        await sleep(pause);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function compacted(after: number, cause: unknown): NetworkError {
  const reason = "etcd has compacted its history, and forgotten what comes after that revision";
  return new NetworkError("STORE_COMPACTED", {
    ...{ operation: "changes", subject: `${after}`, reason, cause },
  });
}
