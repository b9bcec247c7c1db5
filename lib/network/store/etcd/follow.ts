// One watch of etcd, from the revision that a journal has come to, on one connection.

import type { Client } from "./client.ts";
import { EtcdRefusal } from "./failures.ts";
import type { Journal } from "./journal.ts";
import { watchResponses } from "./stream.ts";
import { revisionOf, type WatchResponse } from "./wire.ts";

/** etcd has forgotten what comes after the revision that was asked for. */
export class Forgotten extends Error {
  override readonly name = "Forgotten";
  /** What was so up to this revision can no more be told, but what was so at it. */
  readonly revision: number;

  constructor(revision: number) {
    super(`etcd has compacted its history up to revision ${revision}`);
    this.revision = revision;
  }
}

function checkGoesOn({ canceled, compact_revision, cancel_reason = "" }: WatchResponse): void {
  if (!canceled) return;
  if (compact_revision !== undefined) throw new Forgotten(revisionOf(compact_revision));
  // Of a token that it does not know, etcd says the same of a watch.
  const code = /permission denied/i.test(cancel_reason) ? 7 : 2;
  throw new EtcdRefusal({ code, message: cancel_reason || "etcd ended the watch" });
}

/**
 * Has a journal take note of all that comes, until etcd, the signal or the listener ends it.
 *
 * etcd never tells a revision in two parts: that is what its watches promise.
 *
 * @param onNews told after each answer, and which leases have ended; true if it is enough
 * @throws {Forgotten}
 */
export async function follow(
  { connection, layout }: Client,
  journal: Journal,
  stop: AbortSignal,
  onNews: (ended: readonly string[]) => boolean,
): Promise<void> {
  const { endpoint } = connection;
  const own = new AbortController();
  const end = () => own.abort();
  stop.addEventListener("abort", end, { once: true });
  try {
    stop.throwIfAborted();
    const create_request = { ...layout.whole, start_revision: `${journal.seen + 1}` };
    const stream = await connection.stream(endpoint, "v3/watch", { create_request }, own.signal);
    for await (const response of watchResponses(stream.statusCode, stream.body)) {
      checkGoesOn(response);
      if (onNews(journal.note(response.events ?? []))) return;
    }
    throw new Error("the server ended the watch");
  } catch (error) {
    connection.leave(endpoint);
    if (error instanceof EtcdRefusal && error.isForbidden) connection.forgetToken();
    throw error;
  } finally {
    stop.removeEventListener("abort", end);
    own.abort();
  }
}
