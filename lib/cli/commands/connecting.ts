// How a sandbox is connected to a network, as options say it.

import { isIPv4, isIPv6 } from "node:net";
import type { ConnectOptions } from "../../network/index.ts";
import { type Options, UsageError } from "../command.ts";
import { integer, links } from "../values.ts";

/** Options about one connection. */
export const connectOptions: Options = {
  ip: { value: "ADDRESS", help: "its IPv4 address; a free one unless it is given" },
  ip6: { value: "ADDRESS", help: "its IPv6 address" },
  "mac-address": { also: ["mac"], value: "MAC", help: "the link's MAC address", property: "mac" },
  alias: {
    also: ["network-alias"],
    value: "NAME",
    many: true,
    help: "one more name on the network",
    property: "aliases",
  },
  link: {
    value: "TARGET:ALIAS",
    many: true,
    help: "a name that this sandbox alone has for another one",
    property: "links",
  },
  "gw-priority": {
    value: "NUMBER",
    help: "the network of the highest has the default route; 0 unless it is given",
  },
};

/** What was said of a connection, by options or behind a network's name. */
export interface ConnectWords {
  readonly text: (name: string) => string | undefined;
  readonly texts: (name: string) => readonly string[];
}

/** An address of the family that the option is for, so that a mistake is told by its name. */
function address(option: string, text: string | undefined, six: boolean): string[] {
  if (text === undefined) return [];
  if (six ? isIPv6(text) : isIPv4(text)) return [text];
  throw new UsageError(`${option} must be an IPv${six ? 6 : 4} address`);
}

/** The library's options for a connection; `prefix` is in front of the options' names. */
export function connectOptionsOf(words: ConnectWords, prefix = "--"): ConnectOptions {
  const mac = words.text("mac-address");
  const priority = words.text("gw-priority");
  const bits = 2 ** 31;
  return {
    addresses: [
      ...address(`${prefix}ip`, words.text("ip"), false),
      ...address(`${prefix}ip6`, words.text("ip6"), true),
    ],
    ...(mac === undefined ? {} : { mac }),
    aliases: words.texts("alias"),
    links: links(`${prefix}link`, words.texts("link")),
    ...(priority === undefined
      ? {}
      : { gatewayPriority: integer(`${prefix}gw-priority`, priority, -bits, bits) }),
  };
}

const networkWords: Readonly<Record<string, string>> = {
  ip: "ip",
  ip6: "ip6",
  mac: "mac-address",
  "mac-address": "mac-address",
  alias: "alias",
  link: "link",
  "gw-priority": "gw-priority",
};

/** A network that a sandbox is to be on, and how. */
export interface NetworkWords {
  readonly network: string;
  readonly given: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads `NAME`, `NAME:ip=10.1.0.5,alias=db`, and Docker's `name=NAME,ip=10.1.0.5`. The target of a
 * link is `link=TARGET:ALIAS`.
 */
export function readNetwork(text: string): NetworkWords {
  const bad = (why: string) => new UsageError(`--network ${JSON.stringify(text)}: ${why}`);
  const inDockersForm = text.startsWith("name=") || text.includes(",name=");
  const colon = inDockersForm ? -1 : text.indexOf(":");
  const list = inDockersForm ? text : colon < 0 ? "" : text.slice(colon + 1);
  const given = new Map<string, string[]>();
  let network = inDockersForm ? "" : colon < 0 ? text : text.slice(0, colon);
  for (const item of list === "" ? [] : list.split(",")) {
    const at = item.indexOf("=");
    const [key, value] = [item.slice(0, Math.max(at, 0)), item.slice(at + 1)];
    const option = networkWords[key];
    if (at > 0 && inDockersForm && key === "name") network = value;
    else if (option === undefined) throw bad(`${JSON.stringify(item)} is unknown`);
    else given.set(option, [...(given.get(option) ?? []), value]);
  }
  if (network === "") throw bad("the name is missing");
  return { network, given };
}

/** What a network's own words say, as options do. */
export function wordsOf({ given }: NetworkWords): ConnectWords {
  return {
    text: (name) => given.get(name)?.at(-1),
    texts: (name) => given.get(name) ?? [],
  };
}
