// What a name and an address of a container may be, and their forms in DNS.

import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import ipaddr from "ipaddr.js";
import { invalidArgument } from "../../errors.ts";

/** RFC 1035, 2.3.4, less the root's dot. */
const mostLength = 253;
/** Letters, digits, `-` and `_`; no hyphen first, which programs could take for an option. */
const label = /^[a-z0-9_][a-z0-9_-]{0,62}$/;

/** The form in which names are compared: ASCII, lower case, no dot at the end; or undefined. */
function canonical(text: string): string | undefined {
  if (text.length > mostLength) return undefined;
  // Not for ASCII, of which it would read numbers as IPv4 addresses.
  const ascii = /^\p{ASCII}*$/u.test(text) ? text.toLowerCase() : domainToASCII(text);
  if (ascii.length > mostLength || isIP(ascii) !== 0) return undefined;
  return ascii.split(".").every((part) => label.test(part)) ? ascii : undefined;
}

/**
 * A host name in the form in which names are compared: labels of 1 to 63 letters, digits, hyphens
 * (not first) and underscores, joined by dots to 253 at most; lower case. Other letters are
 * converted as IDNA (RFC 5891, by the rules of UTS 46) says.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` for everything else, and for what is an IP address.
 */
export function checkDnsName(name: unknown, property: string): string {
  if (typeof name !== "string") throw invalidArgument("type", property, "must be a string");
  const checked = canonical(name);
  if (checked === undefined) {
    const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
    const rule = "labels of 1 to 63 letters, digits, - and _, with dots between, 253 in all";
    throw invalidArgument("range", property, `${shown} is no host name (${rule})`);
  }
  return checked;
}

/** Whether {@link checkDnsName} takes it. */
export function isDnsName(name: string): boolean {
  return canonical(name) !== undefined;
}

/**
 * The address itself, in the form of RFC 5952.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if it is no IP address, or one with a zone.
 */
export function checkIpAddress(address: unknown, property: string): string {
  if (typeof address !== "string") throw invalidArgument("type", property, "must be a string");
  if (isIP(address) === 0 || address.includes("%")) {
    throw invalidArgument("range", property, "must be an IP address");
  }
  const parsed = ipaddr.parse(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}

/** Checks a list, member by member. */
export function checkEach(
  values: readonly unknown[],
  property: string,
  check: (value: unknown, property: string) => string,
): string[] {
  if (!Array.isArray(values)) throw invalidArgument("type", property, "must be an array");
  return values.map((value, n) => check(value, `${property}[${n}]`));
}

/** The name by which DNS asks for an address's names: `"2.0.18.172.in-addr.arpa"`. */
export function reverseNameOf(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray().reverse();
  if (bytes.length === 4) return `${bytes.join(".")}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte & 15, byte >> 4]);
  return `${nibbles.map((nibble) => nibble.toString(16)).join(".")}.ip6.arpa`;
}
