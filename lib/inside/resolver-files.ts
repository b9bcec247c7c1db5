// The files by which names are looked up in a namespace: hosts and resolv.conf.

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { Namespace } from "../rtnl/namespace.ts";
import { parseResolvConf, type ResolvConf, wordsOfLines } from "../values/resolv-conf.ts";

/** What resolv.conf(5) says. */
export interface ResolverSettings {
  /** Addresses of name servers; a link-local one has its link, `"fe80::1%eth0"`. */
  readonly servers: readonly string[];
  /** Domains that are tried behind a name. */
  readonly search: readonly string[];
  /** A name with so many dots is tried by itself first. */
  readonly ndots: number;
  /** How long a server is waited for. */
  readonly timeoutMs: number;
  /** How often all servers are asked. */
  readonly attempts: number;
  /** Whether the first question goes to a random server. */
  readonly rotate: boolean;
}

/** Names, in lower case, and their addresses in the order of the file. */
export type Hosts = ReadonlyMap<string, readonly string[]>;

/** resolv.conf(5): what holds if the file says nothing else, and the most that it may say. */
const defaults = { servers: ["127.0.0.1"], ndots: 1, timeoutSeconds: 5, attempts: 2 };
const most = { servers: 3, search: 6, ndots: 15, timeoutSeconds: 30, attempts: 5 };

/** The number of an option as "ndots:2", within its bounds. */
function option(options: readonly string[], name: keyof typeof most, otherwise: number): number {
  const key = name === "timeoutSeconds" ? "timeout" : name;
  const found = options.findLast((each) => each.startsWith(`${key}:`));
  const value = Number(found?.slice(key.length + 1));
  const lowest = name === "ndots" ? 0 : 1;
  return Number.isInteger(value) && value >= lowest ? Math.min(value, most[name]) : otherwise;
}

/** What a resolv.conf comes to for those who look names up. */
export function parseResolverSettings(text: string): ResolverSettings {
  return settingsOf(parseResolvConf(text));
}

function settingsOf({ nameservers, search, options }: ResolvConf): ResolverSettings {
  const servers = nameservers.slice(0, most.servers);
  return {
    servers: servers.length > 0 ? servers : defaults.servers,
    search: search.slice(0, most.search),
    ndots: option(options, "ndots", defaults.ndots),
    timeoutMs: option(options, "timeoutSeconds", defaults.timeoutSeconds) * 1000,
    attempts: option(options, "attempts", defaults.attempts),
    rotate: options.includes("rotate"),
  };
}

/** Reads the text of a hosts file. */
export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>();
  for (const [address = "", ...names] of wordsOfLines(text)) {
    if (isIP(address) === 0) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      hosts.set(name, [...(hosts.get(name) ?? []), address]);
    }
  }
  return hosts;
}

/**
 * The text of a file of /etc, or of the one that a named namespace has in its stead. Read in the
 * calling thread: it is short and in memory, and a trip to another thread takes longer.
 */
function read(namespace: Namespace, file: string): string {
  const places = namespace.name === undefined ? [] : [`/etc/netns/${namespace.name}/${file}`];
  for (const path of [...places, `/etc/${file}`]) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Not there, or not for us: then the next one counts, and in the end none.
    }
  }
  return "";
}

/** The hosts of a namespace: `/etc/netns/NAME/hosts`, or else `/etc/hosts`. */
export function readHosts(namespace: Namespace): Hosts {
  return parseHosts(read(namespace, "hosts"));
}

/** What the resolv.conf of a namespace says: `/etc/netns/NAME/resolv.conf`, or else `/etc/resolv.conf`. */
export function readResolvConf(namespace: Namespace): ResolvConf {
  return parseResolvConf(read(namespace, "resolv.conf"));
}

/** The settings that follow from it. */
export function readResolverSettings(namespace: Namespace): ResolverSettings {
  return settingsOf(readResolvConf(namespace));
}
