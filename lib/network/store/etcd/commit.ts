// A commit as a transaction of etcd, and which of its conditions did not hold.

import type { CheckedCommit } from "../commit.ts";
import type { Condition } from "../store.ts";
import { format, type Layout } from "./layout.ts";
import {
  type Compare,
  encoded,
  type KeyRange,
  type RequestOp,
  revisionOf,
  type TxnRequest,
  type TxnResponse,
} from "./wire.ts";

/** Puts `head`, as every change does. */
export function headPut(layout: Layout): RequestOp {
  return { request_put: { key: layout.head.key, value: encoded(format) } };
}

/** That there is no key in a range. */
function isEmpty(range: KeyRange): Compare {
  return { ...range, target: "CREATE", result: "EQUAL", create_revision: "0" };
}

function compareOf(layout: Layout, condition: Condition): Compare {
  if ("emptyPrefix" in condition) return isEmpty(layout.entries(condition.emptyPrefix));
  const { key, revision } = condition;
  return { ...layout.entry(key), target: "MOD", result: "EQUAL", mod_revision: `${revision}` };
}

function rangeOf(layout: Layout, condition: Condition): RequestOp {
  const range =
    "key" in condition ? layout.entry(condition.key) : layout.entries(condition.emptyPrefix);
  return { request_range: { ...range, keys_only: true, limit: "1" } };
}

function changesOf(layout: Layout, commit: CheckedCommit): RequestOp[] {
  const gone = [
    ...commit.deletions.map((key) => layout.entry(key)),
    ...commit.deletedPrefixes.map((prefix) => layout.entries(prefix)),
  ];
  if (gone.length + commit.puts.length === 0) return [];
  const changes: RequestOp[] = [
    ...gone.map((range) => ({ request_delete_range: range })),
    ...commit.puts.map(({ key, text, lease }) => ({
      request_put: { ...layout.entry(key), value: encoded(text), ...(lease && { lease }) },
    })),
    headPut(layout),
  ];
  if (commit.puts.length > 0) return changes;
  // Where nothing is to go, head stays, too: what changes nothing takes no revision.
  return [{ request_txn: { compare: gone.map(isEmpty), failure: changes } }];
}

/** The transaction that makes a commit, or tells what the conditions ask for. */
export function txnOf(layout: Layout, commit: CheckedCommit): TxnRequest {
  return {
    compare: commit.conditions.map((condition) => compareOf(layout, condition)),
    success: changesOf(layout, commit),
    failure: commit.conditions.map((condition) => rangeOf(layout, condition)),
  };
}

/** The first condition that did not hold. */
export function conflictIn(
  { conditions }: CheckedCommit,
  { responses = [] }: TxnResponse,
): Condition | undefined {
  return conditions.find((condition, position) => {
    const [found] = responses[position]?.response_range?.kvs ?? [];
    if ("emptyPrefix" in condition) return found !== undefined;
    return revisionOf(found?.mod_revision) !== condition.revision;
  });
}
