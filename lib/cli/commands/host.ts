// `vethwork host`: the hosts that share a store, and those that are gone.

import type { AbsentHost, Host } from "../../network/index.ts";
import type { Call } from "../call.ts";
import type { Command } from "../command.ts";
import { hostOptions, withController } from "../host.ts";
import { type Columns, printList, removeEach } from "./verbs.ts";

const columns: Columns<Host> = {
  head: ["NAME", "ADDRESS", "SINCE"],
  row: ({ name, address, since }) => [name, address, since],
  handle: ({ name }) => name,
};

const columnsOfAll: Columns<Host | AbsentHost> = {
  head: ["NAME", "ADDRESS", "STATUS", "SINCE", "SANDBOXES"],
  row: (host) => {
    if (!("absent" in host)) return [host.name, host.address, "present", host.since, ""];
    const { name, address = "", busy, sandboxes } = host;
    return [name, address, busy ? "busy" : "absent", "", String(sandboxes)];
  },
  handle: ({ name }) => name,
};

async function list(call: Call): Promise<number> {
  return await withController(call, {}, async (controller) => {
    const present = await controller.listHosts();
    if (!call.flag("all")) return printList(call, present, columns);
    const all = [...present, ...(await controller.listAbsentHosts())];
    return printList<Host | AbsentHost>(call, all, columnsOfAll);
  });
}

async function remove(call: Call): Promise<number> {
  return await removeEach(call, (controller, name) => controller.removeHost(name), "HOST_MISSING");
}

export const hostCommand: Command = {
  name: "host",
  summary: "shows the hosts that share the store, and removes those that are gone",
  options: hostOptions,
  commands: [
    {
      name: "ls",
      summary: "lists the hosts that are there",
      about: `Lists the hosts that are there, by their names: those that share the store, and whose place
\`vethwork serve --address\` keeps, or a program of yours; with the address by which others reach
each, and since when its place is kept.

With --all it also lists those for which the store keeps something and whose place nobody keeps,
with how many sandboxes they have: absent ones, and busy ones, where a process is at work without
that.`,
      examples: ["vethwork --store http://10.0.0.1:2379 host ls"],
      options: {
        all: { short: "a", help: "those that are not there, too" },
        quiet: { short: "q", help: "names alone" },
        format: { value: "FORMAT", choices: ["table", "json"], help: "the form of the list" },
        ...hostOptions,
      },
      run: list,
    },
    {
      name: "rm",
      summary: "removes what the store keeps for hosts that are gone for good",
      about: `Removes what the store keeps for hosts that are gone for good, by their names: their plans, and
what others still know of them. It does nothing on these hosts. It is refused for one that is
there, and until its lease has ended; but nothing tells a host where commands alone work now and
then, and which nobody serves, from one that is gone.

A host that comes back after all begins anew, and vethwork doctor tells there what is left of it.`,
      examples: ["vethwork --store http://10.0.0.1:2379 host rm old"],
      operands: [{ name: "HOST" }, { name: "HOST", optional: true, many: true }],
      options: { force: { short: "f", help: "one that is not there is no error" }, ...hostOptions },
      run: remove,
    },
  ],
};
