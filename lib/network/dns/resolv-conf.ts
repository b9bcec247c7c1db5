// The resolv.conf of a sandbox, from what the host's says (resolv.conf(5)).

import ipaddr from "ipaddr.js";
import { invalidArgument, refuseUnknown } from "../../errors.ts";
import type { ResolvConf } from "../../values/resolv-conf.ts";
import { checkDnsName, checkEach, checkIpAddress, isDnsName } from "./name.ts";

const option = /^[a-z][a-z0-9-]{0,39}(?::[0-9]{1,5})?$/;

/** The domain of a search list without a dot at its end, which says no more. */
function withoutDot(text: string): string {
  return text.length > 1 && text.endsWith(".") ? text.slice(0, -1) : text;
}

/**
 * Whether a name server of a host's resolv.conf is to be asked from the host's namespace, because
 * its address means something else, or nothing, in a sandbox's: loopback addresses such as
 * systemd-resolved's 127.0.0.53, and addresses with a zone.
 */
export function isHostOnly(nameserver: string): boolean {
  const [address = "", zone] = nameserver.split("%");
  // The resolver of the C library takes 0.0.0.0 for the machine itself.
  return (
    zone !== undefined || ["loopback", "unspecified"].includes(ipaddr.process(address).range())
  );
}

/** What the user asked for instead of the host's settings. */
export interface ResolverWishes {
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/**
 * The resolv.conf of a sandbox that has a DNS server of its own, from the host's: that server alone,
 * and the host's search list and options, as far as they are any, unless the user has others. Names
 * are asked for as they are first (`ndots:0`), unless the options say how many dots that takes.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if a domain is no host name or an option none.
 */
export function sandboxResolvConf(
  nameserver: string,
  host: ResolvConf,
  wishes: ResolverWishes = {},
): ResolvConf {
  refuseUnknown("wishes", wishes, ["search", "options"]);
  const search = checkEach(
    wishes.search ?? host.search.filter(isSearchDomain),
    "search",
    checkSearchDomain,
  );
  const options = checkEach(
    wishes.options ?? host.options.filter((one) => option.test(one)),
    "options",
    checkOption,
  );
  const counted = options.some((one) => one.startsWith("ndots:"));
  return {
    nameservers: [nameserver],
    search,
    options: counted ? options : [...options, "ndots:0"],
  };
}

/**
 * The text of a resolv.conf.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if a name server is no IP address, a domain no host name
 *   or an option none: nothing gets into the file that could be another line.
 */
export function renderResolvConf(conf: ResolvConf): string {
  refuseUnknown("conf", conf, ["nameservers", "search", "options"]);
  const nameservers = checkEach(conf.nameservers, "nameservers", checkNameserver);
  const search = checkEach(conf.search, "search", checkSearchDomain);
  const options = checkEach(conf.options, "options", checkOption);
  return [
    ...nameservers.map((address) => `nameserver ${address}\n`),
    search.length > 0 ? `search ${search.join(" ")}\n` : "",
    options.length > 0 ? `options ${options.join(" ")}\n` : "",
  ].join("");
}

/**
 * The address of a name server itself, perhaps with a link's name as its zone, in the form of RFC 5952.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if it is no such address.
 */
export function checkNameserver(value: unknown, property: string): string {
  if (typeof value !== "string") throw invalidArgument("type", property, "must be a string");
  const [address, zone = "none"] = value.split("%");
  const checked = checkIpAddress(address, property);
  // As names of links may be, and no more: the line has no quotes.
  if (/^[\w.@:-]{1,15}$/.test(zone)) return value.includes("%") ? `${checked}%${zone}` : checked;
  throw invalidArgument("range", property, "must be an IP address, with no zone or a link's name");
}

function isSearchDomain(text: string): boolean {
  return text === "." || isDnsName(withoutDot(text));
}

export function checkSearchDomain(value: unknown, property: string): string {
  if (value === ".") return value;
  return checkDnsName(typeof value === "string" ? withoutDot(value) : value, property);
}

export function checkOption(value: unknown, property: string): string {
  if (typeof value === "string" && option.test(value)) return value;
  throw invalidArgument("range", property, "must be an option of resolv.conf(5), as ndots:1");
}
