// What a store in ZooKeeper is opened with, and whether it is in order.

import { invalidArgument, refuseUnknown } from "../../../errors.ts";
import { checkedRequestTimeout, checkedText } from "../server-options.ts";

/** Where a store in ZooKeeper is. */
export interface ZooKeeperStoreOptions {
  /** One or more servers of one ensemble, as `"127.0.0.1:2181"` or `"[::1]:2181"`. */
  readonly servers: readonly string[];
  /**
   * The node that the store is below, which is made if it is missing: up to 200 letters, digits and
   * `-._/`, with a slash before each name. Nobody else may write below it. Default: `"/vethwork"`.
   */
  readonly path?: string;
  /**
   * Milliseconds after which a request is given up, repetitions included; 100 to 3600000.
   * Default: 10000.
   */
  readonly requestTimeoutMs?: number;
}

function checkedServer(property: string, server: unknown): string {
  const text = checkedText(property, server);
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && Number(port) > 0 && Number(port) < 65_536) return text;
  throw invalidArgument("range", property, "must be a host and a port, with a colon between");
}

function checkedServers(servers: unknown): string[] {
  if (!Array.isArray(servers)) throw invalidArgument("type", "servers", "must be an array");
  if (servers.length === 0) throw invalidArgument("range", "servers", "must not be empty");
  return Array.from(servers, (server: unknown, position) =>
    checkedServer(`servers[${position}]`, server),
  );
}

function checkedPath(path: unknown): string {
  const text = checkedText("path", path);
  const names = text.split("/").slice(1);
  const isOne = text.length <= 200 && text.startsWith("/") && /^[\w./-]+$/.test(text);
  if (isOne && !names.some((name) => ["", ".", ".."].includes(name))) return text;
  const reason = "must be up to 200 letters, digits and -._/, with a slash before each name";
  throw invalidArgument("range", "path", reason);
}

/** The options with everything in them checked. */
export function checkedOptions(options: ZooKeeperStoreOptions): Required<ZooKeeperStoreOptions> {
  refuseUnknown("options", options, ["servers", "path", "requestTimeoutMs"]);
  const { servers, path = "/vethwork", requestTimeoutMs = 10_000 } = options;
  return {
    servers: checkedServers(servers),
    path: checkedPath(path),
    requestTimeoutMs: checkedRequestTimeout(requestTimeoutMs),
  };
}
