// MAC addresses as text.

import { randomBytes } from "node:crypto";
import { invalidArgument } from "../errors.ts";

/** Six octets of two digits, with colons, hyphens or nothing between; or three quads with dots. */
const anyForm =
  /^[0-9a-f]{2}([:-]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$|^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i;

/** True for a MAC address in the form that the library takes: `"02:00:00:00:00:01"`, of any case. */
export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text);
}

/**
 * A MAC address in the form that the library gives, in which equal addresses are equal text:
 * `"02:00:00:00:00:01"`. Takes `"02-00-00-00-00-01"`, `"0200.0000.0001"` and `"020000000001"`, too.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` for anything else.
 */
export function normaliseMac(text: string): string {
  if (!anyForm.test(text)) {
    throw invalidArgument("range", "mac", `${JSON.stringify(text)} is no MAC address`);
  }
  return withColons(text.replace(/[:.-]/g, "").toLowerCase());
}

/** A random MAC address, locally administered and unicast: 46 bits by chance. */
export function randomMac(): string {
  const octets = randomBytes(6);
  octets[0] = (octets.readUInt8(0) & 0xfc) | 0x02;
  return withColons(octets.toString("hex"));
}

/** The MAC address that belongs to an IPv4 address: `02:42` and its four bytes, as Docker had it. */
export function macOfAddress(address: string): string {
  return withColons(`0242${Buffer.from(address.split(".").map(Number)).toString("hex")}`);
}

function withColons(digits: string): string {
  return digits.replace(/(..)(?!$)/g, "$1:");
}
