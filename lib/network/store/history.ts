// Commits as stores remember them: text that says what each changed.

import { NetworkError } from "../errors.ts";
import type { CheckedPut } from "./commit.ts";
import type { Change, Committed } from "./store.ts";

/** So many commits are remembered at least. */
export const rememberedCommits = 10_000;

/**
 * Up to which revision commits are forgotten at a revision, of a store that counts from 1: ever so many at
 * once, so that it costs next to nothing.
 */
export function forgottenAt(revision: number): number {
  return Math.max(0, Math.floor(revision / rememberedCommits) - 1) * rememberedCommits;
}

/** The keys that a commit puts and those that it deletes, in order, as a JSON array. */
export function textOfChanges(puts: readonly CheckedPut[], deleted: Iterable<string>): string {
  const changes = [
    ...puts.map(({ key, text }) => ({ key, text: `,"value":${text}` })),
    ...Array.from(deleted, (key) => ({ key, text: "" })),
  ].sort((one, other) => (one.key < other.key ? -1 : 1));
  return `[${changes.map(({ key, text }) => `{"key":${JSON.stringify(key)}${text}}`).join(",")}]`;
}

/**
 * What the text of a commit says of the keys below a prefix; nothing if it changed none of them. Most
 * commits are of other hosts and of no matter to whoever asks: these are not parsed.
 */
export function committedBelow(prefix: string, revision: number, text: string): Committed[] {
  if (!text.includes(`{"key":${JSON.stringify(prefix).slice(0, -1)}`)) return [];
  const changes = (JSON.parse(text) as Change[]).filter(({ key }) => key.startsWith(prefix));
  return changes.length === 0 ? [] : [{ revision, changes }];
}

/** Refuses to tell what was changed after a revision that is forgotten, or has not been yet. */
export function checkRemembered(after: number, forgotten: number, present: number): void {
  if (after >= forgotten && after <= present) return;
  const reason =
    after > present
      ? `the store is at revision ${present} and has not come so far`
      : `changes up to revision ${forgotten} are forgotten`;
  throw new NetworkError("STORE_COMPACTED", { operation: "changes", subject: `${after}`, reason });
}
