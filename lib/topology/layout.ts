// Where everything of a picture goes: namespaces as boxes, links as chips in them, wires between.
//
// A namespace that joins others ("hub") stands in the middle, its links below one another in two
// columns. Those that hang on it alone ("leaves") stand left and right, each beside the link that
// its wire leads to, so that wires run straight and cross no label. Hubs stand below one another.

import type { Topology, TopologyEnd, TopologyLink, TopologyNamespace } from "./describe.ts";

/** A rectangle, in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a box stands for. */
export type BoxKind = "namespace" | "bridge" | "link" | "down";

/** A box that is drawn. */
export interface DrawnBox extends Box {
  readonly kind: BoxKind;
}

/** A line of text; `x` is its beginning, `y` its base line. */
export interface DrawnText {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly kind: "title" | "name" | "address";
}

/** A wire; a dangling one ends in the open. */
export interface DrawnWire {
  readonly from: Point;
  readonly to: Point;
  readonly dangling: boolean;
  readonly down: boolean;
}

/** A point, and the direction in which a wire leaves it: -1 to the left, 1 to the right. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly side: -1 | 1;
}

/** A picture. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly DrawnBox[];
  readonly texts: readonly DrawnText[];
  readonly wires: readonly DrawnWire[];
}

/** Characters are of one width, 0.602 of their size in most fonts of that sort; a little more here. */
const characterWidth = 0.62;
export const fontSizes = { title: 13, name: 12, address: 10.5 } as const;
const lineHeights = { title: 20, name: 17, address: 14 } as const;
const padding = 10;
const gap = 14;
const channel = 90;
const margin = 20;

const widthOf = (text: string, kind: DrawnText["kind"]) =>
  [...text].length * fontSizes[kind] * characterWidth;

/** Boxes, texts and wires that are drawn so far. */
interface Canvas {
  readonly boxes: DrawnBox[];
  readonly texts: DrawnText[];
  /** The chip of a link, where its wire ends. */
  readonly sockets: Map<string, Box>;
}

const keyOf = ({ namespace, link }: TopologyEnd) => JSON.stringify([namespace, link]);

function titleOf({ name, kind, parent }: TopologyLink): string {
  const said = kind === undefined || kind === "veth" || kind === "bridge" ? "" : ` ${kind}`;
  return parent === undefined ? `${name}${said}` : `${name}${said} on ${parent}`;
}

function chipSize(link: TopologyLink): { width: number; height: number } {
  const texts = link.addresses.map((address) => widthOf(address, "address"));
  return {
    width: Math.max(widthOf(titleOf(link), "name"), ...texts) + 2 * padding,
    height: lineHeights.name + link.addresses.length * lineHeights.address + padding,
  };
}

function drawChip(canvas: Canvas, namespace: string, link: TopologyLink, box: Box): void {
  const kind = link.kind === "bridge" ? "bridge" : link.up ? "link" : "down";
  canvas.boxes.push({ ...box, kind });
  canvas.sockets.set(keyOf({ namespace, link: link.name }), box);
  let y = box.y + padding / 2 + lineHeights.name - 4;
  canvas.texts.push({ x: box.x + padding, y, text: titleOf(link), kind: "name" });
  for (const text of link.addresses) {
    y += lineHeights.address;
    canvas.texts.push({ x: box.x + padding, y, text, kind: "address" });
  }
}

function drawFrame(canvas: Canvas, label: string, box: Box): void {
  canvas.boxes.push({ ...box, kind: "namespace" });
  const y = box.y + lineHeights.title - 4;
  canvas.texts.push({ x: box.x + padding, y, text: label, kind: "title" });
}

/** The links that are drawn: `lo` tells nothing, unless it is all there is. */
function drawnLinks({ links }: TopologyNamespace): readonly TopologyLink[] {
  const others = links.filter(({ name, addresses }) => name !== "lo" || addresses.length > 1);
  return others.length > 0 ? others : links;
}

function leafSize(leaf: TopologyNamespace): { width: number; height: number } {
  const chips = drawnLinks(leaf).map(chipSize);
  const widest = Math.max(...chips.map(({ width }) => width), widthOf(leaf.label, "title"));
  const tall = chips.reduce((sum, { height }) => sum + height + padding, 0);
  return { width: widest + 2 * padding, height: lineHeights.title + padding / 2 + tall };
}

/** Draws a leaf, and returns how high its first link's wire is. */
function drawLeaf(canvas: Canvas, leaf: TopologyNamespace, x: number, y: number): number {
  const { width, height } = leafSize(leaf);
  drawFrame(canvas, leaf.label, { x, y, width, height });
  let top = y + lineHeights.title + padding / 2;
  for (const link of drawnLinks(leaf)) {
    const size = { width: width - 2 * padding, height: chipSize(link).height };
    drawChip(canvas, leaf.label, link, { x: x + padding, y: top, ...size });
    top += size.height + padding;
  }
  const [first] = drawnLinks(leaf);
  const half = first === undefined ? 0 : chipSize(first).height / 2;
  return y + lineHeights.title + padding / 2 + half;
}

/** Which namespaces hang on which. */
interface Arrangement {
  readonly hubs: readonly TopologyNamespace[];
  /** The leaf that a link of a hub leads to, by the link. */
  readonly leafOf: ReadonlyMap<string, TopologyNamespace>;
  /** The links that wires lead to. */
  readonly wired: ReadonlySet<string>;
}

function neighboursOf({ wires }: Topology, label: string): Set<string> {
  const neighbours = new Set<string>();
  for (const { ends } of wires) {
    if (!ends.some((end) => end?.namespace === label)) continue;
    for (const end of ends)
      if (end !== null && end.namespace !== label) neighbours.add(end.namespace);
  }
  return neighbours;
}

function arrange(topology: Topology): Arrangement {
  const hubs = new Set<string>();
  const leaves = new Map<string, string>();
  for (const { label } of topology.namespaces) {
    const neighbours = neighboursOf(topology, label);
    const [only] = neighbours;
    const bridges = topology.bridges.some(({ namespace }) => namespace === label);
    if (neighbours.size === 1 && only !== undefined && !bridges && !leaves.has(only)) {
      leaves.set(label, only);
    } else {
      hubs.add(label);
    }
  }
  const byLabel = new Map(topology.namespaces.map((each) => [each.label, each]));
  const leafOf = new Map<string, TopologyNamespace>();
  for (const { ends } of topology.wires) {
    for (const [own, other] of [ends, [...ends].reverse()]) {
      if (!own || !other || leaves.get(other.namespace) !== own.namespace) continue;
      const leaf = byLabel.get(other.namespace);
      if (leaf !== undefined) leafOf.set(keyOf(own), leaf);
    }
  }
  const wired = topology.wires.flatMap(({ ends }) => ends.filter((end) => end !== null).map(keyOf));
  return {
    hubs: topology.namespaces.filter(({ label }) => hubs.has(label)),
    leafOf,
    wired: new Set(wired),
  };
}

/** A row of one side of a hub: a link of it, and the leaf beside it. */
interface Row {
  readonly link: TopologyLink;
  readonly leaf: TopologyNamespace | undefined;
  readonly height: number;
}

/** Rows below a heading: a bridge with its ports, or the links that are of none. */
interface Group {
  readonly bridge: TopologyLink | undefined;
  readonly sides: readonly [Row[], Row[]];
}

const heightOf = (rows: readonly Row[]) => rows.reduce((sum, { height }) => sum + height + gap, 0);

function groupsOf(hub: TopologyNamespace, { leafOf, wired }: Arrangement): Group[] {
  const links = drawnLinks(hub);
  const bridges = links.filter(({ kind }) => kind === "bridge");
  const names = bridges.map(({ name }) => name);
  const rest = links.filter(
    ({ kind, master }) => kind !== "bridge" && (master === undefined || !names.includes(master)),
  );
  const groups = [
    ...bridges.map((bridge) => ({
      bridge,
      members: links.filter(({ master, kind }) => master === bridge.name && kind !== "bridge"),
    })),
    ...(rest.length > 0 ? [{ bridge: undefined, members: rest }] : []),
  ];
  const placed = new Map<string, 0 | 1>();
  return groups.map(({ bridge, members }) => {
    const sides: [Row[], Row[]] = [[], []];
    for (const link of members) {
      const key = keyOf({ namespace: hub.label, link: link.name });
      const leaf = leafOf.get(key);
      const shorter = heightOf(sides[1]) <= heightOf(sides[0]) ? 1 : 0;
      // What leads to other hubs, or nowhere, turns round outside, on the right.
      const free = leaf === undefined && wired.has(key) ? 1 : shorter;
      const side = (leaf && placed.get(leaf.label)) ?? free;
      // A leaf with several wires is drawn once; the others lead to it.
      const shown = leaf !== undefined && !placed.has(leaf.label) ? leaf : undefined;
      if (leaf !== undefined) placed.set(leaf.label, side);
      const height = Math.max(chipSize(link).height, shown ? leafSize(shown).height : 0);
      sides[side].push({ link, leaf: shown, height });
    }
    return { bridge, sides };
  });
}

/** The widths of the columns, which all hubs share. */
interface Columns {
  readonly leaves: readonly [number, number];
  readonly chips: readonly [number, number];
  readonly inner: number;
}

function columnsOf(hubs: readonly { hub: TopologyNamespace; groups: readonly Group[] }[]): Columns {
  const widest = (values: readonly number[]) => Math.max(0, ...values);
  const rows = (side: 0 | 1) =>
    hubs.flatMap(({ groups }) => groups.flatMap(({ sides }) => sides[side]));
  const leaves = (side: 0 | 1) =>
    widest(rows(side).flatMap(({ leaf }) => (leaf ? [leafSize(leaf).width] : [])));
  const chips = (side: 0 | 1) => widest(rows(side).map(({ link }) => chipSize(link).width));
  const titles = hubs.map(({ hub }) => widthOf(hub.label, "title"));
  const bridges = hubs.flatMap(({ groups }) =>
    groups.flatMap(({ bridge }) => (bridge ? [chipSize(bridge).width] : [])),
  );
  const [left, right] = [chips(0), chips(1)];
  const inner = Math.max(
    left + right + (left > 0 && right > 0 ? 3 * gap : 0),
    ...titles,
    ...bridges,
  );
  return { leaves: [leaves(0), leaves(1)], chips: [left, right], inner };
}

function drawRows(
  canvas: Canvas,
  hub: TopologyNamespace,
  rows: readonly Row[],
  top: number,
  place: { chip: (width: number) => number; leaf: (width: number) => number },
): void {
  let y = top;
  for (const { link, leaf, height } of rows) {
    const chip = chipSize(link);
    const x = place.chip(chip.width);
    if (leaf === undefined) {
      drawChip(canvas, hub.label, link, { x, y: y + (height - chip.height) / 2, ...chip });
    } else {
      const size = leafSize(leaf);
      const middle = drawLeaf(canvas, leaf, place.leaf(size.width), y);
      const top = Math.max(y, middle - chip.height / 2);
      drawChip(canvas, hub.label, link, { x, y: top, ...chip });
    }
    y += height + gap;
  }
}

/** Draws a hub with its leaves, and returns where it ends. */
function drawHub(
  canvas: Canvas,
  hub: TopologyNamespace,
  groups: readonly Group[],
  columns: Columns,
  top: number,
): number {
  const [leftLeaves] = columns.leaves;
  const x = margin + (leftLeaves > 0 ? leftLeaves + channel : 0);
  const width = columns.inner + 2 * padding;
  const inner = x + padding;
  let y = top + lineHeights.title + padding;
  const frame = canvas.boxes.length;
  for (const { bridge, sides } of groups) {
    if (bridge !== undefined) {
      const size = { width: columns.inner, height: chipSize(bridge).height };
      drawChip(canvas, hub.label, bridge, { x: inner, y, ...size });
      y += size.height + gap;
    }
    drawRows(canvas, hub, sides[0], y, {
      chip: () => inner,
      leaf: (leaf) => margin + leftLeaves - leaf,
    });
    drawRows(canvas, hub, sides[1], y, {
      chip: (chip) => inner + columns.inner - chip,
      leaf: () => x + width + channel,
    });
    y += Math.max(heightOf(sides[0]), heightOf(sides[1]));
  }
  const height = y - top;
  canvas.boxes.splice(frame, 0, { x, y: top, width, height, kind: "namespace" });
  canvas.texts.push({
    x: x + padding,
    y: top + lineHeights.title - 4,
    text: hub.label,
    kind: "title",
  });
  return top + height + 2 * gap;
}

function facing(box: Box, other: Box): Point {
  const side = other.x + other.width / 2 < box.x + box.width / 2 ? -1 : 1;
  return { x: side < 0 ? box.x : box.x + box.width, y: box.y + box.height / 2, side };
}

function wireOf(
  canvas: Canvas,
  topology: Topology,
  ends: Topology["wires"][number]["ends"],
): DrawnWire[] {
  const [near, far] = ends;
  const box = canvas.sockets.get(keyOf(near));
  if (box === undefined) return [];
  const links = topology.namespaces.flatMap(({ label: namespace, links: all }) =>
    all.filter((link) =>
      ends.some((end) => end !== null && keyOf(end) === keyOf({ namespace, link: link.name })),
    ),
  );
  const down = links.some(({ up }) => !up);
  const other = far === null ? undefined : canvas.sockets.get(keyOf(far));
  if (other === undefined) {
    const from: Point = { x: box.x + box.width, y: box.y + box.height / 2, side: 1 };
    return [{ from, to: { x: from.x + channel / 3, y: from.y, side: -1 }, dangling: true, down }];
  }
  // Of two boxes in one column both wires leave to the same side, and turn round outside.
  const aligned =
    Math.abs(box.x + box.width - other.x - other.width) < 1 || Math.abs(box.x - other.x) < 1;
  const right = (each: Box): Point => ({
    x: each.x + each.width,
    y: each.y + each.height / 2,
    side: 1,
  });
  if (aligned) return [{ from: right(box), to: right(other), dangling: false, down }];
  return [{ from: facing(box, other), to: facing(other, box), dangling: false, down }];
}

/** Places everything of a topology. */
export function layOut(topology: Topology): Layout {
  const canvas: Canvas = { boxes: [], texts: [], sockets: new Map() };
  const arrangement = arrange(topology);
  const hubs = arrangement.hubs.map((hub) => ({ hub, groups: groupsOf(hub, arrangement) }));
  const columns = columnsOf(hubs);
  let top = margin;
  for (const { hub, groups } of hubs) top = drawHub(canvas, hub, groups, columns, top);
  const wires = topology.wires.flatMap(({ ends }) => wireOf(canvas, topology, ends));
  const bottom = Math.max(0, ...canvas.boxes.map(({ y, height }) => y + height));
  const right = Math.max(
    0,
    ...canvas.boxes.map(({ x, width }) => x + width),
    ...wires.map(({ from, to }) =>
      from.side === to.side ? Math.max(from.x, to.x) + channel : to.x,
    ),
  );
  return { width: right + margin, height: bottom + margin, ...canvas, wires };
}
