// Which link a caller means, followed through what a watcher tells.

import { invalidArgument } from "../errors.ts";
import type { Link } from "../rtnl/link.ts";
import { type LinkReference, referenceTo } from "../rtnl/reference.ts";
import type { WatchEvent } from "./events.ts";

function isIndex(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 0x7fffffff;
}

/**
 * The link of a reference, as it is now: of a name, whichever link has it, also as an alternative
 * name.
 */
export class SoughtLink {
  readonly #index: number | undefined;
  readonly #name: string | undefined;
  #link: Link | undefined;

  /** @throws {TypeError | RangeError} if it could be no link. */
  constructor(property: string, reference: LinkReference) {
    const link: unknown = referenceTo(reference);
    const index = typeof link === "object" && link && "index" in link ? link.index : link;
    const name = typeof link === "object" && link && "name" in link ? link.name : undefined;
    if (name !== undefined) {
      if (typeof name !== "string")
        throw invalidArgument("type", `${property}.name`, "must be a string");
      if (name === "") throw invalidArgument("range", `${property}.name`, "must not be empty");
      this.#name = name;
      return;
    }
    if (typeof index !== "number") {
      throw invalidArgument("type", property, "must be an index, { index } or { name }");
    }
    if (!isIndex(index)) {
      throw invalidArgument("range", property, "must be an integer from 1 to 2147483647");
    }
    this.#index = index;
  }

  /** True if its index is to be found out. */
  get isNamed(): boolean {
    return this.#name !== undefined;
  }

  /** The link, if there is one. Only if links are watched. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** The link's index, if it is known. */
  get index(): number | undefined {
    return this.#index ?? this.#link?.index;
  }

  take(event: WatchEvent): void {
    if (event.noun !== "link") return;
    const { link } = event;
    if (event.type !== "removed" && this.#means(link)) this.#link = link;
    else if (link.index === this.#link?.index) this.#link = undefined;
  }

  #means({ index, name, alternativeNames }: Link): boolean {
    if (this.#name === undefined) return index === this.#index;
    return name === this.#name || alternativeNames?.includes(this.#name) === true;
  }
}
