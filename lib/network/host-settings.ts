// Settings of the host that networks need: changed only if they have to be, and put back.

import { getSysctl, setSysctl } from "../rtnl/forwarding.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { Keys } from "./keys.ts";
import type { Network } from "./model.ts";
import type { Condition, Entry, Store } from "./store/store.ts";

/** A setting of the host that was changed. */
export interface ChangedSetting {
  /** As sysctl(8) names it. */
  readonly name: string;
  readonly before: string;
  readonly value: string;
}

/** What a set of networks needs of the host. */
export function settingsFor(
  networks: Iterable<Network>,
  isRouted: (network: Network) => boolean,
): Map<string, string> {
  const needed = new Map<string, string>();
  for (const network of networks) {
    // Of a network of which the host has a part, the rest is behind it, whether it leads out or not.
    const isShut = network.internal && network.scope === "local";
    if (isShut || !isRouted(network)) continue;
    needed.set("net.ipv4.ip_forward", "1");
    if (network.ipv6) needed.set("net.ipv6.conf.all.forwarding", "1");
  }
  return needed;
}

function settingOf({ key, value }: Entry, keys: Keys): ChangedSetting {
  const { before, value: ours } = value as { before: string; value: string };
  return { name: key.slice(keys.sysctls.length), before, value: ours };
}

/** The settings of one host, and the record of what they were. */
export class HostSettings {
  readonly #host: Namespace;
  readonly #store: Store;
  readonly #keys: Keys;

  constructor(host: Namespace, store: Store, keys: Keys) {
    this.#host = host;
    this.#store = store;
    this.#keys = keys;
  }

  /** What was changed, and is to be put back. */
  async list(): Promise<readonly ChangedSetting[]> {
    const { entries } = await this.#store.list(this.#keys.sysctls);
    return entries.map((entry) => settingOf(entry, this.#keys));
  }

  /** The needed settings that are not as they should be. */
  async missing(needed: ReadonlyMap<string, string>): Promise<readonly ChangedSetting[]> {
    const all = await Promise.all(
      Array.from(needed, async ([name, value]) => {
        return { name, before: await getSysctl(this.#host, name), value };
      }),
    );
    return all.filter(({ before, value }) => before !== value);
  }

  /**
   * Changes what is not as needed, each written down before, and puts back what is not needed any
   * more, unless somebody has changed it since.
   */
  async ensure(needed: ReadonlyMap<string, string>, fence: Condition): Promise<void> {
    const changed = await this.list();
    for (const setting of await this.missing(needed)) {
      await this.#change(setting, changed, fence);
    }
    for (const setting of changed) {
      if (!needed.has(setting.name)) await this.#putBack(setting, fence);
    }
  }

  async #change(
    { name, before, value }: ChangedSetting,
    changed: readonly ChangedSetting[],
    fence: Condition,
  ): Promise<void> {
    const key = `${this.#keys.sysctls}${name}`;
    // What is on record was ours before somebody turned it back: the first value counts.
    if (!changed.some((one) => one.name === name)) {
      await this.#store.commit({ if: [fence], put: [{ key, value: { before, value } }] });
    }
    await setSysctl(this.#host, name, value);
  }

  async #putBack({ name, before, value }: ChangedSetting, fence: Condition): Promise<void> {
    if ((await getSysctl(this.#host, name)) === value) await setSysctl(this.#host, name, before);
    await this.#store.commit({ if: [fence], delete: [`${this.#keys.sysctls}${name}`] });
  }
}
