// Why a request to ZooKeeper failed, and what is said of it.

import { NetworkError, type NetworkErrorCode } from "../../errors.ts";

/**
 * The refusal of a server, or of the client in its place.
 *
 * @see zookeeper.h of ZooKeeper's client in C, `enum ZOO_ERRORS`
 */
export class ZooKeeperFailure extends Error {
  override readonly name = "ZooKeeperFailure";
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }

  /** There is no such node. */
  get isMissing(): boolean {
    return this.code === -101;
  }

  /** There is such a node. */
  get isThere(): boolean {
    return this.code === -110;
  }

  /** The node is of another version. */
  get isStale(): boolean {
    return this.code === -103;
  }

  /** NOAUTH and AUTHFAILED. */
  get isForbidden(): boolean {
    return [-102, -115].includes(this.code);
  }

  /** The session has ended: EXPIRED, CLOSING, and INVALIDSTATE of a client that was closed. */
  get isOver(): boolean {
    return [-9, -112, -116].includes(this.code);
  }

  /**
   * A later one may succeed, and this one may have, too: CONNECTIONLOSS, OPERATIONTIMEOUT, NOTHING,
   * SESSIONMOVED, and what is said when a session has ended.
   */
  get isPassing(): boolean {
    return this.isOver || [-4, -7, -117, -118].includes(this.code);
  }
}

/** Whether the same may succeed later. */
export function isPassing(error: unknown): boolean {
  return error instanceof ZooKeeperFailure && error.isPassing;
}

/** What a caller is told. */
export function storeError(operation: string, cause: unknown, doubt = ""): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const isForbidden = cause instanceof ZooKeeperFailure && cause.isForbidden;
  const code: NetworkErrorCode = isForbidden ? "STORE_FORBIDDEN" : "STORE_FAILED";
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new NetworkError(code, { operation, reason: `ZooKeeper: ${text}${doubt}`, cause });
}
