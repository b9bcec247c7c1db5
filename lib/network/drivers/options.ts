// Options of drivers: names as Docker has them, short ones beside, values as text.

import { isIPv4 } from "node:net";
import { NetworkError } from "../errors.ts";
import type { Json } from "../store/store.ts";
import type { NetworkRequest } from "./driver.ts";

/** One option of a driver. */
export interface OptionRow {
  /** Docker's name: `"com.docker.network.driver.mtu"`. */
  readonly docker: string;
  /** What it is without an option. */
  readonly otherwise: Json;
  /** The value that a text means; `undefined` if none. */
  readonly read: (text: string) => Json | undefined;
  /** Half a sentence: `"must be true or false"`. */
  readonly rule: string;
}

/** The options of a driver, by their short names. */
export type OptionTable = Readonly<Record<string, OptionRow>>;

/** Refuses an option. */
export function invalidOption(network: string, reason: string): NetworkError {
  return new NetworkError("OPTION_INVALID", {
    operation: "createNetwork",
    subject: network,
    reason,
  });
}

/** An option that is true or false. */
export function flag(docker: string, otherwise: boolean): OptionRow {
  const values = new Map([
    ["true", true],
    ["1", true],
    ["false", false],
    ["0", false],
  ]);
  return { docker, otherwise, read: (text) => values.get(text), rule: "must be true or false" };
}

/** An option that is one of some words. */
export function choice(docker: string, words: readonly [string, ...string[]]): OptionRow {
  return {
    docker,
    otherwise: words[0],
    read: (text) => (words.includes(text) ? text : undefined),
    rule: `must be one of ${words.join(", ")}`,
  };
}

/** An option that is a number, from the one to the other; the least of them without an option. */
export function count(docker: string, least: number, most: number): OptionRow {
  const read = (text: string) => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  };
  return { docker, otherwise: least, read, rule: `must be an integer from ${least} to ${most}` };
}

/** The MTU of a network: 68 is the least that IPv4 takes, 1280 the least for IPv6. */
export function mtu(docker: string): OptionRow {
  const read = (text: string) => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    return value >= 68 && value <= 65535 ? value : undefined;
  };
  return { docker, otherwise: null, read, rule: "must be an integer from 68 to 65535" };
}

/** By these names go the settings of all links. @see net/ipv4/devinet.c, `devinet_conf_proc()` */
const forAll = ["all", "default"];

/** What can be a link's name, `free` characters being left for what comes behind it. */
export function linkName(docker: string, otherwise: Json, free = 0): OptionRow {
  const most = 15 - free;
  const pattern = new RegExp(`^[A-Za-z0-9_][\\w.-]{0,${most - 1}}$`);
  const read = (text: string) => (pattern.test(text) && !forAll.includes(text) ? text : undefined);
  const rule = `must be 1 to ${most} letters, digits, '_', '.' and '-', not ${forAll.join(" or ")}`;
  return { docker, otherwise, read, rule };
}

/** The options of networks on a bridge of the host. */
export const bridgedOptions: OptionTable = {
  icc: flag("com.docker.network.bridge.enable_icc", true),
  masquerade: flag("com.docker.network.bridge.enable_ip_masquerade", true),
  hostBinding: {
    docker: "com.docker.network.bridge.host_binding_ipv4",
    otherwise: "0.0.0.0",
    read: (text: string) => (isIPv4(text) ? text : undefined),
    rule: "must be an IPv4 address",
  },
  mtu: mtu("com.docker.network.driver.mtu"),
  linkPrefix: linkName("com.docker.network.container_iface_prefix", "eth", 5),
};

/**
 * The values of all options of a table: those given, by their short or Docker's names, and the
 * others'.
 *
 * @throws {NetworkError} `OPTION_INVALID` for an unknown option, a bad value, or one given twice.
 */
export function readOptions(table: OptionTable, request: NetworkRequest): Record<string, Json> {
  const { name: network, options } = request;
  const rows = Object.entries(table);
  const values = Object.fromEntries(rows.map(([name, { otherwise }]) => [name, otherwise]));
  const given = new Set<string>();
  for (const [key, text] of Object.entries(options)) {
    const [name, row] = rows.find(([short, { docker }]) => key === short || key === docker) ?? [];
    if (name === undefined || row === undefined) {
      throw invalidOption(network, `option ${JSON.stringify(key)} is unknown`);
    }
    if (given.has(name))
      throw invalidOption(network, `option ${JSON.stringify(key)} is given twice`);
    given.add(name);
    const value = row.read(text);
    if (value === undefined)
      throw invalidOption(network, `option ${JSON.stringify(key)} ${row.rule}`);
    values[name] = value;
  }
  return values;
}
