// The fast way to read many counters again and again: rows of 64-bit words in memory of the caller.

import { errorOfRefusal, invalidArgument, isRefusal, refuseUnknown } from "../errors.ts";
import { native } from "../native.ts";
import { counterRowLength } from "./counter-columns.ts";
import type { Namespace } from "./namespace.ts";
import type { LinkReference } from "./reference.ts";
import { explained, request } from "./request.ts";

/** Which links to count, and how. At most one of `links`, `group` and `master`. Default: all. */
export interface CounterOptions {
  /** These links; a name is looked up once, now. */
  readonly links?: readonly LinkReference[];
  /** The links of this group, as they come and go. */
  readonly group?: number;
  /** The ports of this bridge or bond, as they come and go. */
  readonly master?: LinkReference;
  /**
   * - `"netlink"` (default): all columns; a quarter of a microsecond a link. Waits while another
   *   process holds the kernel's network lock, which a bridge deletion does for 30 ms.
   * - `"proc"`: `/proc/net/dev`, held open; a microsecond a link, and no lock delays it. It lacks
   *   `rxNohandler` and `rxOtherhostDropped`, which stay zero, and merges others: `rxDropped` holds
   *   `rxMissedErrors` too, `rxFrameErrors` all of `rxLengthErrors`, `rxOverErrors`, `rxCrcErrors`
   *   and itself, `txCarrierErrors` all of `txAbortedErrors`, `txWindowErrors`,
   *   `txHeartbeatErrors` and itself.
   */
  readonly source?: "netlink" | "proc";
  /**
   * Whether the far ends of veth pairs are meant: rx and tx change places. So the counters of all
   * containers on a bridge come from one sweep of its ports. Default: false.
   */
  readonly farEnds?: boolean;
}

/** A link came into the selection or left it. */
export interface CounterChange {
  readonly type: "added" | "removed";
  /** Its row. A row is given to another link only after its own has been reported as removed. */
  readonly row: number;
  readonly index: number;
  readonly name: string;
}

/** What the native layer takes. */
export interface NativeCounterOptions {
  readonly indexes?: Uint32Array;
  readonly group?: number;
  readonly master?: number;
  readonly proc: boolean;
  readonly farEnds: boolean;
}

const knownOptions = ["links", "group", "master", "source", "farEnds"];

async function indexOf(namespace: Namespace, link: LinkReference): Promise<number> {
  if (typeof link === "number") return link;
  if ("index" in link) return link.index;
  return (await request(namespace, "getLink", { link })).index;
}

/** Checks options and looks their names up. @internal */
export async function nativeCounterOptions(
  namespace: Namespace,
  options: CounterOptions,
): Promise<NativeCounterOptions> {
  refuseUnknown("options", options, knownOptions);
  const { links, group, master, source = "netlink", farEnds = false } = options;
  if ([links, group, master].filter((one) => one !== undefined).length > 1) {
    throw invalidArgument("type", "links", "at most one of links, group and master");
  }
  if (source !== "netlink" && source !== "proc") {
    throw invalidArgument("range", "source", 'must be one of "netlink", "proc"');
  }
  if (group !== undefined && !(Number.isInteger(group) && group >= 0 && group <= 0x7fffffff)) {
    throw invalidArgument("range", "group", "must be an integer from 0 to 2147483647");
  }
  const find = (link: LinkReference) => indexOf(namespace, link);
  return {
    ...(links && { indexes: Uint32Array.from(await Promise.all(links.map(find))) }),
    ...(group !== undefined && { group }),
    ...(master !== undefined && { master: await find(master) }),
    proc: source === "proc",
    farEnds,
  };
}

function checkRoom(rows: number, into: BigUint64Array): number {
  if (rows * counterRowLength > into.length) {
    const words = rows * counterRowLength;
    throw invalidArgument("range", "into", `has ${into.length} words, ${words} are needed`);
  }
  return rows;
}

/**
 * Sweeps the counters of a namespace's links into arrays of the caller's.
 *
 * Each link has a row of {@link counterRowLength} words as long as it lives; the words are in the
 * order of `counterColumns`. A row without a link is zero. Which links came and went since it was
 * last asked, {@link takeChanges} tells; an interface index that is used again is another link.
 */
export class CounterReader {
  readonly #namespace: Namespace;
  #sweep: ((into: BigUint64Array) => number) | undefined;

  /** @internal Use {@link openCounters}. */
  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** The interface index of each row; 0 where a row is free. */
  get indexes(): Uint32Array {
    return native().counterIndexes(this);
  }

  /** How many rows a sweep fills now. */
  get rows(): number {
    return this.indexes.length;
  }

  /** When the last sweep ended, in nanoseconds of the monotonic clock; 0n before the first. */
  get time(): bigint {
    return native().counterTime(this);
  }

  /**
   * An array with room for the links that there are now, and half as many again; of shared memory,
   * which {@link read} fills without a copy.
   */
  allocate(): BigUint64Array {
    const words = Math.ceil(this.rows * 1.5 + 8) * counterRowLength;
    return new BigUint64Array(new SharedArrayBuffer(words * BigUint64Array.BYTES_PER_ELEMENT));
  }

  /**
   * Sweeps on a native thread, after the calls made on the namespace before, and returns the number
   * of rows filled. An array of a `SharedArrayBuffer` is filled while the sweep goes on; any other
   * is written when it is done, since a script could take its memory away meanwhile.
   *
   * @throws {RangeError} `ERR_OUT_OF_RANGE` if there are more rows than `into` has room for;
   *   nothing was written.
   * @throws {NetlinkError} `EINTR` if the links changed a dozen times in a row; `ENOBUFS` if their
   *   changes crowded the answer out four times.
   */
  async read(into: BigUint64Array): Promise<number> {
    const reading = native().readCounters(this, this.#namespace, into);
    return checkRoom(await explained("readCounters", undefined, reading), into);
  }

  /**
   * {@link read} on the calling thread: about 0.3 µs a link, but it waits, and the event loop with
   * it, while another process holds the kernel's network lock: 30 ms and more (unless the source is
   * `"proc"`).
   */
  readSync(into: BigUint64Array): number {
    try {
      this.#sweep ??= native().counterSweeper(this);
      return checkRoom(this.#sweep(into), into);
    } catch (error) {
      throw isRefusal(error) ? errorOfRefusal("readCounters", undefined, error) : error;
    }
  }

  /**
   * What came and went since the last call, oldest first; at first, every link as added. Of a link
   * that came and went since, nothing is told, so that it costs no memory never to ask.
   */
  takeChanges(): readonly CounterChange[] {
    return native().counterChanges(this) ?? [];
  }

  /** Releases its descriptors. A collected reader closes itself. */
  close(): void {
    native().closeCounters(this);
  }

  /** {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a counter reader on a namespace; it costs one link list. The reader does not keep the
 * namespace alive for {@link CounterReader.read}, which needs the handle open.
 *
 * @throws {NetlinkError} `ENODEV` if a named link does not exist.
 */
export async function openCounters(
  namespace: Namespace,
  options: CounterOptions = {},
): Promise<CounterReader> {
  const reader = new CounterReader(namespace);
  const checked = await nativeCounterOptions(namespace, options);
  const opening = native().openCounters(reader, namespace, checked);
  await explained("openCounters", undefined, opening);
  return reader;
}
