// The contract of a driver: what makes the links of a kind of network.

import type { Namespace } from "../../rtnl/namespace.ts";
import type { Endpoint, Network } from "../model.ts";
import type { Json } from "../store/store.ts";

/** What a driver makes of a network's options: whatever it needs to know later. */
export type Settings = { readonly [name: string]: Json };

/** What the controller does for the networks of a driver. */
export interface DriverTraits {
  /** Gives subnets, and addresses of them to endpoints. */
  readonly addresses: boolean;
  /**
   * Whether the host itself is the gateway, on a link named `settings.link`: it has the gateways'
   * addresses there, forwards, translates addresses and publishes ports.
   */
  readonly routed: boolean;
  /** Serves names to the sandboxes. */
  readonly names: boolean;
}

/** What another host has of a network: an endpoint, or a block of the network's addresses. */
export interface Remote {
  /** The endpoint's id, or the block's subnet. */
  readonly id: string;
  /** The address by which that host is reached from other hosts. */
  readonly host: string;
  /** The endpoint's addresses, `"10.0.1.5"`, or the block, `"10.0.1.0/24"`. */
  readonly addresses: readonly string[];
  /** The endpoint's MAC address. */
  readonly mac?: string;
}

/** Another host, and what this one shares with it, and with nobody else. */
export interface Peer {
  /** By which it is reached. */
  readonly address: string;
  /** 32 bytes, which are the same on both; others as soon as either takes its place anew. */
  readonly secret: Uint8Array;
}

/** What a driver does so that what the hosts of a network send each other can be read by nobody else. */
export interface Encryption {
  /**
   * What a part shares with others of the driver on the host, such as a port: all of them are encrypted
   * together, and one after another is made and removed. `undefined` for those that are not encrypted.
   */
  scope(part: Network): string | undefined;

  /** Has a part, and those that it shares with, send to these hosts and take from them, and no others. */
  setPeers(host: Namespace, part: Network, peers: readonly Peer[]): Promise<void>;

  /** What of that is not so, in half sentences; nothing right after {@link Encryption.setPeers}. */
  inspectPeers(host: Namespace, part: Network, peers: readonly Peer[]): Promise<readonly string[]>;
}

/**
 * What a driver of networks across hosts does besides. Such a network is made once, for all hosts,
 * by {@link Driver.planNetwork} alone; each host that has an endpoint on it has a part of it, which
 * is a {@link Network} of its own for the other verbs: its settings are the whole's and the part's.
 */
export interface AcrossHosts {
  /** What the driver has to know of other hosts. */
  readonly remotes: "endpoints" | "blocks";

  /** The numbers of which each network has one to itself, as `settings.number`. Default: none. */
  readonly numbers?: (
    settings: Settings,
  ) => readonly { readonly first: number; readonly last: number }[];

  /** Of drivers whose networks can be encrypted. */
  readonly encryption?: Encryption;

  /**
   * What is chosen for the part on this host. Nothing is made yet; the host may be looked at.
   *
   * @param address the address by which other hosts reach this one
   */
  planPart(host: Namespace, network: Network, address: string): Promise<Settings>;

  /** Makes these, and no others, what the part knows of other hosts. */
  setRemotes(host: Namespace, part: Network, remotes: readonly Remote[]): Promise<void>;

  /** Brings some into the part, in place of what it knew by their addresses, and takes others out. */
  changeRemotes(
    host: Namespace,
    part: Network,
    change: { readonly come: readonly Remote[]; readonly gone: readonly Remote[] },
  ): Promise<void>;

  /** What of them the part does not know, and what it knows besides. */
  inspectRemotes(
    host: Namespace,
    part: Network,
    remotes: readonly Remote[],
  ): Promise<readonly Finding[]>;
}

/** What the user asked of a network, before anything is made. */
export interface NetworkRequest {
  readonly id: string;
  readonly name: string;
  readonly predefined: boolean;
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  /** The networks of the driver that there are, or are about to be. */
  readonly others: readonly Network[];
  /** The address by which other hosts reach this one, for networks across hosts. */
  readonly address?: string;
}

/** An endpoint with all that it joins. */
export interface EndpointPlace {
  readonly host: Namespace;
  readonly sandbox: Namespace;
  readonly network: Network;
  readonly endpoint: Endpoint;
}

/** Something that is not as the plan says, and what mends it. */
export interface Finding {
  /** `network "web"`, `sandbox "db" on network "web"` */
  readonly subject: string;
  /** A sentence. */
  readonly problem: string;
  /** What `repair` will do, a sentence. */
  readonly remedy: string;
  /** Does what the remedy says. */
  readonly repair: () => Promise<void>;
}

/**
 * A driver: an object literal without a state of its own. What it made is found again from the
 * plan, so that a restart forgets nothing.
 *
 * It never gives addresses, translates them, or serves names: the controller does. It does not undo
 * either: after a failure, the controller calls the opposite verb, which finds whatever was made.
 */
export interface Driver {
  readonly name: string;
  readonly traits: DriverTraits;

  /** Of drivers whose networks span hosts. */
  readonly across?: AcrossHosts;

  /**
   * Reads a network's options. Nothing is made yet; the host may be looked at.
   *
   * @throws {NetworkError} `OPTION_INVALID` for an option or a value that it does not take, or a code
   *   that says more.
   */
  planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings>;

  /** How many endpoints fit on one network. Default: any number. */
  readonly mostEndpoints?: (network: Network) => number;

  /** What the links in the sandboxes are called, before their number. Default: `"eth"`. */
  readonly linkPrefix?: (network: Network) => string;

  /** What the link on the host that belongs to an endpoint is called; absent if there is none. */
  readonly hostLink?: (endpoint: { readonly id: string }) => string;

  /** Makes what the network needs on the host before anybody is connected: a bridge, a VLAN. */
  createNetwork(host: Namespace, network: Network): Promise<void>;

  /**
   * Takes away whatever there is of the network, and only what is the network's. What it shares with
   * others of the driver, those that stay, goes with the last of them.
   */
  deleteNetwork(host: Namespace, network: Network, others: readonly Network[]): Promise<void>;

  /** Puts the endpoint's link into the sandbox: down, without addresses. */
  connect(place: EndpointPlace): Promise<void>;

  /** Takes away whatever there is of the endpoint. The sandbox's namespace may be gone. */
  disconnect(place: Omit<EndpointPlace, "sandbox"> & { sandbox?: Namespace }): Promise<void>;

  /** What of the network is not as the plan says. */
  inspectNetwork(host: Namespace, network: Network): Promise<readonly Finding[]>;

  /**
   * What of the endpoint's link is not as the plan says. A link that is gone is no finding here: the
   * controller sees that, and connects anew.
   */
  inspectEndpoint(place: EndpointPlace): Promise<readonly Finding[]>;
}
