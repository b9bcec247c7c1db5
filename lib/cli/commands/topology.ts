// `vethwork topology`: what there is in namespaces, and how they are joined.

import { writeFile } from "node:fs/promises";
import {
  describeTopology,
  listNamespaces,
  type Namespace,
  NetlinkError,
  openNamespace,
  type Topology,
  toDot,
  toMermaid,
  toSvg,
  toText,
} from "../../index.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";

const formats: Readonly<Record<string, (topology: Topology) => string>> = {
  text: toText,
  json: (topology) => `${JSON.stringify(topology, null, 2)}\n`,
  mermaid: toMermaid,
  dot: toDot,
  svg: toSvg,
};

const names = Object.keys(formats).join(", ");

/** The namespace of the process itself, which has no name in /run/netns. */
const ownLabel = "(this)";

/** A namespace that may have been deleted since it was listed. */
async function openUnlessGone(name: string): Promise<Namespace | undefined> {
  return await openNamespace({ name }).catch((error: unknown) => {
    const gone = error instanceof NetlinkError && ["ENOENT", "EINVAL"].includes(error.code);
    if (gone) return undefined;
    throw error;
  });
}

async function open(wanted: readonly string[]): Promise<[string, Namespace][]> {
  if (wanted.length > 0) {
    const opening = wanted.map(async (name) => [name, await openNamespace({ name })] as const);
    return (await Promise.all(opening)).map(([name, namespace]) => [name, namespace]);
  }
  const own = await openNamespace();
  const entries = await listNamespaces();
  const opening = await Promise.all(entries.map(({ name }) => openUnlessGone(name)));
  const named = opening.filter((each) => each !== undefined);
  // A name may be one of the process's own namespace.
  const others = named.filter(({ inode }) => inode !== own.inode);
  return [[ownLabel, own], ...others.map((each) => [each.name ?? "", each] as [string, Namespace])];
}

async function run({ values, positionals }: Arguments): Promise<string> {
  const { format = "text", output } = values;
  const write = typeof format === "string" ? formats[format] : undefined;
  if (write === undefined) throw new UsageError(`--format must be one of ${names}`);
  const namespaces = await open([...new Set(positionals)]);
  try {
    const text = write(await describeTopology(Object.fromEntries(namespaces)));
    if (typeof output !== "string") return text;
    await writeFile(output, text);
    return "";
  } finally {
    await Promise.all(namespaces.map(([, namespace]) => namespace.close()));
  }
}

export const topologyCommand: Command = {
  name: "topology",
  summary: "shows namespaces, their links, and how they are joined",
  help: `Usage: vethwork topology [NAME…] [--format FORMAT] [--output FILE]

Shows the named namespaces, or all that have a name and that of the process.

  --format FORMAT   one of ${names}; text unless it is given
  --output FILE     writes to a file
`,
  options: { format: { type: "string" }, output: { type: "string" } },
  run,
};
