// Requests to etcd: by whichever endpoint answers, under a token if one is needed, in a given time.

import { setTimeout as sleep } from "node:timers/promises";
import type { Agent, buildConnector, Client, Dispatcher } from "undici";
import { pauseMs } from "../pause.ts";
import {
  answerOf,
  ConnectFailure,
  EtcdRefusal,
  isFinal,
  isUndone,
  storeError,
} from "./failures.ts";
import type { CheckedOptions } from "./options.ts";

type Undici = typeof import("undici");

const connectionsPerEndpoint = 16;

const json = { "content-type": "application/json" };

interface Attempt {
  readonly endpoint: URL;
  readonly path: string;
  readonly body: object;
  readonly timeoutMs: number;
}

/** How a request is made. */
export interface RequestOptions {
  /** The function that was called. */
  readonly operation: string;
  /** Whether it may be carried out twice. */
  readonly repeatable: boolean;
  /** Each endpoint is asked once, and not again. */
  readonly once?: boolean;
}

/** Requests to the members of a cluster. */
export class Connection {
  readonly requestTimeoutMs: number;
  readonly #options: CheckedOptions;
  readonly #undici: Undici;
  readonly #connect: buildConnector.connector;
  readonly #agent: Agent;
  /** Counts on when an endpoint fails, so that the others are tried. */
  #turn = 0;
  #token: Promise<string | undefined> | undefined;
  #closed = false;

  private constructor(options: CheckedOptions, undici: Undici) {
    this.#options = options;
    this.#undici = undici;
    this.requestTimeoutMs = options.requestTimeoutMs;
    const { ca, cert, key, serverName } = options.tls;
    const connect = undici.buildConnector({
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert, key }),
      ...(serverName !== undefined && { servername: serverName }),
      timeout: this.#attemptMs / 2,
      keepAliveInitialDelay: 10_000,
    });
    this.#connect = (to, finish) => {
      connect(to, (...[cause, socket]) => {
        if (cause === null) finish(null, socket);
        else finish(new ConnectFailure(reasonOf(cause), { cause }), null);
      });
    };
    this.#agent = new undici.Agent({
      ...{ connect: this.#connect, connections: connectionsPerEndpoint },
      ...{ headersTimeout: 0, bodyTimeout: 0 },
    });
  }

  /** Nothing is sent yet. undici is loaded when it is wanted: that takes a while. */
  static async create(options: CheckedOptions): Promise<Connection> {
    return new Connection(options, await import("undici"));
  }

  get endpoint(): URL {
    const { endpoints } = this.#options;
    return endpoints[this.#turn % endpoints.length] as URL;
  }

  /** How long one endpoint is waited for, if others might answer. */
  get #attemptMs(): number {
    const { endpoints, requestTimeoutMs } = this.#options;
    return Math.max(requestTimeoutMs / endpoints.length, Math.min(1000, requestTimeoutMs));
  }

  /** Another endpoint is asked next, unless that has been seen to already. */
  leave(endpoint: URL): void {
    if (endpoint === this.endpoint) this.#turn += 1;
  }

  /** The next request is made under another one. */
  forgetToken(): void {
    this.#token = undefined;
  }

  /**
   * Asks until there is an answer.
   *
   * @throws {EtcdRefusal} what etcd will say again, whoever is asked.
   * @throws {NetworkError} `STORE_FAILED`, `STORE_FORBIDDEN`
   */
  async request<T>(path: string, body: object, options: RequestOptions): Promise<T> {
    const { operation, repeatable, once = false } = options;
    const deadline = performance.now() + this.requestTimeoutMs;
    let failure: unknown;
    for (let attempt = 0; ; attempt += 1) {
      const { endpoint } = this;
      const leftMs = Math.max(deadline - performance.now(), 1);
      const timeoutMs = repeatable ? Math.min(leftMs, this.#attemptMs) : leftMs;
      try {
        return (await this.#attempt({ endpoint, path, body, timeoutMs })) as T;
      } catch (error) {
        if (isFinal(error) || this.#closed) throw error;
        this.leave(endpoint);
        const pause = pauseMs(attempt);
        const isLate = performance.now() + pause >= deadline;
        const isLast = once ? attempt + 1 >= this.#options.endpoints.length : isLate;
        const doubt = !repeatable && !isUndone(error);
        // One that had hardly any time left tells little.
        if (failure === undefined || doubt || timeoutMs >= this.#attemptMs || !isLast) {
          failure = storeError(operation, error, { endpoint: endpoint.origin, maybeMade: doubt });
        }
        if (isLast || doubt) throw failure;
        await sleep(pause);
      }
    }
  }

  async #attempt(to: Attempt): Promise<unknown> {
    return await within(to.timeoutMs, async (signal) => {
      const headers = await this.#headers(to.endpoint, signal);
      return await this.#exchange(to, { headers, signal });
    }).catch((error: unknown) => {
      // Where etcd asked nobody who he is, it may do so by now.
      if (error instanceof EtcdRefusal && (error.wantsToken || error.isForbidden)) {
        this.forgetToken();
      }
      throw error;
    });
  }

  async #exchange(
    { endpoint, path, body: request }: Omit<Attempt, "timeoutMs">,
    how: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
  ): Promise<unknown> {
    const { statusCode, body } = await this.#undici.request(new URL(path, endpoint), {
      ...{ ...how, dispatcher: this.#agent, method: "POST", body: JSON.stringify(request) },
    });
    return answerOf(statusCode, await body.text());
  }

  async #headers(endpoint: URL, signal: AbortSignal): Promise<Record<string, string>> {
    const { user } = this.#options;
    if (user === undefined) return json;
    this.#token ??= this.#authenticate(endpoint, user, signal);
    const asked = this.#token;
    const token = await asked.catch((cause: unknown) => {
      if (this.#token === asked) this.#token = undefined;
      if (isFinal(cause)) throw cause;
      throw new ConnectFailure(`no token to be had, ${String(cause)}`, { cause });
    });
    return token === undefined ? json : { ...json, authorization: token };
  }

  async #authenticate(
    endpoint: URL,
    user: object,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const asking = { endpoint, path: "v3/auth/authenticate", body: user };
      const answer = await this.#exchange(asking, { headers: json, signal });
      return (answer as { token?: string }).token;
    } catch (error) {
      // It asks nobody who he is; so does etcd's own client take it.
      if (error instanceof EtcdRefusal && /is not enabled/.test(error.message)) return undefined;
      throw error;
    }
  }

  /**
   * Begins an answer without an end, on a connection of its own, which keeps no process alive.
   *
   * @param stop ends it
   */
  async stream(
    endpoint: URL,
    path: string,
    body: object,
    stop: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const client = this.#streamingClient(endpoint.origin);
    const destroy = () => void client.destroy().catch(() => undefined);
    stop.addEventListener("abort", destroy, { once: true });
    try {
      return await within(this.requestTimeoutMs, async (signal) => {
        const headers = await this.#headers(endpoint, signal);
        stop.throwIfAborted();
        signal.addEventListener("abort", destroy, { once: true });
        const { pathname } = new URL(path, endpoint);
        const text = JSON.stringify(body);
        return await client.request({ method: "POST", path: pathname, headers, body: text });
      });
    } catch (error) {
      destroy();
      throw error;
    }
  }

  #streamingClient(origin: string): Client {
    return new this.#undici.Client(origin, {
      ...{ headersTimeout: 0, bodyTimeout: 0 },
      connect: (to, finish) => {
        this.#connect(to, (...[error, socket]) => {
          if (error !== null) return finish(error, null);
          socket.unref();
          finish(null, socket);
        });
      },
    });
  }

  /** Requests that are under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#agent.destroy();
  }
}

/** Of several addresses of one name that cannot be reached, there is no message. */
function reasonOf(cause: Error): string {
  return cause.message || ("code" in cause ? String(cause.code) : cause.name);
}

/** Does work that is aborted when its time is over. */
async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs).unref();
  try {
    return await work(late.signal);
  } catch (error) {
    if (!late.signal.aborted || isUndone(error)) throw error;
    throw new Error(`no answer for ${Math.round(timeoutMs)} ms`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
