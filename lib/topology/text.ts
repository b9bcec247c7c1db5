// A topology as text for a terminal.

import { objectArgument } from "../errors.ts";
import type { Topology, TopologyEnd } from "./describe.ts";

/**
 * Writes a topology down for people: a paragraph for each namespace, a line for each link.
 *
 * @throws {TypeError} if it is no topology.
 */
export function toText(topology: Topology): string {
  objectArgument("topology", topology);
  const peers = new Map<string, string>();
  const keyOf = ({ namespace, link }: TopologyEnd) => JSON.stringify([namespace, link]);
  const nameOf = ({ namespace, link }: TopologyEnd) => `${namespace}:${link}`;
  for (const { ends } of topology.wires) {
    const [near, far] = ends;
    peers.set(keyOf(near), far === null ? "elsewhere" : nameOf(far));
    if (far !== null) peers.set(keyOf(far), nameOf(near));
  }
  const paragraphs = topology.namespaces.map(({ label, links, routes }) => [
    label,
    ...links.map(({ name, kind, up, master, parent, addresses }) => {
      const peer = peers.get(keyOf({ namespace: label, link: name }));
      const facts = [
        kind ?? "",
        up ? "" : "down",
        parent === undefined ? "" : `on ${parent}`,
        master === undefined ? "" : `port of ${master}`,
        peer === undefined ? "" : `to ${peer}`,
        ...addresses,
      ];
      return `  ${[name, ...facts].filter((fact) => fact !== "").join("  ")}`;
    }),
    ...routes
      .filter(({ via }) => via !== undefined)
      .map(({ to, via }) => `  route  ${to}  via ${via}`),
  ]);
  // A name may hold what a terminal obeys.
  const text = paragraphs.map((lines) => lines.join("\n")).join("\n\n");
  return `${text.replace(/(?!\n)\p{Cc}/gu, "\uFFFD")}\n`;
}
