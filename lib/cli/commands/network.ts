// `vethwork network`: networks, under the names and flags of `docker network`.

import { createInterface } from "node:readline/promises";
import { type Controller, type Network, toDockerInspect } from "../../network/index.ts";
import type { Call } from "../call.ts";
import { type Command, exitCodes, type Options, UsageError } from "../command.ts";
import { hostOptions, withController } from "../host.ts";
import { shortId } from "../table.ts";
import { words } from "../values.ts";
import { connectOptions, connectOptionsOf } from "./connecting.ts";
import { networkFilters } from "./network-filters.ts";
import { subnetsOf } from "./network-subnets.ts";
import { byId, inspectEach, printList, removeEach } from "./verbs.ts";

const filterOption: Options = {
  filter: {
    value: "KEY=VALUE",
    many: true,
    help: "only those with this: driver, id, name, scope (local, cluster), label, label!, type (custom, builtin), dangling, until",
  },
};

const createOptions: Options = {
  driver: {
    short: "d",
    value: "DRIVER",
    help: "what makes its links: bridge, macvlan; overlay and routed across the hosts that share the store; bridge unless it is given",
    property: "driver",
  },
  subnet: {
    value: "PREFIX",
    many: true,
    help: "a subnet as 10.1.0.0/24, one of each family at most; a free one unless it is given",
    property: "subnet",
  },
  gateway: {
    value: "ADDRESS",
    many: true,
    help: "the host's address in a subnet; the first one unless it is given",
    property: "gateway",
  },
  "ip-range": {
    value: "PREFIX",
    many: true,
    help: "the part of a subnet that addresses are given from",
    property: "range",
  },
  "aux-address": {
    value: "NAME=ADDRESS",
    many: true,
    help: "an address that is given to nobody",
    property: "auxiliary",
  },
  internal: { help: "nothing leads out of it" },
  ipv6: { help: "it has an IPv6 subnet" },
  "allow-overlap": { help: "takes subnets, too, that the host has routes to" },
  attachable: { help: "sandboxes can be connected to it, as to every network without this, too" },
  opt: { short: "o", value: "KEY[=VALUE]", many: true, help: "an option of the driver" },
  label: { value: "KEY[=VALUE]", many: true, help: "a label", property: "labels" },
  ...hostOptions,
};

async function create(call: Call): Promise<number> {
  const driver = call.text("driver");
  const options = {
    name: call.operand(0),
    ...(driver === undefined ? {} : { driver }),
    ...(call.flag("ipv6") ? { ipv6: true } : {}),
    subnets: subnetsOf(call),
    internal: call.flag("internal"),
    allowOverlap: call.flag("allow-overlap"),
    options: words("--opt", call.texts("opt")),
    labels: words("--label", call.texts("label")),
  };
  const { id } = await withController(call, {}, (controller) => controller.createNetwork(options));
  call.print(id);
  return exitCodes.done;
}

function networkRow({ id, name, driver, scope, subnets }: Network): string[] {
  return [shortId(id), name, driver, scope, subnets.map(({ subnet }) => subnet).join(", ")];
}

async function list(call: Call): Promise<number> {
  const filters = networkFilters(call.texts("filter"));
  const networks = await withController(call, {}, (controller) => controller.listNetworks(filters));
  return printList(call, networks, {
    head: ["NETWORK ID", "NAME", "DRIVER", "SCOPE", "SUBNETS"],
    row: networkRow,
    handle: byId,
  });
}

function inspect(call: Call): Promise<number> {
  const verbose = call.flag("verbose");
  return inspectEach(
    call,
    async (controller, name) => {
      const network = await controller.inspectNetwork(name);
      if (verbose || call.text("format") === "docker") return network;
      // Of a large network these are many, and another host's business.
      const { members: _, ...own } = network;
      return own;
    },
    (one) => toDockerInspect(one, { verbose }),
  );
}

function remove(call: Call): Promise<number> {
  const gone = (controller: Controller, name: string) => controller.deleteNetwork(name);
  return removeEach(call, gone, "NETWORK_MISSING");
}

/** Asks before many things go, as nothing brings them back. */
async function isSure(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError("without a terminal to ask at, give --force");
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}

async function prune(call: Call): Promise<number> {
  const filters = networkFilters(call.texts("filter"));
  const sure =
    call.flag("force") || (await isSure("Remove all networks that nobody is connected to?"));
  if (!sure) return exitCodes.failed;
  const names = await withController(call, {}, (controller) => controller.pruneNetworks(filters));
  for (const name of names) call.print(name);
  return exitCodes.done;
}

async function connect(call: Call): Promise<number> {
  const options = connectOptionsOf(call);
  await withController(call, {}, (controller) =>
    controller.connect(call.operand(0), call.operand(1), options),
  );
  return exitCodes.done;
}

async function disconnect(call: Call): Promise<number> {
  await withController(call, {}, (controller) =>
    controller.disconnect(call.operand(0), call.operand(1)),
  );
  return exitCodes.done;
}

const both = [{ name: "NETWORK" }, { name: "SANDBOX" }];
const some = [{ name: "NETWORK" }, { name: "NETWORK", optional: true, many: true }];

export const networkCommand: Command = {
  name: "network",
  summary: "makes, shows and removes networks, and connects sandboxes with them",
  options: hostOptions,
  commands: [
    {
      name: "create",
      summary: "makes a network, and prints its id",
      about: "Makes a network, and prints its id.",
      examples: [
        "vethwork network create web",
        "vethwork network create --subnet 10.1.0.0/24 --gateway 10.1.0.254 --internal back",
        "vethwork network create -d macvlan -o parent=eth1 lan",
        "vethwork --store http://10.0.0.1:2379 network create -d overlay wide",
      ],
      operands: [{ name: "NAME" }],
      options: createOptions,
      run: create,
    },
    {
      name: "ls",
      summary: "lists networks",
      about: "Lists networks by their names.",
      options: {
        ...filterOption,
        quiet: { short: "q", help: "ids alone" },
        format: { value: "FORMAT", choices: ["table", "json"], help: "the form of the list" },
        ...hostOptions,
      },
      run: list,
    },
    {
      name: "inspect",
      summary: "shows networks with who is connected to them, as JSON",
      about: `Shows networks with who is connected to them, as a JSON array. With --format docker
it has the names that \`docker network inspect\` has. Of a network across hosts it shows who is
connected on this host; --verbose also shows who is on others, by host.`,
      operands: some,
      options: {
        verbose: { short: "v", help: "of networks across hosts, the endpoints of all hosts, too" },
        format: { value: "FORMAT", choices: ["json", "docker"], help: "whose names it has" },
        ...hostOptions,
      },
      run: inspect,
    },
    {
      name: "rm",
      summary: "removes networks that nobody is connected to",
      about: "Removes networks that nobody is connected to, and prints what they were called.",
      operands: some,
      options: { force: { short: "f", help: "one that is not there is no error" }, ...hostOptions },
      run: remove,
    },
    {
      name: "prune",
      summary: "removes all networks that nobody is connected to",
      about: "Removes all networks that nobody is connected to, and prints their names.",
      options: { force: { short: "f", help: "does not ask" }, ...filterOption, ...hostOptions },
      run: prune,
    },
    {
      name: "connect",
      summary: "connects a sandbox with a network",
      about: "Connects a sandbox with a network, while programs run in it.",
      examples: ["vethwork network connect --ip 10.1.0.7 --alias db back a"],
      operands: both,
      options: { ...connectOptions, ...hostOptions },
      run: connect,
    },
    {
      name: "disconnect",
      summary: "disconnects a sandbox from a network",
      about: "Disconnects a sandbox from a network, while programs run in it.",
      operands: both,
      options: hostOptions,
      run: disconnect,
    },
  ],
};
