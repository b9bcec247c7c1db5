// A topology in the language of Graphviz.

import { objectArgument } from "../errors.ts";
import type { Topology, TopologyEnd } from "./describe.ts";

/** A string of the language: nothing but quotes and backslashes means anything in it. */
function quoted(...lines: string[]): string {
  return `"${lines.map((line) => line.replace(/[\\"]/g, "\\$&")).join("\\n")}"`;
}

/**
 * Draws a topology for Graphviz (`dot -Tsvg`): a cluster for each namespace, a node for each link,
 * bold lines for veth pairs.
 *
 * @throws {TypeError} if it is no topology.
 */
export function toDot(topology: Topology): string {
  objectArgument("topology", topology);
  const node = ({ namespace, link }: TopologyEnd) => quoted(`${namespace} ${link}`);
  const clusters = topology.namespaces.flatMap(({ label: namespace, links }, position) => [
    `  subgraph cluster_${position} {`,
    `    label=${quoted(namespace)};`,
    ...links.map(({ name, kind, up, addresses }) => {
      const shape = kind === "bridge" ? ", shape=ellipse" : "";
      const style = up ? "" : ", style=dashed";
      const text = quoted(name, ...addresses);
      return `    ${node({ namespace, link: name })} [label=${text}${shape}${style}];`;
    }),
    "  }",
  ]);
  const inner = topology.namespaces.flatMap(({ label: namespace, links }) =>
    links.flatMap(({ name, master, parent }) => {
      const own = node({ namespace, link: name });
      return [
        ...(master === undefined ? [] : [`  ${node({ namespace, link: master })} -- ${own};`]),
        ...(parent === undefined
          ? []
          : [`  ${node({ namespace, link: parent })} -- ${own} [style=dotted];`]),
      ];
    }),
  );
  const wires = topology.wires.flatMap(({ ends: [near, far] }, position) =>
    far === null
      ? [`  dangling_${position} [shape=point];`, `  ${node(near)} -- dangling_${position};`]
      : [`  ${node(near)} -- ${node(far)} [penwidth=2];`],
  );
  const head = ["graph topology {", "  rankdir=LR;", "  node [shape=box];"];
  return `${[...head, ...clusters, ...inner, ...wires, "}"].join("\n")}\n`;
}
