// Why a call on etcd failed, whether it may have been carried out, and what is said of it.

import { NetworkError, type NetworkErrorCode } from "../../errors.ts";
import { type WireError, wireErrorOf } from "./wire.ts";

/** A connection that could not be made: nothing was sent by it. */
export class ConnectFailure extends Error {
  override readonly name = "ConnectFailure";
}

/** An answer that is not one of etcd's. */
export class StrangeAnswer extends Error {
  override readonly name = "StrangeAnswer";
  /** As of HTTP. */
  readonly status: number;

  constructor(status: number, text: string) {
    super(`answers not as etcd does: status ${status}, ${JSON.stringify(text.slice(0, 100))}`);
    this.status = status;
  }
}

/** etcd's refusal. */
export class EtcdRefusal extends Error {
  override readonly name = "EtcdRefusal";
  /** That of gRPC. */
  readonly code: number;

  constructor({ code, message }: WireError) {
    super(message);
    this.code = code;
  }

  /** The token is to be had anew: it has run out, or the server forgot it or knows newer rights. */
  get wantsToken(): boolean {
    return /invalid auth token|revision in header is old|revision of auth store is old/.test(
      this.message,
    );
  }

  get isForbidden(): boolean {
    const isAboutUsers = /authentication failed|user name is empty|user name not found/;
    return [7, 16].includes(this.code) || isAboutUsers.test(this.message);
  }

  get isLeaseMissing(): boolean {
    return /requested lease not found/.test(this.message);
  }

  get isLeaseThere(): boolean {
    return /lease already exists/.test(this.message);
  }

  get isCompacted(): boolean {
    return /required revision has been compacted/.test(this.message);
  }

  get isPassing(): boolean {
    return passing.includes(this.code) || this.isEarly;
  }

  /** It was said before anything was proposed to the cluster. */
  get isEarly(): boolean {
    return this.wantsToken || /no leader|too many requests/.test(this.message);
  }
}

/** CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL, UNAVAILABLE. */
const passing = [1, 2, 4, 10, 13, 14];

/** Whether the same would be said later, and by any endpoint. */
export function isFinal(error: unknown): error is EtcdRefusal {
  return error instanceof EtcdRefusal && !error.isPassing;
}

/** Whether the call was certainly not carried out. */
export function isUndone(error: unknown): boolean {
  if (error instanceof StrangeAnswer) return error.status < 500;
  if (error instanceof EtcdRefusal) return error.isEarly || !error.isPassing;
  return error instanceof ConnectFailure;
}

/** What an answer says. @throws {EtcdRefusal} if it is one. */
export function answerOf(status: number, text: string): unknown {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new StrangeAnswer(status, text);
  }
  const refusal = wireErrorOf(answer);
  if (refusal !== undefined) throw new EtcdRefusal(refusal);
  return answer;
}

/** What a caller is told. */
export function storeError(
  operation: string,
  cause: unknown,
  more: { readonly endpoint?: string; readonly maybeMade?: boolean } = {},
): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const isForbidden = cause instanceof EtcdRefusal && cause.isForbidden;
  const code: NetworkErrorCode = isForbidden ? "STORE_FORBIDDEN" : "STORE_FAILED";
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  const where = more.endpoint === undefined ? "" : `${more.endpoint}: `;
  const doubt = more.maybeMade ? "; it may have been made all the same" : "";
  return new NetworkError(code, { operation, reason: `${where}${text}${doubt}`, cause });
}
