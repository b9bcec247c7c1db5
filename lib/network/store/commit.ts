// What is checked of a commit before it is made, and what it then changes; the same for every store.

import { invalidArgument, objectArgument, refuseUnknown } from "../../errors.ts";
import type { Commit, Condition, Json, Put } from "./store.ts";

const longestKey = 500;
const mostSteps = 100;
const mostText = 1024 * 1024;

/** A put with its value as text, which nobody can change any more. */
export interface CheckedPut {
  readonly key: string;
  readonly text: string;
  readonly lease: string | undefined;
}

/** A commit that is in order. */
export interface CheckedCommit {
  readonly conditions: readonly Condition[];
  readonly puts: readonly CheckedPut[];
  readonly deletions: readonly string[];
  readonly deletedPrefixes: readonly string[];
}

/** What a commit needs to know of the keys that there are. */
export interface Rows {
  /** The revision of a key; 0 if there is no such key. */
  revisionOf(key: string): number;
  /** The keys that begin with a prefix. */
  keysWith(prefix: string): Iterable<string>;
}

function checkedText(property: string, text: unknown, shortest: 0 | 1): string {
  if (typeof text !== "string") throw invalidArgument("type", property, "must be a string");
  if (text.length < shortest || text.length > longestKey || !/^[!-~]*$/.test(text)) {
    const reason = `must be ${shortest} to ${longestKey} printable ASCII characters without spaces`;
    throw invalidArgument("range", property, reason);
  }
  return text;
}

/** A key that is one. */
export function checkedKey(property: string, key: unknown): string {
  return checkedText(property, key, 1);
}

/** A prefix of keys that is one. */
export function checkedPrefix(property: string, prefix: unknown): string {
  return checkedText(property, prefix, 0);
}

/** A revision that can be: 0 is before the first. */
export function checkedRevision(property: string, revision: unknown): number {
  if (typeof revision !== "number") throw invalidArgument("type", property, "must be a number");
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw invalidArgument("range", property, "must be an integer from 0 to 2^53 - 1");
  }
  return revision;
}

/** True if JSON says all of it; `above` are the objects that it is in. */
function isJson(value: unknown, above: readonly object[] = []): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || above.includes(value) || above.length > 100) return false;
  const inside = [...above, value];
  if (Array.isArray(value)) return Array.from(value).every((item) => isJson(item, inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return "toJSON" in value ? false : Object.values(value).every((item) => isJson(item, inside));
}

function checkedPut(property: string, put: Put): CheckedPut {
  refuseUnknown(property, put, ["key", "value", "lease"], `${property}.`);
  const { key, value, lease } = put;
  if (!isJson(value)) throw invalidArgument("type", `${property}.value`, "must be JSON");
  return {
    key: checkedKey(`${property}.key`, key),
    text: JSON.stringify(value),
    lease: lease === undefined ? undefined : checkedKey(`${property}.lease`, lease),
  };
}

function checkedCondition(property: string, condition: Condition): Condition {
  const path = `${property}.`;
  objectArgument(property, condition);
  if ("emptyPrefix" in condition) {
    refuseUnknown(property, condition, ["emptyPrefix"], path);
    return { emptyPrefix: checkedPrefix(`${path}emptyPrefix`, condition.emptyPrefix) };
  }
  refuseUnknown(property, condition, ["key", "revision"], path);
  const { key, revision } = condition;
  return {
    key: checkedKey(`${path}key`, key),
    revision: checkedRevision(`${path}revision`, revision),
  };
}

function checkedList<From, To>(
  property: string,
  list: readonly From[] | undefined,
  check: (property: string, item: From) => To,
): To[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw invalidArgument("type", property, "must be an array");
  return Array.from(list, (item: From, position) => check(`${property}[${position}]`, item));
}

/** Refuses a commit that is too large, or of which two steps are about one key. */
function checkTogether({ conditions, puts, deletions, deletedPrefixes }: CheckedCommit): void {
  const steps = conditions.length + puts.length + deletions.length + deletedPrefixes.length;
  if (steps > mostSteps) {
    throw invalidArgument("range", "commit", `has ${steps} steps, of at most ${mostSteps}`);
  }
  const length = puts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (length > mostText) {
    throw invalidArgument("range", "commit", `has ${length} bytes, of at most ${mostText}`);
  }
  const changed = new Set(deletions);
  for (const { key } of puts) {
    if (changed.has(key) || deletedPrefixes.some((prefix) => key.startsWith(prefix))) {
      throw invalidArgument("range", "put", `${JSON.stringify(key)} is put or deleted twice`);
    }
    changed.add(key);
  }
}

/** The commit with everything in it checked, so that making it can only fail with the medium. */
export function checkedCommit(commit: Commit): CheckedCommit {
  refuseUnknown("commit", commit, ["if", "put", "delete", "deletePrefix"]);
  const checked: CheckedCommit = {
    conditions: checkedList("if", commit.if, checkedCondition),
    puts: checkedList("put", commit.put, checkedPut),
    deletions: checkedList("delete", commit.delete, checkedKey),
    deletedPrefixes: checkedList("deletePrefix", commit.deletePrefix, checkedPrefix),
  };
  checkTogether(checked);
  return checked;
}

/** The first condition that does not hold. */
export function conflictOf(commit: CheckedCommit, rows: Rows): Condition | undefined {
  return commit.conditions.find((condition) => {
    if ("key" in condition) return rows.revisionOf(condition.key) !== condition.revision;
    for (const _ of rows.keysWith(condition.emptyPrefix)) return true;
    return false;
  });
}

/** The keys that go. */
export function deletedBy(commit: CheckedCommit, rows: Rows): Set<string> {
  const keys = new Set(commit.deletions.filter((key) => rows.revisionOf(key) > 0));
  for (const prefix of commit.deletedPrefixes) {
    for (const key of rows.keysWith(prefix)) keys.add(key);
  }
  return keys;
}
