// What one sandbox sees: the names of its networks, and names of its own for some of them.

import { objectArgument } from "../../errors.ts";
import { checkDnsName } from "./name.ts";
import type { Name, Zone } from "./zone.ts";

/** Names that one sandbox alone has for others: its name to the other's. */
export type Links = Readonly<Record<string, string>>;

/** The names that one sandbox can ask for. */
export class View {
  readonly #networks = new Map<Zone, ReadonlyMap<string, string>>();

  /**
   * Lets the sandbox see a network's names. If it does already, its links are replaced.
   *
   * A link is looked up when it is asked for, so it follows the other one to new addresses.
   *
   * @throws {RangeError} `ERR_OUT_OF_RANGE` if a link's names are no host names.
   */
  add(zone: Zone, links: Links = {}): void {
    const targets = new Map<string, string>();
    for (const [alias, target] of Object.entries(objectArgument("links", links))) {
      const name = checkDnsName(alias, `links[${JSON.stringify(alias)}]`);
      const other = checkDnsName(target, `links[${JSON.stringify(alias)}]`);
      targets.set(name, other).set(`${name}.${zone.network}`, other);
    }
    this.#networks.set(zone, targets);
  }

  /** Hides a network's names. Nothing happens if they are not seen. */
  remove(zone: Zone): void {
    this.#networks.delete(zone);
  }

  /** What a name in lower case stands for, in the first of the networks that knows it. */
  find(name: string): Name | undefined {
    for (const [zone, links] of this.#networks) {
      const found = zone.find(links.get(name) ?? name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
