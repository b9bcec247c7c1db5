// `vethwork network …`: networks as `docker network` has them.

import {
  type NetworkFilters,
  type NetworkOptions,
  type SubnetOptions,
  toDockerInspect,
} from "../../network/index.ts";
import { type Arguments, type Command, type Option, UsageError } from "../command.ts";
import {
  addresses,
  controllerOptions,
  integer,
  labels,
  links,
  pairs,
  withController,
} from "../controller.ts";
import { formatOf, formatOption, json, shortId, table } from "../output.ts";

const filterOption: Readonly<Record<"filter", Option>> = {
  filter: {
    ...{ short: "f", value: "KEY=VALUE" },
    help: "name, id, driver, label, label!, type=custom|builtin, dangling=true|false, until",
  },
};

/** Option n belongs to subnet n; auxiliary addresses belong to the subnet that has them. */
function subnetsOf(args: Arguments): SubnetOptions[] {
  const subnets = args.all("subnet");
  const gateways = args.all("gateway");
  const ranges = args.all("ip-range");
  const isSix = (text: string) => text.includes(":");
  if (subnets.length === 0 && gateways.length + ranges.length > 0) {
    throw new UsageError("--gateway and --ip-range need a --subnet");
  }
  return subnets.map((subnet) => {
    const sameFamily = (text: string) => isSix(text) === isSix(subnet);
    const gateway = gateways.find(sameFamily);
    const range = ranges.find(sameFamily);
    const auxiliary = Object.fromEntries(
      Object.entries(pairs(args, "aux-address")).filter(([, address]) => sameFamily(address)),
    );
    return {
      ...{ subnet, auxiliary },
      ...(gateway === undefined ? {} : { gateway }),
      ...(range === undefined ? {} : { range }),
    };
  });
}

function networkOptions(args: Arguments): NetworkOptions {
  const [name = ""] = args.words;
  const driver = args.last("driver");
  return {
    ...{ name, subnets: subnetsOf(args), internal: args.flags.has("internal") },
    ...(driver === undefined ? {} : { driver }),
    ...(args.flags.has("ipv6") ? { ipv6: true } : {}),
    ...(args.flags.has("least-recently-used") ? { addressing: "least-recently-used" } : {}),
    ...{ allowOverlap: args.flags.has("allow-overlap"), options: pairs(args, "opt") },
    labels: labels(args),
  };
}

/** A point of time, or a time that has passed: `10m`, `24h`. */
function untilOf(text: string): Date {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 };
  const date =
    unit === undefined
      ? new Date(text)
      : new Date(Date.now() - Number(count) * seconds[unit as keyof typeof seconds] * 1000);
  if (Number.isNaN(date.getTime())) throw new UsageError(`until=${text} is no time`);
  return date;
}

function filtersOf(args: Arguments): NetworkFilters {
  const given = args.all("filter").map((text) => {
    const [, key = "", value = ""] = /^([a-z]+!?)=(.*)$/.exec(text) ?? [];
    return { key, value, text };
  });
  const known = ["name", "id", "driver", "label", "label!", "type", "dangling", "until"];
  const unknown = given.find(({ key }) => !known.includes(key));
  if (unknown !== undefined) throw new UsageError(`--filter ${unknown.text} is unknown`);
  const of = (key: string) => given.filter((one) => one.key === key).map(({ value }) => value);
  const [type] = of("type");
  const [dangling] = of("dangling");
  const [until] = of("until");
  return {
    ...{ name: of("name"), id: of("id"), driver: of("driver") },
    ...{ label: of("label"), notLabel: of("label!") },
    ...(type === undefined ? {} : { type: type as "custom" | "builtin" }),
    ...(dangling === undefined ? {} : { dangling: dangling === "true" || dangling === "1" }),
    ...(until === undefined ? {} : { until: untilOf(until) }),
  };
}

const create: Command = {
  name: "network create",
  summary: "makes a network, and tells its id",
  usage: "NAME",
  options: {
    driver: { short: "d", value: "DRIVER", help: "bridge, or macvlan; bridge" },
    subnet: { value: "CIDR", help: "one of each family; the first free pool" },
    gateway: { value: "ADDRESS", help: "of the subnet of its family; the first address" },
    "ip-range": { value: "CIDR", help: "the part of the subnet that addresses are given from" },
    "aux-address": { value: "NAME=ADDRESS", help: "an address that is given to nobody" },
    internal: { help: "nothing leads out of it" },
    ipv6: { help: "has IPv6, too" },
    opt: { short: "o", value: "KEY=VALUE", help: "an option of the driver" },
    label: { value: "KEY=VALUE", help: "a label" },
    "least-recently-used": { help: "gives the addresses first that were free for the longest" },
    "allow-overlap": { help: "takes a subnet that the host has routes to" },
    ...controllerOptions,
  },
  words: [1, 1],
  run: (args) =>
    withController(args, async (controller) => {
      const { id } = await controller.createNetwork(networkOptions(args));
      return `${id}\n`;
    }),
};

const ls: Command = {
  name: "network ls",
  summary: "lists networks",
  usage: "",
  options: {
    ...filterOption,
    quiet: { short: "q", help: "ids alone" },
    ...formatOption,
    ...controllerOptions,
  },
  words: [0, 0],
  run: (args) =>
    withController(args, async (controller) => {
      const format = formatOf(args, ["table", "json"]);
      const networks = await controller.listNetworks(filtersOf(args));
      if (args.flags.has("quiet")) return networks.map(({ id }) => `${shortId(id)}\n`).join("");
      if (format === "json") return json(networks);
      const rows = networks.map(({ id, name, driver, subnets }) => [
        ...[shortId(id), name, driver, subnets.map(({ subnet }) => subnet).join(" ")],
      ]);
      return table(["NETWORK ID", "NAME", "DRIVER", "SUBNETS"], rows);
    }),
};

const inspect: Command = {
  name: "network inspect",
  summary: "shows networks and who is connected to them",
  usage: "NETWORK…",
  options: {
    format: { value: "FORMAT", help: "json, or docker for its shape; json" },
    ...controllerOptions,
  },
  words: [1, 1000],
  run: (args) =>
    withController(args, async (controller) => {
      const format = formatOf(args, ["json", "docker"]);
      const all = await Promise.all(args.words.map((word) => controller.inspectNetwork(word)));
      return json(format === "json" ? all : all.map((one) => toDockerInspect(one)));
    }),
};

const rm: Command = {
  name: "network rm",
  summary: "removes networks that nobody is connected to",
  usage: "NETWORK…",
  options: controllerOptions,
  words: [1, 1000],
  run: (args) =>
    withController(args, async (controller) => {
      for (const word of args.words) await controller.deleteNetwork(word);
      return args.words.map((word) => `${word}\n`).join("");
    }),
};

const prune: Command = {
  name: "network prune",
  summary: "removes all networks that nobody is connected to",
  usage: "",
  options: { ...filterOption, ...controllerOptions },
  words: [0, 0],
  run: (args) =>
    withController(args, async (controller) => {
      const names = await controller.pruneNetworks(filtersOf(args));
      return names.map((name) => `${name}\n`).join("");
    }),
};

const connect: Command = {
  name: "network connect",
  summary: "connects a sandbox with a network, while it runs",
  usage: "NETWORK SANDBOX",
  options: {
    ip: { value: "ADDRESS", help: "an IPv4 address of the network" },
    ip6: { value: "ADDRESS", help: "an IPv6 address of the network" },
    "mac-address": { value: "MAC", help: "the link's MAC address" },
    alias: { value: "NAME", help: "a further name on the network" },
    link: { value: "SANDBOX:ALIAS", help: "a name for another sandbox, for this one alone" },
    "gw-priority": { value: "NUMBER", help: "the highest has the default route; 0" },
    ...controllerOptions,
  },
  words: [2, 2],
  run: (args) =>
    withController(args, async (controller) => {
      const [network = "", sandbox = ""] = args.words;
      const mac = args.last("mac-address");
      const gatewayPriority = integer(args, "gw-priority");
      await controller.connect(network, sandbox, {
        ...{ addresses: addresses(args), aliases: args.all("alias"), links: links(args) },
        ...(mac === undefined ? {} : { mac }),
        ...(gatewayPriority === undefined ? {} : { gatewayPriority }),
      });
      return "";
    }),
};

const disconnect: Command = {
  name: "network disconnect",
  summary: "disconnects a sandbox from a network, while it runs",
  usage: "NETWORK SANDBOX",
  options: controllerOptions,
  words: [2, 2],
  run: (args) =>
    withController(args, async (controller) => {
      const [network = "", sandbox = ""] = args.words;
      await controller.disconnect(network, sandbox);
      return "";
    }),
};

export const networkCommands: readonly Command[] = [
  ...[create, ls, inspect, rm, prune, connect, disconnect],
];
