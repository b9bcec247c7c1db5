// The nouns of the model as they stand in the plan: networks, sandboxes, endpoints.

import type { Json } from "./store/store.ts";

/**
 * How far the kernel has been brought to what the plan says. What is `making` or `deleting` when
 * nobody works on it was left by a process that ended, and is undone.
 */
export type State = "making" | "made" | "deleting";

/** A subnet of a network. */
export interface NetworkSubnet {
  /** `"172.18.0.0/16"` */
  readonly subnet: string;
  /** The part of it that addresses are given from. */
  readonly range: string;
  /** The address of the network's own end, to which sandboxes send what is for others. */
  readonly gateway?: string;
  /** Addresses that are given to nobody, by name. */
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** A network: what sandboxes are connected to. */
export interface Network {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /**
   * The driver's name: `"bridge"`, `"macvlan"`, `"overlay"`, `"routed"`, `"host"`, `"null"`, or one
   * that was handed in.
   */
  readonly driver: string;
  /** Whether it is this host's alone, or spans the hosts that share the store. */
  readonly scope: "local" | "cluster";
  /** ISO 8601, UTC. */
  readonly created: string;
  /** Whether it is `bridge`, `host` or `none`, which are made by themselves and stay. */
  readonly predefined: boolean;
  /** Whether nothing leads out of it. */
  readonly internal: boolean;
  readonly ipv6: boolean;
  /** IPv4 first; none for drivers that give no addresses. */
  readonly subnets: readonly NetworkSubnet[];
  /** The driver's options, as they were given. */
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** What the driver made of the options. */
  readonly settings: { readonly [name: string]: Json };
}

/** Where a sandbox's namespace comes from. */
export type SandboxMode = "networks" | "none" | "host" | "container";

/** A published port: what comes to the host there goes to the sandbox. */
export interface Port {
  readonly protocol: "tcp" | "udp";
  /** The address of the host, `"0.0.0.0"` or `"::"` for all of a family. */
  readonly hostAddress: string;
  readonly hostPort: number;
  /** The port in the sandbox. */
  readonly port: number;
}

/** How names are resolved in a sandbox, beyond what the host does. */
export interface NameSettings {
  /** Addresses of name servers, in place of the host's. */
  readonly servers?: readonly string[];
  /** Search domains, in place of the host's. */
  readonly search?: readonly string[];
  /** Options of resolv.conf(5), in place of the host's. */
  readonly options?: readonly string[];
  /** Further entries of the hosts file: name to address. */
  readonly hosts?: Readonly<Record<string, string>>;
}

/** A namespace with its links, routes and names: what a container has of the network. */
export interface Sandbox {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly mode: SandboxMode;
  /** Whose namespace it shares, in the mode `container`: that sandbox's id. */
  readonly joins?: string;
  /** The namespace; absent in the modes `host` and `container`. */
  readonly namespace?: { readonly name: string } | { readonly path: string };
  /** Whether the namespace was made by somebody else, and stays when the sandbox goes. */
  readonly adopted: boolean;
  readonly created: string;
  /** What it calls itself: one more name that is resolved. */
  readonly hostname: string;
  readonly ports: readonly Port[];
  readonly names: NameSettings;
  /** Settings below `net` in its namespace. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** The connection of a sandbox with a network. */
export interface Endpoint {
  /** 64 hex digits. */
  readonly id: string;
  readonly network: string;
  readonly sandbox: string;
  /** The link in the sandbox: `"eth0"`. */
  readonly link: string;
  /** Its MAC address. */
  readonly mac: string;
  /** What the driver made on the host for it, if it made something. */
  readonly hostLink?: { readonly name: string; readonly mac: string };
  /** With prefix lengths, IPv4 first. */
  readonly addresses: readonly string[];
  /** Further names on this network. */
  readonly aliases: readonly string[];
  /** Names that only this sandbox has for others: alias to the sandbox's name. */
  readonly links: Readonly<Record<string, string>>;
  /** The higher, the sooner its network has the default route. */
  readonly gatewayPriority: number;
}

/**
 * One name and one virtual address of each family for several sandboxes on a network: for all that
 * have the name as an alias there.
 */
export interface Service {
  /** 64 hex digits. */
  readonly id: string;
  /** The network's id. */
  readonly network: string;
  readonly name: string;
  /** Addresses of the network that no sandbox has, IPv4 first. */
  readonly addresses: readonly string[];
  /** ISO 8601, UTC. */
  readonly created: string;
}

/** A noun of the plan, how far it is, and the revision of its record. */
export interface Planned<T> {
  readonly state: State;
  readonly revision: number;
  readonly value: T;
}
