// A topology as a Mermaid flowchart.

import { objectArgument } from "../errors.ts";
import type { Topology, TopologyEnd, TopologyLink } from "./describe.ts";

/** Text as Mermaid takes it: entities for whatever could mean something. */
function escaped(text: string): string {
  const odd = /[^\p{L}\p{N} ./:_,()[\]-]/gu;
  return text.replace(odd, (character) => `#${character.codePointAt(0)};`);
}

function labelOf({ name, kind, addresses, up }: TopologyLink): string {
  const what = kind === undefined || kind === "veth" ? name : `${name} (${kind})`;
  const lines = [up ? what : `${what}, down`, ...addresses];
  return `"${lines.map(escaped).join("<br>")}"`;
}

/**
 * Draws a topology as a Mermaid flowchart, which GitHub and others show: a subgraph for each
 * namespace, a node for each link, thick lines for veth pairs.
 *
 * @throws {TypeError} if it is no topology.
 */
export function toMermaid(topology: Topology): string {
  objectArgument("topology", topology);
  const ids = new Map<string, string>();
  const idOf = ({ namespace, link }: TopologyEnd) => {
    const key = JSON.stringify([namespace, link]);
    const id = ids.get(key) ?? `l${ids.size}`;
    ids.set(key, id);
    return id;
  };
  const boxes = topology.namespaces.flatMap(({ label, links }, position) => [
    `  subgraph n${position}["${escaped(label)}"]`,
    ...links.map((link) => {
      const id = idOf({ namespace: label, link: link.name });
      return link.kind === "bridge"
        ? `    ${id}([${labelOf(link)}])`
        : `    ${id}[${labelOf(link)}]`;
    }),
    "  end",
  ]);
  const inner = topology.namespaces.flatMap(({ label: namespace, links }) =>
    links.flatMap(({ name, master, parent }) => [
      ...(master === undefined
        ? []
        : [`  ${idOf({ namespace, link: master })} --- ${idOf({ namespace, link: name })}`]),
      ...(parent === undefined
        ? []
        : [`  ${idOf({ namespace, link: parent })} -.- ${idOf({ namespace, link: name })}`]),
    ]),
  );
  const wires = topology.wires.flatMap(({ ends: [near, far] }, position) =>
    far === null
      ? [`  d${position}((" ")) === ${idOf(near)}`]
      : [`  ${idOf(near)} === ${idOf(far)}`],
  );
  return `${["flowchart LR", ...boxes, ...inner, ...wires].join("\n")}\n`;
}
