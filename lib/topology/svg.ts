// A topology as an SVG picture.

import { objectArgument } from "../errors.ts";
import type { Topology } from "./describe.ts";
import { type DrawnBox, type DrawnText, type DrawnWire, fontSizes, layOut } from "./layout.ts";

const styles = `
.paper{fill:#ffffff}
.namespace{fill:#f8fafc;stroke:#94a3b8}
.bridge{fill:#dbeafe;stroke:#2563eb}
.link{fill:#ffffff;stroke:#64748b}
.down{fill:#f1f5f9;stroke:#94a3b8;stroke-dasharray:4 3}
.wire{fill:none;stroke:#2563eb;stroke-width:1.8}
.broken{stroke:#94a3b8;stroke-dasharray:5 4}
.end{fill:#94a3b8}
text{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#0f172a}
.title{font-size:${fontSizes.title}px;font-weight:bold}
.name{font-size:${fontSizes.name}px}
.address{font-size:${fontSizes.address}px;fill:#475569}
@media (prefers-color-scheme:dark){
.paper{fill:#0b1220}
.namespace{fill:#111a2e;stroke:#475569}
.bridge{fill:#1e3a8a;stroke:#60a5fa}
.link{fill:#0b1220;stroke:#94a3b8}
.down{fill:#1e293b;stroke:#475569}
.wire{stroke:#60a5fa}
text{fill:#e2e8f0}
.address{fill:#94a3b8}
}`;

/** Text in XML; control characters, which XML cannot have, become a sign for something unknown. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

const rounded = (value: number) => Math.round(value * 10) / 10;

function drawBox({ x, y, width, height, kind }: DrawnBox): string {
  const size = `width="${rounded(width)}" height="${rounded(height)}"`;
  const radius = kind === "namespace" ? 10 : 6;
  return `<rect class="${kind}" x="${rounded(x)}" y="${rounded(y)}" ${size} rx="${radius}"/>`;
}

function drawText({ x, y, text, kind }: DrawnText): string {
  const place = `x="${rounded(x)}" y="${rounded(y)}"`;
  return `<text class="${kind}" ${place} xml:space="preserve">${escaped(text)}</text>`;
}

function drawWire({ from, to, dangling, down }: DrawnWire): string {
  const reach = Math.max(24, Math.min(60, Math.abs(to.x - from.x) / 2 || 60));
  const bend = (point: typeof from) =>
    `${rounded(point.x + point.side * reach)} ${rounded(point.y)}`;
  const style = dangling || down ? "wire broken" : "wire";
  const ends = `M${rounded(from.x)} ${rounded(from.y)}C${bend(from)} ${bend(to)} ${rounded(to.x)} ${rounded(to.y)}`;
  const path = dangling
    ? `<path class="${style}" d="M${rounded(from.x)} ${rounded(from.y)}H${rounded(to.x)}"/>`
    : `<path class="${style}" d="${ends}"/>`;
  if (!dangling) return path;
  return `${path}<circle class="end" cx="${rounded(to.x)}" cy="${rounded(to.y)}" r="4"/>`;
}

/**
 * Draws a topology as an SVG picture, without any other program: namespaces as boxes, links with
 * their addresses in them, bridges with their ports below, veth pairs as wires. What is down is
 * dashed, and so is a wire whose other end is in a namespace that was not given. It suits light and
 * dark pages.
 *
 * @throws {TypeError} if it is no topology.
 */
export function toSvg(topology: Topology): string {
  objectArgument("topology", topology);
  const { width, height, boxes, texts, wires } = layOut(topology);
  const [wide, high] = [Math.ceil(width), Math.ceil(height)];
  const names = topology.namespaces.map(({ label }) => label).join(", ");
  const frames = boxes.filter(({ kind }) => kind === "namespace");
  const chips = boxes.filter(({ kind }) => kind !== "namespace");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" width="${wide}" height="${high}" role="img">
<title>Network topology</title>
<desc>${escaped(`Namespaces ${names}, joined by ${topology.wires.length} wires`)}</desc>
<style>${styles}
</style>
<rect class="paper" width="100%" height="100%"/>
${[...frames.map(drawBox), ...wires.map(drawWire), ...chips.map(drawBox), ...texts.map(drawText)].join("\n")}
</svg>
`;
}
