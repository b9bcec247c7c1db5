// One session with ZooKeeper: requests as promises, and what it tells by itself.

import { ZooKeeperFailure } from "./failures.ts";
import type { Stat, ZooKeeperClient, ZooKeeperPackage } from "./package.ts";

/** Of the flags of a new node: it goes with the session. */
const ephemeral = 1;

/**
 * So often in a row the client may read less than an answer before it takes its session for lost: large
 * answers come in many pieces.
 */
const mostPieces = 2 ** 31 - 1;

/**
 * Where nobody serves, so that a client that is sent there is of no server any more. It tells servers apart
 * by their addresses alone.
 */
const nowhere = "127.255.255.254:1";

/**
 * So long a client is given for its first connection, and twice as long the next time: one whose first
 * server refuses it at once does not try another.
 */
const firstAttemptMs = 250;

/** How a session is begun. */
export interface SessionOptions {
  readonly servers: readonly string[];
  /** Milliseconds for which it is to outlive its last sign of life. */
  readonly timeoutMs: number;
  /** So long a connection is waited for. */
  readonly patienceMs: number;
}

/** What a session tells. */
export interface SessionEvents {
  /** A node that was watched has changed. */
  readonly onChange?: (path: string) => void;
  /** There is a connection again; what was watched may have changed meanwhile. */
  readonly onReturn?: () => void;
  /** The server has ended it, or `close` has. */
  readonly onEnd?: () => void;
}

/** What a node has, and how often it has been set. */
export interface Content {
  readonly data: Buffer;
  readonly version: number;
}

/** Requests of a session reach the server in their order. Each rejects with a {@link ZooKeeperFailure}. */
export class Session {
  readonly #client: ZooKeeperClient;
  #ended = false;

  private constructor(client: ZooKeeperClient) {
    this.#client = client;
  }

  /** Begins a session; it is there when a server has taken it. */
  static async open(
    zookeeper: ZooKeeperPackage,
    { servers, timeoutMs, patienceMs }: SessionOptions,
    events: SessionEvents = {},
  ): Promise<Session> {
    const deadline = performance.now() + patienceMs;
    const first = Math.floor(Math.random() * servers.length);
    for (let attempt = 0; ; attempt += 1) {
      const turn = (first + attempt) % servers.length;
      const session = new Session(
        new zookeeper({
          connect: [...servers.slice(turn), ...servers.slice(0, turn)].join(","),
          timeout: timeoutMs,
          debug_level: 0,
          response_counter_limit: mostPieces,
          host_order_deterministic: true,
        }),
      );
      const left = deadline - performance.now();
      try {
        await session.#begin(Math.min(left, firstAttemptMs * 2 ** attempt), events);
        return session;
      } catch (error) {
        if (performance.now() >= deadline) throw error;
      }
    }
  }

  async #begin(patienceMs: number, events: SessionEvents): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        reject(new ZooKeeperFailure(-4, "no server answers"));
        this.close();
      };
      let late = setTimeout(giveUp, patienceMs);
      let isBegun = false;
      this.#client.on("connect", () => {
        clearTimeout(late);
        if (isBegun) events.onReturn?.();
        isBegun = true;
        resolve();
      });
      // Without a connection, nobody says that it has ended; a server that was put back never will.
      this.#client.on("connecting", () => {
        if (!isBegun) return;
        clearTimeout(late);
        late = setTimeout(giveUp, this.timeoutMs).unref();
      });
      this.#client.on("close", () => {
        this.#ended = true;
        clearTimeout(late);
        reject(new ZooKeeperFailure(-116, "the session was ended"));
        if (isBegun) events.onEnd?.();
      });
      for (const event of ["created", "deleted", "changed", "child"]) {
        this.#client.on(event, (_, path) => events.onChange?.(String(path)));
      }
      this.#client.init({});
    });
  }

  /** Milliseconds for which the server keeps it when it hears nothing. */
  get timeoutMs(): number {
    return this.#client.timeout;
  }

  #request<Result extends unknown[]>(
    begin: (done: (code: number, text: string, ...result: Result) => void) => number,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw new ZooKeeperFailure(-116, "the session has ended");
      const refusal = begin((code, text, ...result) => {
        if (code === 0) resolve(result);
        else reject(new ZooKeeperFailure(code, text));
      });
      if (refusal !== 0) throw new ZooKeeperFailure(refusal, `refused by the client: ${refusal}`);
    });
  }

  async create(path: string, data: Buffer, kind?: "ephemeral"): Promise<void> {
    const flags = kind === undefined ? 0 : ephemeral;
    await this.#request<[string]>((done) => this.#client.a_create(path, data, flags, done));
  }

  /** Makes a node, unless it is there. */
  async ensure(path: string, data: Buffer = Buffer.alloc(0)): Promise<void> {
    await this.create(path, data).catch((error: unknown) => {
      if (!(error instanceof ZooKeeperFailure && error.isThere)) throw error;
    });
  }

  async get(path: string, { watch = false }: { readonly watch?: boolean } = {}): Promise<Content> {
    const [stat, data] = await this.#request<[Stat | null, Buffer | null]>((done) =>
      this.#client.a_get(path, watch, done),
    );
    return { data: data ?? Buffer.alloc(0), version: stat?.version ?? 0 };
  }

  async exists(path: string): Promise<boolean> {
    const asked = this.#request<[Stat | null]>((done) => this.#client.a_exists(path, false, done));
    return await asked.then(
      () => true,
      (error: unknown) => {
        if (error instanceof ZooKeeperFailure && error.isMissing) return false;
        throw error;
      },
    );
  }

  async children(
    path: string,
    { watch = false }: { readonly watch?: boolean } = {},
  ): Promise<string[]> {
    const [names] = await this.#request<[string[] | null]>((done) =>
      this.#client.a_get_children(path, watch, done),
    );
    return names ?? [];
  }

  /** Sets a node that is of a version, by which it comes to be of the next. */
  async set(path: string, data: Buffer, version: number): Promise<void> {
    await this.#request<[Stat | null]>((done) => this.#client.a_set(path, data, version, done));
  }

  /** Removes a node, if it is there. */
  async remove(path: string): Promise<void> {
    await this.#request<[]>((done) => this.#client.a_delete_(path, -1, done)).catch(
      (error: unknown) => {
        if (!(error instanceof ZooKeeperFailure && error.isMissing)) throw error;
      },
    );
  }

  /** Afterwards the server knows what any other one did before. */
  async sync(path: string): Promise<void> {
    await this.#request<[string]>((done) => this.#client.a_sync(path, done));
  }

  /** Ends it, and removes the nodes that go with it. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Not from inside of the client, which may be about to tell something.
    setImmediate(() => this.#client.close());
  }

  /** Gives the connection back, and lets the server find out that nobody is there. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    setImmediate(() => {
      this.#client.set_servers(nowhere);
      this.#client.close();
    });
  }
}
