// `vethwork topology`: what there is in namespaces, and how they are joined.

import { writeFile } from "node:fs/promises";
import {
  describeTopology,
  listNamespaces,
  type Namespace,
  openNamespace,
  type Topology,
  toDot,
  toMermaid,
  toSvg,
  toText,
} from "../../index.ts";
import type { Call } from "../call.ts";
import { type Command, exitCodes } from "../command.ts";

const formats: Readonly<Record<string, (topology: Topology) => string>> = {
  text: toText,
  json: (topology) => `${JSON.stringify(topology, null, 2)}\n`,
  mermaid: toMermaid,
  dot: toDot,
  svg: toSvg,
};

/** The namespace of the process itself, which has no name in /run/netns. */
const ownLabel = "(this)";

async function open(wanted: readonly string[]): Promise<[string, Namespace][]> {
  if (wanted.length > 0) {
    const opening = wanted.map(async (name) => [name, await openNamespace({ name })] as const);
    return (await Promise.all(opening)).map(([name, namespace]) => [name, namespace]);
  }
  const own = await openNamespace();
  const named = await Promise.all(
    (await listNamespaces()).map(({ name }) => openNamespace({ name })),
  );
  // A name may be one of the process's own namespace.
  const others = named.filter(({ inode }) => inode !== own.inode);
  return [[ownLabel, own], ...others.map((each) => [each.name ?? "", each] as [string, Namespace])];
}

async function run(call: Call): Promise<number> {
  const write = formats[call.text("format") ?? "text"] ?? toText;
  const output = call.text("output");
  const namespaces = await open([...new Set(call.operands)]);
  try {
    const text = write(await describeTopology(Object.fromEntries(namespaces)));
    if (output === undefined) process.stdout.write(text);
    else await writeFile(output, text);
    return exitCodes.done;
  } finally {
    await Promise.all(namespaces.map(([, namespace]) => namespace.close()));
  }
}

export const topologyCommand: Command = {
  name: "topology",
  summary: "shows namespaces, their links, and how they are joined",
  about: "Shows the named namespaces, or all that have a name and that of the process.",
  examples: ["vethwork topology --format svg --output network.svg"],
  operands: [{ name: "NAMESPACE", optional: true, many: true }],
  options: {
    format: {
      value: "FORMAT",
      choices: Object.keys(formats),
      help: "how it is drawn; text unless it is given",
    },
    output: { value: "FILE", help: "writes to a file" },
  },
  run,
};
