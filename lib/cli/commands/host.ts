// `vethwork host`: the hosts that share a store.

import type { Host } from "../../network/index.ts";
import type { Call } from "../call.ts";
import type { Command } from "../command.ts";
import { hostOptions, withController } from "../host.ts";
import { printList } from "./verbs.ts";

async function list(call: Call): Promise<number> {
  const hosts = await withController(call, {}, (controller) => controller.listHosts());
  return printList<Host>(call, hosts, {
    head: ["NAME", "ADDRESS", "SINCE"],
    row: ({ name, address, since }) => [name, address, since],
    handle: ({ name }) => name,
  });
}

export const hostCommand: Command = {
  name: "host",
  summary: "shows the hosts that share the store",
  options: hostOptions,
  commands: [
    {
      name: "ls",
      summary: "lists the hosts that are there",
      about: `Lists the hosts that are there, by their names: those that share the store, and whose place
\`vethwork serve --address\` keeps, or a program of yours; with the address by which others reach
each, and since when its place is kept.`,
      examples: ["vethwork --store http://10.0.0.1:2379 host ls"],
      options: {
        quiet: { short: "q", help: "names alone" },
        format: { value: "FORMAT", choices: ["table", "json"], help: "the form of the list" },
        ...hostOptions,
      },
      run: list,
    },
  ],
};
