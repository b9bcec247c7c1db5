// `vethwork sandbox …`: sandboxes, and programs in them, with the flags of `docker run`.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { type Namespace, spawn } from "../../index.ts";
import {
  type Controller,
  type NameSettings,
  type SandboxOptions,
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

const creation: Readonly<Record<string, Option>> = {
  name: { value: "NAME", help: "the first digits of its id" },
  network: { value: "NETWORK", help: "none, host, container:SANDBOX or a network; bridge" },
  publish: { short: "p", value: "[[ADDRESS:]PORT:]PORT[/udp]", help: "publishes a port" },
  ip: { value: "ADDRESS", help: "an IPv4 address of its one network" },
  ip6: { value: "ADDRESS", help: "an IPv6 address of its one network" },
  "mac-address": { value: "MAC", help: "the MAC address of its link" },
  alias: { value: "NAME", help: "a further name on its networks" },
  link: { value: "SANDBOX:ALIAS", help: "a name for another sandbox, for this one alone" },
  "gw-priority": { value: "NUMBER", help: "of its networks" },
  hostname: { short: "h", value: "NAME", help: "what it calls itself" },
  dns: { value: "ADDRESS", help: "a name server, in place of the host's" },
  "dns-search": { value: "DOMAIN", help: "a search domain, in place of the host's" },
  "dns-option": { value: "OPTION", help: "an option of resolv.conf, in place of the host's" },
  "add-host": { value: "NAME:ADDRESS", help: "a line of its hosts file" },
  sysctl: { value: "KEY=VALUE", help: "a setting below net" },
  label: { value: "KEY=VALUE", help: "a label" },
};

function namesOf(args: Arguments): NameSettings {
  const servers = args.all("dns");
  const search = args.all("dns-search");
  const options = args.all("dns-option");
  const hosts = Object.fromEntries(
    args.all("add-host").map((text) => {
      const [, name, address] = /^([^:]+):(.+)$/.exec(text) ?? [];
      if (name === undefined || address === undefined)
        throw new UsageError(`--add-host ${text} is not NAME:ADDRESS`);
      return [name, address];
    }),
  );
  return {
    ...(servers.length > 0 && { servers }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
    ...(Object.keys(hosts).length > 0 && { hosts }),
  };
}

/** The mode that is asked for in the place of networks, if one is. */
function modeOf(networks: readonly string[]): Pick<SandboxOptions, "mode" | "joins"> | undefined {
  const [only, ...more] = networks.filter(
    (network) => network === "none" || network === "host" || network.startsWith("container:"),
  );
  if (only === undefined) return undefined;
  if (more.length > 0 || networks.length > 1) {
    throw new UsageError(`--network ${only} excludes others`);
  }
  if (only === "none" || only === "host") return { mode: only };
  return { joins: only.slice("container:".length) };
}

function networksOf(args: Arguments): Pick<SandboxOptions, "mode" | "joins" | "networks"> {
  const networks = args.all("network");
  const mode = modeOf(networks);
  if (mode !== undefined) return mode;
  const fixed = addresses(args);
  const mac = args.last("mac-address");
  if (networks.length > 1 && (fixed.length > 0 || mac !== undefined)) {
    throw new UsageError("addresses are those of one network; connect the others afterwards");
  }
  const gatewayPriority = integer(args, "gw-priority");
  const options = {
    ...{ addresses: fixed, aliases: args.all("alias"), links: links(args) },
    ...(mac === undefined ? {} : { mac }),
    ...(gatewayPriority === undefined ? {} : { gatewayPriority }),
  };
  const named = networks.length === 0 ? ["bridge"] : networks;
  return { networks: named.map((network) => ({ network, ...options })) };
}

function sandboxOptions(args: Arguments, name = args.last("name")): SandboxOptions {
  const hostname = args.last("hostname");
  return {
    ...(name === undefined ? {} : { name }),
    ...networksOf(args),
    ...(hostname === undefined ? {} : { hostname }),
    ...{ ports: args.all("publish"), names: namesOf(args), sysctls: pairs(args, "sysctl") },
    labels: labels(args),
  };
}

/** With what shells end when a program is not there, or is none. */
const unstarted: Readonly<Record<string, number>> = { ENOENT: 127, EACCES: 126 };

/** Runs a program inside, on the terminal of this one, and gives its exit code. */
async function runInside(namespace: Namespace, command: readonly string[]): Promise<number> {
  const [file, ...args] = command;
  if (file === undefined) throw new UsageError("which program?");
  let child: ChildProcess;
  try {
    child = await spawn(namespace, file, args, { stdio: "inherit" });
  } catch (error) {
    const code = unstarted[(error as NodeJS.ErrnoException).code ?? ""];
    if (code === undefined) throw error;
    process.stderr.write(`vethwork: ${(error as Error).message}\n`);
    return code;
  }
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, pass);
  try {
    const [code, signal] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
    if (typeof signal === "string") return 128 + constants.signals[signal as NodeJS.Signals];
    return Number(code);
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

async function runIn(
  controller: Controller,
  sandbox: string,
  command: readonly string[],
): Promise<number> {
  const namespace = await controller.openSandbox(sandbox);
  try {
    return await runInside(namespace, command);
  } finally {
    await namespace.close();
  }
}

const create: Command = {
  name: "sandbox create",
  summary: "makes a sandbox, and tells its id",
  usage: "[NAME]",
  options: { ...creation, ...controllerOptions },
  words: [0, 1],
  run: (args) =>
    withController(args, async (controller) => {
      const { id } = await controller.createSandbox(sandboxOptions(args, args.words[0]));
      return `${id}\n`;
    }),
};

const ls: Command = {
  name: "sandbox ls",
  summary: "lists sandboxes",
  usage: "",
  options: { quiet: { short: "q", help: "ids alone" }, ...formatOption, ...controllerOptions },
  words: [0, 0],
  run: (args) =>
    withController(args, async (controller) => {
      const format = formatOf(args, ["table", "json"]);
      const sandboxes = await controller.listSandboxes();
      if (args.flags.has("quiet")) return sandboxes.map(({ id }) => `${shortId(id)}\n`).join("");
      if (format === "json") return json(sandboxes);
      const rows = await Promise.all(
        sandboxes.map(async ({ id, name, mode, ports }) => {
          const { connections } = await controller.inspectSandbox(id);
          const places = connections.map(({ network, endpoint }) =>
            [network.name, ...endpoint.addresses].join(" "),
          );
          const published = ports.map(
            ({ protocol, hostAddress, hostPort, port }) =>
              `${hostAddress}:${hostPort}->${port}/${protocol}`,
          );
          return [shortId(id), name, mode, places.join(", "), published.join(", ")];
        }),
      );
      return table(["SANDBOX ID", "NAME", "MODE", "NETWORKS", "PORTS"], rows);
    }),
};

const inspect: Command = {
  name: "sandbox inspect",
  summary: "shows sandboxes, their connections and ports",
  usage: "SANDBOX…",
  options: {
    format: { value: "FORMAT", help: "json, or docker for its shape; json" },
    ...controllerOptions,
  },
  words: [1, 1000],
  run: (args) =>
    withController(args, async (controller) => {
      const format = formatOf(args, ["json", "docker"]);
      const all = await Promise.all(args.words.map((word) => controller.inspectSandbox(word)));
      return json(format === "json" ? all : all.map((one) => toDockerInspect(one)));
    }),
};

const rm: Command = {
  name: "sandbox rm",
  summary: "removes sandboxes",
  usage: "SANDBOX…",
  options: controllerOptions,
  words: [1, 1000],
  run: (args) =>
    withController(args, async (controller) => {
      for (const word of args.words) await controller.deleteSandbox(word);
      return args.words.map((word) => `${word}\n`).join("");
    }),
};

const exec: Command = {
  name: "sandbox exec",
  summary: "runs a program in a sandbox; ends as it ends",
  usage: "SANDBOX PROGRAM [ARGUMENT…]",
  options: controllerOptions,
  words: [1, 1],
  passesOn: true,
  run: (args) =>
    withController(args, (controller) => runIn(controller, args.words[0] ?? "", args.rest)),
};

const run: Command = {
  name: "sandbox run",
  summary: "makes a sandbox, serves names, and runs a program in it; ends as it ends",
  usage: "PROGRAM [ARGUMENT…]",
  options: { ...creation, rm: { help: "removes it afterwards" }, ...controllerOptions },
  words: [0, 0],
  passesOn: true,
  run: (args) => {
    if (args.rest.length === 0) throw new UsageError("which program?");
    const serve = async (controller: Controller) => {
      const { id } = await controller.createSandbox(sandboxOptions(args));
      try {
        return await runIn(controller, id, args.rest);
      } finally {
        if (args.flags.has("rm")) await controller.deleteSandbox(id);
      }
    };
    return withController(args, serve, true);
  },
};

export const sandboxCommands: readonly Command[] = [create, ls, inspect, rm, exec, run];
