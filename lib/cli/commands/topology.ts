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
import { type Command, UsageError } from "../command.ts";

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

export const topologyCommand: Command = {
  name: "topology",
  summary: "shows the named namespaces, or all, their links, and how they are joined",
  usage: "[NAME…]",
  options: {
    format: { value: "FORMAT", help: `one of ${names}; text` },
    output: { value: "FILE", help: "writes to a file" },
  },
  words: [0, 1000],
  run: async (args) => {
    const write = formats[args.last("format") ?? "text"];
    if (write === undefined) throw new UsageError(`--format must be one of ${names}`);
    const namespaces = await open([...new Set(args.words)]);
    try {
      const text = write(await describeTopology(Object.fromEntries(namespaces)));
      const output = args.last("output");
      if (output === undefined) return text;
      await writeFile(output, text);
      return "";
    } finally {
      await Promise.all(namespaces.map(([, namespace]) => namespace.close()));
    }
  },
};
