// The package `zookeeper`, as far as it is used here: a binding of ZooKeeper's own client in C.

import { NetworkError } from "../../errors.ts";

/** What ends a request: 0 or the code of a failure, its name, and what was asked for. */
type Done<Result extends unknown[]> = (code: number, text: string, ...result: Result) => void;

/** Of a node. */
export interface Stat {
  /** How often it has been set since it was made. */
  readonly version: number;
}

/**
 * A client. Requests return 0, or the code of a failure, after which they do not end. Each `Done` has to
 * be a function of its own.
 */
export interface ZooKeeperClient {
  init(options: object): unknown;
  close(): void;
  on(event: string, listener: (client: unknown, path: unknown) => void): unknown;
  /** Milliseconds for which the server keeps the session when it hears nothing. */
  readonly timeout: number;
  a_create(path: string, data: Buffer, flags: number, done: Done<[string]>): number;
  a_exists(path: string, watch: boolean, done: Done<[Stat | null]>): number;
  a_get(path: string, watch: boolean, done: Done<[Stat | null, Buffer | null]>): number;
  a_get_children(path: string, watch: boolean, done: Done<[string[] | null]>): number;
  a_set(path: string, data: Buffer, version: number, done: Done<[Stat | null]>): number;
  a_delete_(path: string, version: number, done: Done<[]>): number;
  a_sync(path: string, done: Done<[string]>): number;
  set_servers(servers: string): number;
}

/** Makes clients. */
export type ZooKeeperPackage = new (options: object) => ZooKeeperClient;

/** @throws {NetworkError} `STORE_UNAVAILABLE` if it is not installed. */
export async function loadZooKeeper(operation: string): Promise<ZooKeeperPackage> {
  try {
    const loaded: { readonly default: unknown } = await import("zookeeper");
    return loaded.default as ZooKeeperPackage;
  } catch (cause) {
    const reason = 'the package "zookeeper" does not load; is it installed?';
    throw new NetworkError("STORE_UNAVAILABLE", { operation, reason, cause });
  }
}
