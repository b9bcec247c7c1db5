// Where in the store the plan of a host is.

import { NetworkError } from "./errors.ts";
import type { Endpoint, Network, Planned, Sandbox, Service, State } from "./model.ts";
import type { Entry, Json, Put } from "./store/store.ts";

/** The nouns of the plan by their collections in the store. */
export interface Nouns {
  networks: Network;
  sandboxes: Sandbox;
  endpoints: Endpoint;
  services: Service;
}

export type NounName = keyof Nouns;

const nouns: readonly string[] = [
  "networks",
  "sandboxes",
  "endpoints",
  "services",
] satisfies NounName[];
const states: readonly unknown[] = ["making", "made", "deleting"] satisfies State[];

/** The keys of all hosts' plans begin with this. */
export const everyHost = "hosts/";

/** The keys of one host's plan. */
export class Keys {
  /** All of them begin with this. */
  readonly prefix: string;

  constructor(host: string) {
    this.prefix = `${everyHost}${host}/`;
  }

  /** Held, with a lease, by the controller that changes the plan. */
  get lock(): string {
    return `${this.prefix}lock`;
  }

  /** Below it stand those who wait for the lock. */
  get waiting(): string {
    return `${this.prefix}waiting/`;
  }

  /** Held, with a lease, by the controller that serves names. */
  get names(): string {
    return `${this.prefix}names`;
  }

  /** Settings of the host that were changed, each with what it was before. */
  get sysctls(): string {
    return `${this.prefix}sysctls/`;
  }

  /** Where a noun is: endpoints and services by their networks. */
  of<N extends NounName>(noun: N, value: Nouns[N]): string {
    const below = "network" in value ? `${value.network}/` : "";
    return `${this.prefix}${noun}/${below}${value.id}`;
  }

  /** Below it stand the endpoints of a network, or its services. */
  on(noun: "endpoints" | "services", network: string): string {
    return `${this.prefix}${noun}/${network}/`;
  }

  /** What a key stands for; `undefined` if for none of the nouns. */
  parse(key: string): { readonly noun: NounName; readonly id: string } | undefined {
    const [noun = "", ...path] = key.slice(this.prefix.length).split("/");
    const id = path.at(-1);
    if (id === undefined) return undefined;
    return nouns.includes(noun) ? { noun: noun as NounName, id } : undefined;
  }
}

/** The record of a noun, to be put. */
export function recordOf<N extends NounName>(
  keys: Keys,
  noun: N,
  state: State,
  value: Nouns[N],
): Put {
  // Without the properties that are undefined: the store keeps JSON.
  const json = JSON.parse(JSON.stringify(value)) as Json;
  return { key: keys.of(noun, value), value: { state, value: json } };
}

/**
 * What a record says.
 *
 * @throws {NetworkError} `STORE_CORRUPT` if it was not written by this library.
 */
export function readRecord<N extends NounName>(
  _noun: N,
  entry: Pick<Entry, "key" | "value" | "revision">,
): Planned<Nouns[N]> {
  const record = entry.value as { state?: Json; value?: Json } | null;
  const value = record?.value as { id?: Json } | null | undefined;
  if (!states.includes(record?.state) || !entry.key.endsWith(`/${value?.id}`)) {
    const reason = "the record is not of this library";
    throw new NetworkError("STORE_CORRUPT", { operation: "readPlan", subject: entry.key, reason });
  }
  return {
    state: record?.state as State,
    revision: entry.revision,
    value: value as unknown as Nouns[N],
  };
}
