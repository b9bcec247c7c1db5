// What callers say of a sandbox and of its connections, checked.

import { invalidArgument, objectArgument, refuseUnknown } from "../errors.ts";
import {
  checkedAddress,
  checkedList,
  checkedMac,
  checkedName,
  checkedReference,
  checkedTexts,
} from "./checks.ts";
import type { NameSettings } from "./model.ts";
import { checkedPortSpec, type PortRequest, type PortSpec } from "./ports.ts";

/** How a sandbox is connected to a network. */
export interface ConnectOptions {
  /** IPv4 addresses of the network's subnets, IPv6 too, one of each. Default: the next free ones. */
  readonly addresses?: readonly string[];
  /** The link's MAC address. Default: a random one. */
  readonly mac?: string;
  /** Further names on this network; others may have them too. Not on the predefined network. */
  readonly aliases?: readonly string[];
  /** Names that this sandbox alone has for others on the network: alias to the sandbox's name. */
  readonly links?: Readonly<Record<string, string>>;
  /**
   * The network of the highest has the default route, among equal ones that whose name comes first.
   * Default: 0.
   */
  readonly gatewayPriority?: number;
}

/** A sandbox to be made. */
export interface SandboxOptions {
  /** Default: the first 12 digits of its id. */
  readonly name?: string;
  /** Default: `"networks"`, or what {@link SandboxOptions.joins} makes of it. */
  readonly mode?: "networks" | "none" | "host";
  /** The name or id of a sandbox whose namespace it shares, as Docker's `container:NAME`. */
  readonly joins?: string;
  /** By names or ids, each alone or with options. Default: the predefined network `bridge`. */
  readonly networks?: readonly (string | (ConnectOptions & { readonly network: string }))[];
  /** What of it is published on the host: `"8080:80"`, or in full. */
  readonly ports?: readonly (string | PortSpec)[];
  /** What it calls itself. Default: the first 12 digits of its id. */
  readonly hostname?: string;
  readonly names?: NameSettings;
  /** Settings below `net`, as `"net.ipv4.tcp_syncookies"`. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A namespace that somebody else made, to be a sandbox. */
export interface AdoptOptions
  extends Pick<SandboxOptions, "networks" | "ports" | "hostname" | "names" | "labels"> {
  readonly name: string;
  /** By its name in `/run/netns`, by a path, or by a process that is inside. */
  readonly namespace:
    | { readonly name: string }
    | { readonly path: string }
    | { readonly pid: number };
}

/** A connection, read. */
export interface ConnectRequest {
  readonly addresses: readonly string[];
  readonly mac: string | undefined;
  readonly aliases: readonly string[];
  readonly links: Readonly<Record<string, string>>;
  readonly gatewayPriority: number;
}

/** A sandbox, read. */
export interface SandboxRequest {
  readonly name: string | undefined;
  readonly mode: "networks" | "none" | "host";
  readonly joins: string | undefined;
  readonly networks: readonly { readonly network: string; readonly request: ConnectRequest }[];
  readonly ports: readonly PortRequest[];
  readonly hostname: string | undefined;
  readonly names: NameSettings;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const connectProperties = ["addresses", "mac", "aliases", "links", "gatewayPriority"];

function checkedLinks(property: string, links: unknown): Record<string, string> {
  if (links === undefined) return {};
  return Object.fromEntries(
    Object.entries(objectArgument(property, links as object)).map(([alias, target]) => [
      checkedName(`${property}[${JSON.stringify(alias)}]`, alias),
      checkedReference(`${property}.${alias}`, target),
    ]),
  );
}

function checkedPriority(property: string, priority: unknown): number {
  if (priority === undefined) return 0;
  if (typeof priority !== "number") throw invalidArgument("type", property, "must be a number");
  if (!Number.isInteger(priority) || Math.abs(priority) > 2 ** 31) {
    throw invalidArgument("range", property, "must be an integer of 32 bits");
  }
  return priority;
}

/** How a sandbox is to be connected; `path` is in front of the properties' names. */
export function checkedConnect(options: ConnectOptions, path = ""): ConnectRequest {
  refuseUnknown("options", options, connectProperties, path);
  const { addresses, mac, aliases, links, gatewayPriority } = options;
  return {
    addresses: checkedList(`${path}addresses`, addresses, checkedAddress, 2),
    mac: mac === undefined ? undefined : checkedMac(`${path}mac`, mac),
    aliases: checkedList(`${path}aliases`, aliases, checkedName),
    links: checkedLinks(`${path}links`, links),
    gatewayPriority: checkedPriority(`${path}gatewayPriority`, gatewayPriority),
  };
}

function checkedConnection(property: string, item: unknown) {
  if (typeof item === "string") {
    return { network: checkedReference(property, item), request: checkedConnect({}) };
  }
  const { network, ...options } = objectArgument(
    property,
    item as ConnectOptions & { network: string },
  );
  return {
    network: checkedReference(`${property}.network`, network),
    request: checkedConnect(options, `${property}.`),
  };
}

function checkedSysctls(sysctls: unknown): Readonly<Record<string, string>> {
  const texts = checkedTexts("sysctls", sysctls);
  for (const name of Object.keys(texts)) {
    if (!/^net[./]/.test(name)) {
      throw invalidArgument("range", `sysctls[${JSON.stringify(name)}]`, "is no setting below net");
    }
  }
  return texts;
}

/** How names are to be resolved; what the files take is checked where they are rendered. */
function checkedNames(names: NameSettings | undefined): NameSettings {
  if (names === undefined) return {};
  refuseUnknown("names", names, ["servers", "search", "options", "hosts"], "names.");
  const { servers, search, options, hosts } = names;
  const text = (property: string, value: unknown) => {
    if (typeof value !== "string") throw invalidArgument("type", property, "must be a string");
    return value;
  };
  const addresses = Object.entries(hosts ?? {}).map(([name, address]) => [
    checkedName(`names.hosts[${JSON.stringify(name)}]`, name),
    checkedAddress(`names.hosts.${name}`, address),
  ]);
  return {
    ...(servers && { servers: checkedList("names.servers", servers, checkedAddress, 3) }),
    ...(search && { search: checkedList("names.search", search, text, 32) }),
    ...(options && { options: checkedList("names.options", options, text, 32) }),
    ...(hosts && { hosts: Object.fromEntries(addresses) }),
  };
}

const sandboxProperties = [
  ...["name", "mode", "joins", "networks", "ports", "hostname", "names", "sysctls", "labels"],
];

/** A sandbox as it is to be. */
export function checkedSandbox(options: SandboxOptions): SandboxRequest {
  refuseUnknown("options", options, sandboxProperties);
  const {
    name,
    mode = "networks",
    joins,
    networks,
    ports,
    hostname,
    names,
    sysctls,
    labels,
  } = options;
  if (!["networks", "none", "host"].includes(mode)) {
    throw invalidArgument("range", "mode", "must be networks, none or host");
  }
  const plain = mode === "networks" && joins === undefined;
  const connections = checkedList("networks", networks, checkedConnection);
  return {
    name: name === undefined ? undefined : checkedName("name", name),
    mode,
    joins: joins === undefined ? undefined : checkedReference("joins", joins),
    networks:
      plain && networks === undefined
        ? [{ network: "bridge", request: checkedConnect({}) }]
        : connections,
    ports: checkedList("ports", ports, checkedPortSpec).flat(),
    hostname: hostname === undefined ? undefined : checkedName("hostname", hostname),
    names: checkedNames(names),
    sysctls: checkedSysctls(sysctls),
    labels: checkedTexts("labels", labels),
  };
}

/** A namespace to adopt, and the sandbox that it is to be. */
export function checkedAdoption(options: AdoptOptions): SandboxRequest {
  const properties = ["name", "namespace", "networks", "ports", "hostname", "names", "labels"];
  refuseUnknown("options", options, properties);
  const { namespace: _, networks = [], ...rest } = options;
  return checkedSandbox({ ...rest, name: checkedName("name", options.name), networks });
}
