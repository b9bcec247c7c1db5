// What callers give by the way: names, labels, addresses, ports; each checked in one place.

import { isIP, isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { invalidArgument, objectArgument } from "../errors.ts";
import { normaliseMac } from "../values/mac.ts";

/** The name of a network or a sandbox: as Docker's containers, and short enough for a DNS label. */
export function checkedName(property: string, name: unknown): string {
  if (typeof name !== "string") throw invalidArgument("type", property, "must be a string");
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) {
    const rule = "must be 1 to 63 letters, digits, '_', '.' and '-', a letter or digit first";
    throw invalidArgument("range", property, rule);
  }
  return name;
}

/** The name of something that there is, its id, or the beginning of that. */
export function checkedReference(property: string, reference: unknown): string {
  const isId = typeof reference === "string" && /^[0-9a-f]{64}$/.test(reference);
  return isId ? reference : checkedName(property, reference);
}

export function checkedFlag(property: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === "boolean") return value;
  throw invalidArgument("type", property, "must be true or false");
}

/** Labels and options: texts by name, each on one line. */
export function checkedTexts(property: string, texts: unknown): Readonly<Record<string, string>> {
  if (texts === undefined) return {};
  for (const [name, text] of Object.entries(objectArgument(property, texts as object))) {
    const at = `${property}[${JSON.stringify(name)}]`;
    if (typeof text !== "string") throw invalidArgument("type", at, "must be a string");
    if (!/^[\x21-\x7e]{1,256}$/.test(name)) {
      throw invalidArgument("range", at, "its name must be 1 to 256 printable characters");
    }
    if (text.length > 4096 || /\p{Cc}/u.test(text)) {
      throw invalidArgument("range", at, "must be one line of at most 4096 characters");
    }
  }
  return { ...(texts as Record<string, string>) };
}

/** Items of an array, each checked. */
export function checkedList<T>(
  property: string,
  list: unknown,
  check: (property: string, item: unknown) => T,
  most = 100,
): T[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw invalidArgument("type", property, "must be an array");
  if (list.length > most) throw invalidArgument("range", property, `has more than ${most} items`);
  return list.map((item, position) => check(`${property}[${position}]`, item));
}

/** An IP address in the kernel's form. */
export function checkedAddress(property: string, address: unknown, family?: 4 | 6): string {
  if (typeof address !== "string") throw invalidArgument("type", property, "must be a string");
  const version = address.includes("%") ? 0 : isIP(address);
  if (version === 0 || (family !== undefined && version !== family)) {
    const what = family === undefined ? "an IP address" : `an IPv${family} address`;
    throw invalidArgument("range", property, `must be ${what}`);
  }
  return isIPv4(address) ? address : ipaddr.IPv6.parse(address).toRFC5952String();
}

/** The MAC address of one host. */
export function checkedMac(property: string, mac: unknown): string {
  if (typeof mac !== "string") throw invalidArgument("type", property, "must be a string");
  let normal: string;
  try {
    normal = normaliseMac(mac);
  } catch (cause) {
    throw Object.assign(invalidArgument("range", property, "must be a MAC address"), { cause });
  }
  const first = Number.parseInt(normal.slice(0, 2), 16);
  if ((first & 1) === 1)
    throw invalidArgument("range", property, "must not be a multicast address");
  if (/^[0:]+$/.test(normal)) throw invalidArgument("range", property, "must not be all zeros");
  return normal;
}

/** A port of a host: 1 to 65535. */
export function checkedPort(property: string, port: unknown): number {
  if (typeof port !== "number") throw invalidArgument("type", property, "must be a number");
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw invalidArgument("range", property, "must be an integer from 1 to 65535");
  }
  return port;
}

/** Whether an address stands for all of its family. */
export function isAnyAddress(address: string): boolean {
  return isIPv6(address) ? address === "::" : address === "0.0.0.0";
}
