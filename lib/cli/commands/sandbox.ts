// `vethwork sandbox`: namespaces with their links, addresses, names and published ports.

import {
  type Controller,
  NetworkError,
  type Port,
  type SandboxDescription,
  toDockerInspect,
} from "../../network/index.ts";
import type { Call } from "../call.ts";
import { type Command, exitCodes } from "../command.ts";
import { hostOptions, withController } from "../host.ts";
import { runProgram, SignalRelay } from "../program.ts";
import { shortId } from "../table.ts";
import { sandboxOptions, sandboxOptionsOf } from "./sandbox-options.ts";
import { byId, inspectEach, printList, removeEach } from "./verbs.ts";

async function create(call: Call): Promise<number> {
  const options = sandboxOptionsOf(call);
  const { id } = await withController(call, {}, (controller) => controller.createSandbox(options));
  call.print(id);
  return exitCodes.done;
}

/** All sandboxes in full; one that goes meanwhile is left out. */
async function describeAll(controller: Controller): Promise<SandboxDescription[]> {
  const all = await Promise.all(
    (await controller.listSandboxes()).map(async ({ id }) => {
      try {
        return [await controller.inspectSandbox(id)];
      } catch (error) {
        if (error instanceof NetworkError && error.code === "SANDBOX_MISSING") return [];
        throw error;
      }
    }),
  );
  return all.flat();
}

function portText({ protocol, hostAddress, hostPort, port }: Port): string {
  const host = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
  return `${host}:${hostPort}->${port}/${protocol}`;
}

function sandboxRow({ id, name, mode, connections, ports }: SandboxDescription): string[] {
  const networks = connections.map(({ network, endpoint }) =>
    [network.name, ...endpoint.addresses].join(" "),
  );
  const where = networks.length > 0 || mode === "networks" ? networks.join(", ") : mode;
  return [shortId(id), name, where, ports.map(portText).join(", ")];
}

async function list(call: Call): Promise<number> {
  const sandboxes = await withController(call, {}, describeAll);
  return printList(call, sandboxes, {
    head: ["SANDBOX ID", "NAME", "NETWORKS", "PORTS"],
    row: sandboxRow,
    handle: byId,
  });
}

function inspect(call: Call): Promise<number> {
  return inspectEach(
    call,
    (controller, name) => controller.inspectSandbox(name),
    (one) => toDockerInspect(one),
  );
}

function remove(call: Call): Promise<number> {
  const gone = (controller: Controller, name: string) => controller.deleteSandbox(name);
  return removeEach(call, gone, "SANDBOX_MISSING");
}

/** The plan is closed before the program runs, which may be for long. */
async function exec(call: Call): Promise<number> {
  await using namespace = await withController(call, {}, (controller) =>
    controller.openSandbox(call.operand(0)),
  );
  using signals = new SignalRelay();
  return await runProgram(namespace, call.program, signals);
}

/** Serves names while the program runs, unless somebody else does. */
async function run(call: Call): Promise<number> {
  const options = sandboxOptionsOf(call);
  // From here on a signal does not end this command, which has a sandbox to remove.
  using signals = new SignalRelay();
  return await withController(call, { serveNames: true }, async (controller) => {
    const { id } = await controller.createSandbox(options);
    try {
      await using namespace = await controller.openSandbox(id);
      return await runProgram(namespace, call.program, signals);
    } finally {
      if (call.flag("rm")) await controller.deleteSandbox(id);
    }
  });
}

const some = [{ name: "SANDBOX" }, { name: "SANDBOX", optional: true, many: true }];

export const sandboxCommand: Command = {
  name: "sandbox",
  summary: "makes, shows and removes sandboxes, and runs programs in them",
  options: hostOptions,
  commands: [
    {
      name: "create",
      summary: "makes a sandbox, and prints its id",
      about: `Makes a sandbox, and prints its id. --ip, --ip6, --mac-address, --alias, --link and
--gw-priority are about the first network; behind the name of any, they are about that.`,
      examples: [
        "vethwork sandbox create --name a --network web -p 8080:80",
        "vethwork sandbox create --name b --network web:ip=172.18.0.9,alias=db --network back",
      ],
      options: { ...sandboxOptions, ...hostOptions },
      run: create,
    },
    {
      name: "ls",
      summary: "lists sandboxes",
      about: "Lists sandboxes by their names.",
      options: {
        quiet: { short: "q", help: "ids alone" },
        format: { value: "FORMAT", choices: ["table", "json"], help: "the form of the list" },
        ...hostOptions,
      },
      run: list,
    },
    {
      name: "inspect",
      summary: "shows sandboxes with their connections, as JSON",
      about: `Shows sandboxes with their connections, as a JSON array. With --format docker it has
the names that \`docker inspect\` has in NetworkSettings.`,
      operands: some,
      options: {
        format: { value: "FORMAT", choices: ["json", "docker"], help: "whose names it has" },
        ...hostOptions,
      },
      run: inspect,
    },
    {
      name: "rm",
      summary: "removes sandboxes",
      about: "Removes sandboxes, and prints what they were called. Programs inside run on.",
      operands: some,
      options: { force: { short: "f", help: "one that is not there is no error" }, ...hostOptions },
      run: remove,
    },
    {
      name: "exec",
      summary: "runs a program in a sandbox",
      about: `Runs a program in a sandbox with the standard streams of this command, which ends as the
program does: with its exit code, or 128 and the signal that ended it.`,
      examples: ["vethwork sandbox exec a ip addr"],
      operands: [{ name: "SANDBOX" }],
      options: hostOptions,
      program: true,
      run: exec,
    },
    {
      name: "run",
      summary: "makes a sandbox and runs a program in it",
      about: `Makes a sandbox, runs a program in it, and ends as \`exec\` does. Names are served
meanwhile, unless a server runs.`,
      examples: ["vethwork sandbox run --rm --network web -- curl http://a/"],
      options: {
        rm: { help: "removes the sandbox afterwards" },
        ...sandboxOptions,
        ...hostOptions,
      },
      program: true,
      run,
    },
  ],
};
