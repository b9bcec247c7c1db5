// What http, https and fetch need to go out from inside a namespace.

import { type ClientRequestArgs, Agent as HttpAgent } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, type RequestOptions } from "node:https";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { buildConnector } from "undici";
import { objectArgument } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { connect } from "./connect.ts";

/** What Node's `fetch` takes, in the types that it is declared with. */
export type FetchDispatcher = NonNullable<RequestInit["dispatcher"]>;

/** For HTTP from inside a namespace, each with its own pool of connections. */
export interface NamespaceAgent extends AsyncDisposable {
  /** For `http.request({ agent })`. */
  readonly http: HttpAgent;
  /** For `https.request({ agent })`. */
  readonly https: HttpsAgent;
  /** For `fetch(url, { dispatcher })`, Node's own or that of the package undici; http and https. */
  readonly dispatcher: FetchDispatcher;
  /** Closes the connections that are idle, and those in use when they are. */
  close(): Promise<void>;
}

type Finish = (error: Error | null, socket: Duplex) => void;
type SecureOptions = NonNullable<Parameters<typeof buildConnector>[0]>;
type Destination = Parameters<buildConnector.connector>[0];

function reach(namespace: Namespace, wanted: ClientRequestArgs): Promise<Socket> {
  const { host, port, socketPath, localAddress, family } = wanted;
  if (socketPath) return connect(namespace, { path: socketPath });
  return connect(namespace, {
    port: Number(port),
    noDelay: true,
    ...(host && { host }),
    ...(localAddress !== undefined && { localAddress }),
    ...((family === 4 || family === 6) && { family }),
  });
}

/** Hands over what `opening` comes to; an agent's connection may come later. */
function settle(opening: Promise<Duplex>, finish: Finish | undefined): void {
  opening.then(
    (socket) => finish?.(null, socket),
    (error) => finish?.(error, undefined as never),
  );
}

class InsideHttpAgent extends HttpAgent {
  readonly #namespace: Namespace;

  constructor(namespace: Namespace, options: AgentOptions) {
    super(options);
    this.#namespace = namespace;
  }

  override createConnection(wanted: ClientRequestArgs, finish?: Finish): undefined {
    settle(reach(this.#namespace, wanted), finish);
  }
}

class InsideHttpsAgent extends HttpsAgent {
  readonly #namespace: Namespace;

  constructor(namespace: Namespace, options: AgentOptions) {
    super(options);
    this.#namespace = namespace;
  }

  override createConnection(wanted: RequestOptions, finish?: Finish): undefined {
    settle(this.#secure(wanted), finish);
  }

  /** TLS, its sessions and the server's name are Node's own business. */
  async #secure(wanted: RequestOptions): Promise<Duplex> {
    const socket = await reach(this.#namespace, wanted);
    const over = { ...wanted, socket };
    const secured = super.createConnection(over);
    if (!secured) throw new TypeError("https.Agent made no connection");
    return secured;
  }
}

type Dispatcher = FetchDispatcher & { readonly closed: boolean };

/** What is used of the package undici, of whose types Node's own for `fetch` are another release. */
interface Undici {
  readonly Agent: new (options: { connect: buildConnector.connector }) => Dispatcher;
  readonly buildConnector: typeof buildConnector;
}

/** Loads the package when it is first wanted: it takes as long as the rest of the library. */
function loadUndici(): Undici {
  return createRequire(import.meta.url)("undici");
}

/** What of an agent's options is about TLS. */
function securityOf(options: AgentOptions): SecureOptions {
  const { ca, cert, key, passphrase, pfx, ciphers, minVersion, maxVersion } = options;
  const { rejectUnauthorized, checkServerIdentity, servername } = options;
  const all = { ca, cert, key, passphrase, pfx, ciphers, minVersion, maxVersion };
  const given = { ...all, rejectUnauthorized, checkServerIdentity, servername };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function openDispatcher(namespace: Namespace, options: AgentOptions): Dispatcher {
  const { Agent, buildConnector: build } = loadUndici();
  const secure = build(securityOf(options));
  const join = async (to: Destination): Promise<Socket> =>
    await reach(namespace, {
      host: to.hostname.replace(/^\[|\]$/g, ""),
      port: to.port || (to.protocol === "https:" ? 443 : 80),
      ...(to.localAddress && { localAddress: to.localAddress }),
    });
  return new Agent({
    connect: (to, finish) => {
      join(to).then(
        (socket) =>
          to.protocol === "https:"
            ? secure({ ...to, httpSocket: socket }, finish)
            : finish(null, socket),
        (error) => finish(error, null),
      );
    },
  });
}

/**
 * Agents by which `http`, `https` and `fetch` go out from inside a namespace, and look names up as
 * it does. Nothing is opened before it is used; the handle has to stay open meanwhile.
 *
 * ```ts
 * const { dispatcher } = agent(namespace);
 * const response = await fetch("http://10.0.0.2/", { dispatcher });
 * ```
 *
 * @param options of the `http` and `https` agents; what is about TLS (`ca`, `cert`, `key`,
 *   `rejectUnauthorized`, …) holds for the dispatcher, too. Default: connections are kept alive.
 * @throws {TypeError} if `options` is no object.
 */
export function agent(namespace: Namespace, options: AgentOptions = {}): NamespaceAgent {
  objectArgument("options", options);
  const settings = { keepAlive: true, ...options };
  const http = new InsideHttpAgent(namespace, settings);
  const https = new InsideHttpsAgent(namespace, settings);
  let dispatcher: Dispatcher | undefined;
  const close = async () => {
    http.destroy();
    https.destroy();
    if (dispatcher !== undefined && !dispatcher.closed) await dispatcher.close();
  };
  return {
    http,
    https,
    get dispatcher() {
      dispatcher ??= openDispatcher(namespace, settings);
      return dispatcher;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
