// Where in etcd a store is: below a prefix of its own.
//
//   PREFIX entry/KEY    the value of a key, as JSON
//   PREFIX lease/ID     that a lease is there: it goes with the lease
//   PREFIX head         put by every commit: its revision is that of the last one

import { encoded, type KeyRange } from "./wire.ts";

/** After every character that a key can have. */
const afterAll = "\x7f";

/** What `head` has: the layout's name. */
export const format = "vethwork store 1";

/** The keys of a store. */
export class Layout {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get head(): KeyRange {
    return this.#one("head");
  }

  /** All that is the store's. */
  get whole(): KeyRange {
    return this.#below("");
  }

  get leases(): KeyRange {
    return this.#below("lease/");
  }

  lease(id: string): KeyRange {
    return this.#one(`lease/${id}`);
  }

  entry(key: string): KeyRange {
    return this.#one(`entry/${key}`);
  }

  /** The entries that begin with a prefix. */
  entries(prefix: string): KeyRange {
    return this.#below(`entry/${prefix}`);
  }

  /** The entry or the lease that a key of etcd is for; neither for `head`. */
  parse(path: string): { readonly entry?: string; readonly lease?: string } {
    const [, kind, name] = /^(entry|lease)\/(.+)$/.exec(path.slice(this.#prefix.length)) ?? [];
    if (kind === undefined || name === undefined) return {};
    return kind === "entry" ? { entry: name } : { lease: name };
  }

  #one(path: string): KeyRange {
    return { key: encoded(this.#prefix + path) };
  }

  #below(path: string): KeyRange {
    const start = this.#prefix + path;
    return { key: encoded(start), range_end: encoded(start + afterAll) };
  }
}
