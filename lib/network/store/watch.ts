// A watch of any store: it looks for changes, and waits for the bell if there are none.

import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { NetworkError } from "../errors.ts";
import type { Bell } from "./bell.ts";
import { checkedPrefix, checkedRevision } from "./commit.ts";
import type { Committed, History, WatchOptions } from "./store.ts";

/** What a watch needs of its store. */
export interface Watched {
  readonly bell: Bell;
  isClosed(): boolean;
  changes(prefix: string, after: number): Promise<History>;
  /** Begins to ring the bell for what other processes do, and returns how that is ended. */
  listen(): () => void;
}

/** The refusal of every call after `close()`. */
export function storeClosed(operation: string): NetworkError {
  return new NetworkError("STORE_CLOSED", { operation, reason: "the store was closed" });
}

/** The refusal of a watch that goes on from a revision of another history. */
export function putBack(after: number): NetworkError {
  const reason = "the store was put back to a copy, or is another one";
  return new NetworkError("STORE_COMPACTED", { operation: "watch", subject: `${after}`, reason });
}

/** The options with everything in them checked. */
export function checkedWatch(options: WatchOptions): WatchOptions {
  refuseUnknown("options", options, ["prefix", "after", "signal"]);
  const { prefix, after, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument("type", "signal", "must be an AbortSignal");
  }
  return {
    prefix: checkedPrefix("prefix", prefix),
    after: checkedRevision("after", after),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The commits below a prefix, as they come. */
export async function* watched(
  store: Watched,
  { prefix, after, signal }: WatchOptions,
): AsyncGenerator<Committed, void, undefined> {
  const wake = () => store.bell.ring();
  const stopListening = store.listen();
  signal?.addEventListener("abort", wake);
  try {
    for (let seen = after; ; ) {
      signal?.throwIfAborted();
      if (store.isClosed()) return;
      const news = store.bell.rung;
      const history = await store.changes(prefix, seen).catch((error: unknown) => {
        if (!store.isClosed()) throw error;
      });
      if (history === undefined) return;
      const { commits, revision } = history;
      for (const committed of commits) {
        yield committed;
        signal?.throwIfAborted();
      }
      if (revision === seen) await news;
      seen = revision;
    }
  } finally {
    signal?.removeEventListener("abort", wake);
    stopListening();
  }
}
