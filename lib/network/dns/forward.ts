// Questions that no name of the sandbox's answers, put to servers elsewhere.

import { isIP } from "node:net";
import { invalidArgument, objectArgument, refuseUnknown } from "../../errors.ts";
import {
  type Exchange,
  exchangeTcp,
  exchangeUdp,
  type NameServer,
} from "../../inside/dns-exchange.ts";
import {
  codeOf,
  type Query,
  refusals,
  truncate,
  withId,
  writeRefusal,
} from "../../values/dns-message.ts";

/** How servers are asked. */
export interface ForwarderOptions {
  /** Milliseconds after which a question is given up; 1 to 60000. Default: 4000. */
  readonly timeoutMs?: number;
  /** Milliseconds after which a UDP question is sent again to a silent server. Default: 1000. */
  readonly retryMs?: number;
  /** Milliseconds that a server has before the next one is asked as well. Default: 300. */
  readonly headStartMs?: number;
  /** Questions that may wait for an answer at one time; 1 to 65536. Default: 256. */
  readonly maxInFlight?: number;
}

const ranges = {
  timeoutMs: { min: 1, max: 60_000, default: 4000 },
  retryMs: { min: 1, max: 60_000, default: 1000 },
  headStartMs: { min: 1, max: 60_000, default: 300 },
  maxInFlight: { min: 1, max: 65_536, default: 256 },
} as const;

/** As many servers as resolv.conf(5) may name. */
const mostUpstreams = 3;
/** Milliseconds for which a server that stayed silent is asked after the others. */
const distrustMs = 10_000;

function checkUpstream(upstream: NameServer, path: string): void {
  refuseUnknown(path, upstream, ["namespace", "address", "port"], `${path}.`);
  const { namespace, address, port = 53 } = upstream;
  // A name would be looked up, and not from where the question is to go out.
  if (typeof address !== "string" || isIP(address) === 0) {
    throw invalidArgument("range", `${path}.address`, "must be an IP address");
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalidArgument("range", `${path}.port`, "must be an integer from 1 to 65535");
  }
  objectArgument(`${path}.namespace`, namespace);
}

/**
 * The first value that one of the attempts gives. Each next one begins when an earlier one has
 * failed, or when the last has had its head start; none when the signal is aborted.
 */
function race<T>(
  attempts: readonly (() => Promise<T>)[],
  headStartMs: number,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let failed = 0;
    let timer: NodeJS.Timeout | undefined;
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
    const fail = (reason: unknown) => {
      failed += 1;
      if (failed === attempts.length) reject(reason);
      else begin();
    };
    const begin = () => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (attempt === undefined || signal.aborted) return;
      begun += 1;
      if (begun < attempts.length) timer = setTimeout(begin, headStartMs);
      attempt().then(resolve, fail);
    };
    begin();
  });
}

/**
 * Puts the questions of one sandbox to servers elsewhere. The servers are asked in their order: the
 * next as well when one has not answered within the head start, and at once when one refuses or
 * fails. The first good answer counts; that a name does not exist is one, too.
 *
 * A server that stayed silent is asked last for ten seconds. Equal questions that wait at the same
 * time are sent once. Nothing is kept: each question that comes later is sent anew.
 */
export class Forwarder {
  readonly #limits: { readonly [Name in keyof typeof ranges]: number };
  readonly #waiting = new Map<string, Promise<Buffer | undefined>>();
  readonly #underway = new Set<AbortController>();
  #inFlight = 0;
  #upstreams: readonly NameServer[] = [];
  #distrusted = new Map<NameServer, number>();

  /** @throws {RangeError} `ERR_OUT_OF_RANGE` if an option is no integer of its range. */
  constructor(options: ForwarderOptions = {}) {
    refuseUnknown("options", options, Object.keys(ranges));
    const limit = (name: keyof typeof ranges) => {
      const { min, max, default: usual } = ranges[name];
      const value = options[name] ?? usual;
      if (!Number.isInteger(value) || value < min || value > max) {
        throw invalidArgument("range", name, `must be an integer from ${min} to ${max}`);
      }
      return value;
    };
    this.#limits = {
      timeoutMs: limit("timeoutMs"),
      retryMs: limit("retryMs"),
      headStartMs: limit("headStartMs"),
      maxInFlight: limit("maxInFlight"),
    };
  }

  /**
   * Sets which servers to ask from now on; of more than three the first three. Without any, as in a
   * sandbox that has internal networks alone, every question fails at once, those that wait
   * included, and nothing is sent. Otherwise those that wait go on waiting.
   *
   * @throws {RangeError} `ERR_OUT_OF_RANGE` if an address is no IP address, or a port none.
   */
  setUpstreams(upstreams: readonly NameServer[]): void {
    for (const [n, upstream] of upstreams.entries()) checkUpstream(upstream, `upstreams[${n}]`);
    this.#upstreams = upstreams.slice(0, mostUpstreams);
    this.#distrusted = new Map();
    if (upstreams.length > 0) return;
    for (const question of this.#underway) question.abort();
  }

  /**
   * The answer to a query, always one: if no server has a good one in time, or too many questions
   * wait already, that the look-up failed. What came by UDP is asked by UDP and what came by TCP by
   * TCP, so that who was told that an answer is too long for UDP can come again.
   */
  async ask(query: Query, transport: "udp" | "tcp"): Promise<Buffer> {
    const { bytes, payload } = query;
    const failure = () => writeRefusal(bytes, refusals.failed, query);
    const full = this.#inFlight >= this.#limits.maxInFlight;
    if (full || this.#upstreams.length === 0) return failure();
    this.#inFlight += 1;
    try {
      const answer = await this.#joined(bytes, transport);
      if (answer === undefined) return failure();
      if (transport === "udp" && answer.length > payload) return truncate(query, answer);
      return withId(answer, bytes.readUInt16BE(0));
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Gives up what waits, and asks nobody any more. */
  close(): void {
    this.setUpstreams([]);
  }

  /** Joins a question that differs in its id alone, if one waits. */
  #joined(query: Buffer, transport: "udp" | "tcp"): Promise<Buffer | undefined> {
    const key = transport + query.toString("latin1", 2);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const asked = this.#ask(query, transport === "udp" ? exchangeUdp : exchangeTcp).finally(() =>
      this.#waiting.delete(key),
    );
    this.#waiting.set(key, asked);
    return asked;
  }

  async #ask(query: Buffer, exchange: Exchange): Promise<Buffer | undefined> {
    const { timeoutMs, headStartMs } = this.#limits;
    const over = new AbortController();
    const deadline = setTimeout(() => over.abort(), timeoutMs);
    this.#underway.add(over);
    try {
      const attempts = this.#inOrder().map(
        (upstream) => () => this.#askOne(upstream, query, exchange, over.signal),
      );
      return await race(attempts, headStartMs, over.signal);
    } catch {
      // Refused, failed, silent: to the one who asked it is all the same.
      return undefined;
    } finally {
      clearTimeout(deadline);
      this.#underway.delete(over);
      over.abort();
    }
  }

  async #askOne(
    upstream: NameServer,
    query: Buffer,
    exchange: Exchange,
    over: AbortSignal,
  ): Promise<Buffer> {
    const { retryMs, headStartMs } = this.#limits;
    const begun = performance.now();
    try {
      const answer = await exchange(upstream, query, { signal: over, retryMs });
      const code: number = codeOf(answer);
      if (code === refusals.failed || code === refusals.refused) throw new Error(`code ${code}`);
      this.#distrusted.delete(upstream);
      return answer;
    } catch (error) {
      const now = performance.now();
      if (over.aborted && now - begun >= headStartMs) {
        this.#distrusted.set(upstream, now + distrustMs);
      }
      throw error;
    }
  }

  #inOrder(): NameServer[] {
    const now = performance.now();
    const distrusted = (upstream: NameServer) => (this.#distrusted.get(upstream) ?? 0) > now;
    return [
      ...this.#upstreams.filter((upstream) => !distrusted(upstream)),
      ...this.#upstreams.filter(distrusted),
    ];
  }
}
