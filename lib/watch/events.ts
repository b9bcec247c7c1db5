// What a watcher tells, and what it can be asked to tell of; types alone.

import type { Address } from "../rtnl/address.ts";
import type { Link } from "../rtnl/link.ts";
import type { Neighbour } from "../rtnl/neighbour.ts";
import type { Route, RouteTable } from "../rtnl/route.ts";
import type { Rule } from "../rtnl/rule.ts";

/** A namespace that has a name in `/run/netns`. */
export interface NamedNamespace {
  readonly name: string;
  /** What identifies the namespace on this machine, as `Namespace.inode`. */
  readonly inode: number;
}

/** What can be watched, by the noun that events call it. */
export interface Watched {
  readonly link: Link;
  readonly address: Address;
  readonly route: Route;
  readonly neighbour: Neighbour;
  readonly rule: Rule;
  readonly namespace: NamedNamespace;
}

/** The nouns of what can be watched. */
export type WatchedNoun = keyof Watched;

/** Which routes are watched. */
export interface WatchedRoutes {
  /** Default: main. */
  readonly table?: RouteTable | "all";
}

/** What is watched, of which at least one, and how. */
export interface WatchOptions {
  readonly links?: boolean;
  readonly addresses?: boolean;
  /** `true`: those of the main table, as `listRoutes` gives them. */
  readonly routes?: boolean | WatchedRoutes;
  /**
   * Neighbours that are, or failed to be, resolved: not those in state `none`, `incomplete` or
   * `noArp`, which the kernel makes without telling. Neither does it tell when one goes to `delay`
   * for some seconds; such a neighbour stays in the state that it had. Proxies and forwarding
   * databases are not watched.
   */
  readonly neighbours?: boolean;
  readonly rules?: boolean;
  /** Names in `/run/netns`, whatever namespace is watched. */
  readonly namespaces?: boolean;
  /**
   * Whether what there is already is told first: each object as `added` with `initial: true`, then
   * one `synced`. Nothing is missing or told twice between it and what follows. Default: false.
   */
  readonly snapshot?: boolean;
  /**
   * Bytes that the kernel keeps for a watcher which is busy, 1 to 1073741823; it rounds small ones
   * up, and without `CAP_NET_ADMIN` in the first user namespace takes no more than
   * `net.core.rmem_max`. A link's event takes about 2,300. Default: 4194304.
   */
  readonly receiveBuffer?: number;
  /** Ends the watcher when it is aborted, as `close()`. */
  readonly signal?: AbortSignal;
}

/** The properties of any of several types. */
export type KeyOf<T> = T extends unknown ? keyof T & string : never;

/** The object that an event is about, under the name of its noun. */
export type About<Noun extends WatchedNoun> = { readonly noun: Noun } & {
  readonly [N in Noun]: Watched[N];
};

/** There is one that was not there, as far as has been told. */
export type AddedEvent<Noun extends WatchedNoun> = About<Noun> & {
  readonly type: "added";
  /** True if it was there before the watcher. */
  readonly initial: boolean;
};

/** One is not as was told last. */
export type ChangedEvent<Noun extends WatchedNoun> = About<Noun> & {
  readonly type: "changed";
  /** As it was told last. */
  readonly previous: Watched[Noun];
  /**
   * The properties that differ. No changes are counters, times that run, and what a spanning tree
   * goes through by itself (`carrierChanges`, `helloTimer`, `validLifetime`, `topologyChange` …).
   */
  readonly changed: readonly KeyOf<Watched[Noun]>[];
};

/** One is gone; as it was told last. */
export type RemovedEvent<Noun extends WatchedNoun> = About<Noun> & {
  readonly type: "removed";
};

/** What became of one object. */
export type ObjectEvent<Noun extends WatchedNoun = WatchedNoun> = {
  [N in Noun]: AddedEvent<N> | ChangedEvent<N> | RemovedEvent<N>;
}[Noun];

/** All that was there at first is told. Once, and only with `snapshot`. */
export interface SyncedEvent {
  readonly type: "synced";
  readonly noun?: never;
}

/** The kernel had dropped messages; what they said is told by the events before this one. */
export interface ResyncedEvent {
  readonly type: "resynced";
  readonly noun?: never;
}

/** All that a watcher tells. */
export type WatchEvent<Noun extends WatchedNoun = WatchedNoun> =
  | ObjectEvent<Noun>
  | SyncedEvent
  | ResyncedEvent;

/** The noun behind each option. */
export interface NounOfOption {
  readonly links: "link";
  readonly addresses: "address";
  readonly routes: "route";
  readonly neighbours: "neighbour";
  readonly rules: "rule";
  readonly namespaces: "namespace";
}

/** The nouns that options ask for. */
export type NounsOf<Options extends WatchOptions> = {
  [Option in keyof NounOfOption]: Option extends keyof Options
    ? Options[Option] extends false | undefined
      ? never
      : NounOfOption[Option]
    : never;
}[keyof NounOfOption];
