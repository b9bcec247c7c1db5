// What etcd's JSON gateway says: bytes as base64, 64-bit numbers as text, and no zeros.

/** Of every answer. */
export interface Header {
  readonly cluster_id?: string;
  readonly revision?: string;
}

/** A key and what it has. */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision?: string;
}

/** Keys from `key` to before `range_end`, or `key` alone. */
export interface KeyRange {
  readonly key: string;
  readonly range_end?: string;
}

export interface RangeRequest extends KeyRange {
  readonly limit?: string;
  readonly revision?: string;
  readonly keys_only?: boolean;
  readonly count_only?: boolean;
}

export interface RangeResponse {
  readonly header?: Header;
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
  readonly count?: string;
}

/** A condition on every key of a range; on an absent one as if its revisions were 0. */
export interface Compare extends KeyRange {
  readonly target: "MOD" | "CREATE";
  readonly result: "EQUAL";
  readonly mod_revision?: string;
  readonly create_revision?: string;
}

export type RequestOp =
  | { readonly request_range: RangeRequest }
  | { readonly request_put: { key: string; value: string; lease?: string } }
  | { readonly request_delete_range: KeyRange }
  | { readonly request_txn: TxnRequest };

export interface TxnRequest {
  readonly compare?: readonly Compare[];
  readonly success?: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header?: Header;
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: RangeResponse }[];
}

export interface WatchEvent {
  /** Absent for a put. */
  readonly type?: "PUT" | "DELETE";
  readonly kv: KeyValue;
}

export interface WatchResponse {
  readonly header?: Header;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compact_revision?: string;
  readonly cancel_reason?: string;
  readonly events?: readonly WatchEvent[];
}

/** What the gateway says of a refused call. */
export interface WireError {
  /** That of gRPC. */
  readonly code: number;
  readonly message: string;
}

export function encoded(text: string): string {
  return Buffer.from(text).toString("base64");
}

export function decoded(base64: string | undefined): string {
  return Buffer.from(base64 ?? "", "base64").toString();
}

/** A revision, which etcd counts in 64 bits and never brings beyond 2^53. */
export function revisionOf(text: string | undefined): number {
  return Number(text ?? 0);
}

/** The refusal that an answer is, if it is one: of a call, or of one that streams. */
export function wireErrorOf(answer: unknown): WireError | undefined {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return undefined;
  const { error } = answer;
  const told = typeof error === "object" && error !== null ? error : answer;
  const { code, grpc_code, message } = told as Record<string, unknown>;
  return { code: Number(code ?? grpc_code ?? 2), message: String(message ?? error) };
}
