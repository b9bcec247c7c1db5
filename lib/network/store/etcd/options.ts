// What a store in etcd is opened with, and whether it is in order.

import { invalidArgument, refuseUnknown } from "../../../errors.ts";
import { checkedRequestTimeout, checkedText } from "../server-options.ts";

/** How servers and this process prove who they are; each in the form of PEM. */
export interface EtcdTlsOptions {
  /** Who signs the servers' certificates. Default: those that Node trusts. */
  readonly ca?: string | Buffer;
  /** This process's certificate; together with `key`. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name in the servers' certificates. Default: that of the endpoint. */
  readonly serverName?: string;
}

/** Where a store in etcd is. */
export interface EtcdStoreOptions {
  /** Addresses of one or more members of one cluster, as `"http://127.0.0.1:2379"`, or with https. */
  readonly endpoints: readonly string[];
  /**
   * What the store's keys in etcd begin with: 1 to 200 printable ASCII characters without spaces.
   * Nobody else may write below it. Default: `"vethwork/"`.
   */
  readonly prefix?: string;
  /** Who to be, where etcd asks for it; together with `password`. */
  readonly user?: string;
  readonly password?: string;
  /** For endpoints with https. */
  readonly tls?: EtcdTlsOptions;
  /**
   * Milliseconds after which a request is given up, repetitions included; 100 to 3600000.
   * Default: 10000.
   */
  readonly requestTimeoutMs?: number;
}

/** Options that are in order. */
export interface CheckedOptions {
  /** With a slash at the end. */
  readonly endpoints: readonly URL[];
  readonly prefix: string;
  readonly user: { readonly name: string; readonly password: string } | undefined;
  readonly tls: EtcdTlsOptions;
  readonly requestTimeoutMs: number;
}

function checkedEndpoint(property: string, endpoint: unknown): URL {
  const text = checkedText(property, endpoint);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw invalidArgument("range", property, "must be a URL with http or https");
  }
  if (`${url.username}${url.password}${url.search}${url.hash}` !== "") {
    const reason = "must be without user, password, query and fragment";
    throw invalidArgument("range", property, reason);
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function checkedEndpoints(endpoints: unknown): URL[] {
  if (!Array.isArray(endpoints)) throw invalidArgument("type", "endpoints", "must be an array");
  if (endpoints.length === 0) throw invalidArgument("range", "endpoints", "must not be empty");
  return Array.from(endpoints, (endpoint: unknown, position) =>
    checkedEndpoint(`endpoints[${position}]`, endpoint),
  );
}

function checkedPrefix(prefix: unknown): string {
  const text = checkedText("prefix", prefix);
  if (/^[!-~]{1,200}$/.test(text)) return text;
  const reason = "must be 1 to 200 printable ASCII characters without spaces";
  throw invalidArgument("range", "prefix", reason);
}

/** Both of two, or none. */
function checkPair(path: string, options: object, names: readonly [string, string]): void {
  const given = names.filter((name) => Reflect.get(options, name) !== undefined);
  const missing = names.find((name) => !given.includes(name));
  if (given.length !== 1 || missing === undefined) return;
  throw invalidArgument("type", `${path}${missing}`, `is missing beside ${given[0]}`);
}

function checkedUser(options: EtcdStoreOptions): CheckedOptions["user"] {
  checkPair("", options, ["user", "password"]);
  const { user, password } = options;
  if (user === undefined) return undefined;
  return { name: checkedText("user", user), password: checkedText("password", password) };
}

function checkedTls(tls: EtcdTlsOptions): EtcdTlsOptions {
  refuseUnknown("tls", tls, ["ca", "cert", "key", "serverName"], "tls.");
  checkPair("tls.", tls, ["cert", "key"]);
  for (const name of ["ca", "cert", "key"] as const) {
    const pem: unknown = tls[name];
    if (pem !== undefined && typeof pem !== "string" && !Buffer.isBuffer(pem)) {
      throw invalidArgument("type", `tls.${name}`, "must be a string or a Buffer");
    }
  }
  if (tls.serverName !== undefined) checkedText("tls.serverName", tls.serverName);
  return tls;
}

/** The options with everything in them checked. */
export function checkedOptions(options: EtcdStoreOptions): CheckedOptions {
  const names = ["endpoints", "prefix", "user", "password", "tls", "requestTimeoutMs"];
  refuseUnknown("options", options, names);
  const { endpoints, prefix = "vethwork/", tls = {}, requestTimeoutMs = 10_000 } = options;
  return {
    endpoints: checkedEndpoints(endpoints),
    prefix: checkedPrefix(prefix),
    user: checkedUser(options),
    tls: checkedTls(tls),
    requestTimeoutMs: checkedRequestTimeout(requestTimeoutMs),
  };
}
