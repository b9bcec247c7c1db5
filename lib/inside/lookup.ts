// Names to addresses, as a program inside a namespace would find them.

import { isIP } from "node:net";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { Question } from "../values/dns-message.ts";
import { askServer, type DnsOutcome } from "./dns-query.ts";
import { type ResolverSettings, readHosts, readResolverSettings } from "./resolver-files.ts";
import { lookupError } from "./system-error.ts";

/** An address that a name has. */
export interface LookupAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Which addresses are wanted. */
export interface LookupOptions {
  /** Default: 0, both. */
  readonly family?: 0 | 4 | 6;
  readonly signal?: AbortSignal;
}

const familyOf = (address: string) => (isIP(address) === 6 ? 6 : 4);

function asAddresses(addresses: readonly string[], family: 0 | 4 | 6): LookupAddress[] {
  return addresses
    .map((address) => ({ address, family: familyOf(address) }) as const)
    .filter((each) => family === 0 || each.family === family);
}

/** The names that a name may stand for, in the order in which they are tried. */
function candidates(name: string, { search, ndots }: ResolverSettings): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const dots = name.split(".").length - 1;
  const searched = search.filter((domain) => domain !== ".").map((domain) => `${name}.${domain}`);
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

/** Servers in turn, all of them as often as the settings say, until one tells. */
async function ask(
  namespace: Namespace,
  question: Question,
  settings: ResolverSettings,
  signal: AbortSignal | undefined,
): Promise<DnsOutcome> {
  const { servers, attempts, timeoutMs, rotate } = settings;
  const first = rotate ? Math.floor(Math.random() * servers.length) : 0;
  for (let round = 0; round < attempts; round += 1) {
    for (const server of [...servers.slice(first), ...servers.slice(0, first)]) {
      const outcome = await askServer(namespace, server, question, { timeoutMs, signal });
      if ("addresses" in outcome) return outcome;
    }
  }
  return { failed: true };
}

/** One family after the other, beginning with IPv6, as RFC 8305 has it. */
function interleave(addresses: readonly LookupAddress[]): LookupAddress[] {
  const six = addresses.filter(({ family }) => family === 6);
  const four = addresses.filter(({ family }) => family === 4);
  const longest = Math.max(six.length, four.length);
  return Array.from({ length: longest }, (_, n) => [six[n], four[n]])
    .flat()
    .filter((address) => address !== undefined);
}

async function askForNames(
  namespace: Namespace,
  name: string,
  { family = 0, signal }: LookupOptions,
): Promise<LookupAddress[]> {
  const settings = readResolverSettings(namespace);
  const types = (["A", "AAAA"] as const).filter(
    (type) => family === 0 || (type === "A") === (family === 4),
  );
  let unanswered = false;
  for (const candidate of candidates(name, settings)) {
    const questions = types.map((type) => ({ name: candidate, type }));
    const outcomes = await Promise.all(
      questions.map((question) => ask(namespace, question, settings, signal)),
    );
    const found = outcomes.flatMap((outcome) =>
      "addresses" in outcome ? asAddresses(outcome.addresses, family) : [],
    );
    if (found.length > 0) return interleave(found);
    unanswered ||= outcomes.some((outcome) => "failed" in outcome);
  }
  throw lookupError(unanswered ? "EAI_AGAIN" : "ENOTFOUND", name);
}

/** RFC 6761: "localhost" is this host whatever a server may say. */
function isLocalhost(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

/**
 * Looks the addresses of a name up as a program inside the namespace would: in its hosts file, then
 * by the name servers of its resolv.conf, which are asked from inside. A named namespace has files
 * of its own in `/etc/netns/NAME`, as `ip netns exec` knows them; otherwise those of `/etc` count.
 * Search domains and the options `ndots`, `timeout`, `attempts` and `rotate` are heeded; a name that
 * is an address is returned as it is.
 *
 * @returns at least one address, the best one first.
 * @throws {LookupError} `ENOTFOUND` if there is no such name, or it has no such address;
 *   `EAI_AGAIN` if no server answered.
 * @throws {RangeError | TypeError} if the name or an option is bad.
 */
export async function lookup(
  namespace: Namespace,
  hostname: string,
  options: LookupOptions = {},
): Promise<readonly LookupAddress[]> {
  refuseUnknown("options", options, ["family", "signal"]);
  const { family = 0, signal } = options;
  if (![0, 4, 6].includes(family)) {
    throw invalidArgument("range", "family", "must be one of 0, 4, 6");
  }
  if (typeof hostname !== "string") throw invalidArgument("type", "hostname", "must be a string");
  if (hostname === "" || hostname.length > 254 || hostname.includes("\0")) {
    throw invalidArgument("range", "hostname", "must be a name of 1 to 254 characters");
  }
  signal?.throwIfAborted();
  if (isIP(hostname) !== 0) return asAddresses([hostname], 0);
  const name = hostname.toLowerCase();
  const hosts = readHosts(namespace);
  const known = asAddresses(hosts.get(name.replace(/\.$/, "")) ?? [], family);
  if (known.length > 0) return known;
  if (isLocalhost(name.replace(/\.$/, ""))) return asAddresses(["127.0.0.1", "::1"], family);
  return await askForNames(namespace, name, options);
}
