// The chart of the README: bars on a logarithmic scale, written by hand.

import { formatValue } from "./format.mjs";

const width = 760;
const left = 190;
const right = 90;
const barHeight = 16;
const rowHeight = 22;
const panelGap = 44;
const colours = { ours: "#2563eb", floor: "#64748b", other: "#cbd5e1" };

/** The results shown, where they were measured. */
const panels = [
  { trial: "endpoints-ipv6 up", n: 100, title: "100 endpoints set up" },
  { trial: "counters sweep", n: 1000, title: "counters of 1,000 links" },
  { trial: "links list", n: 1000, title: "1,000 links listed as objects" },
  { trial: "deletions delete", n: 64, title: "64 veth pairs deleted" },
];

/** @type {Readonly<Record<string, string>>} */
const labels = {
  ours: "vethwork",
  floor: "C floor",
  go: "Go vishvananda/netlink",
  proc: "Node, /proc/net/dev",
  sysfs: "Node, sysfs",
  netlink: "npm netlink",
  systeminformation: "npm systeminformation",
  ip: "ip, one at a time",
  "ip x8": "ip, eight in flight",
};

/** @param {string} rival */
const labelOf = (rival) => labels[rival] ?? rival.replace(/^ours\b/, "vethwork");

/** @param {string} text */
const escaped = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** @param {string} rival */
function colourOf(rival) {
  if (rival.startsWith("ours")) return colours.ours;
  return rival.startsWith("floor") ? colours.floor : colours.other;
}

/**
 * The decades that hold all values.
 *
 * @param {readonly number[]} values above zero
 */
export function decades(values) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return { low, high };
}

/**
 * @param {readonly import("./statistics.mjs").Result[]} rows
 * @param {string} title
 * @param {number} top
 */
function panel(rows, title, top) {
  const { low, high } = decades(rows.map(({ p50 }) => p50));
  const scale = (width - left - right) / (high - low);
  const bottom = top + 14 + rows.length * rowHeight;
  const lines = Array.from({ length: high - low + 1 }, (_, step) => {
    const x = left + step * scale;
    return [
      `<line x1="${x.toFixed(1)}" y1="${top + 10}" x2="${x.toFixed(1)}" y2="${bottom}" stroke="#e2e8f0"/>`,
      `<text x="${x.toFixed(1)}" y="${bottom + 13}" text-anchor="middle" class="scale">${formatValue(10 ** (low + step), "us")}</text>`,
    ];
  }).flat();
  const bars = rows.flatMap(({ rival, p50 }, row) => {
    const y = top + 14 + row * rowHeight;
    const length = Math.max(1, (Math.log10(p50) - low) * scale);
    return [
      `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escaped(labelOf(rival))}</text>`,
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" fill="${colourOf(rival)}"/>`,
      `<text x="${(left + length + 6).toFixed(1)}" y="${y + 12}">${formatValue(p50, "us")}</text>`,
    ];
  });
  const heading = `<text x="${left}" y="${top}" class="title">${escaped(title)}</text>`;
  return { text: [heading, ...lines, ...bars].join("\n"), bottom };
}

/**
 * @param {readonly import("./statistics.mjs").Result[]} results
 * @param {string} caption
 */
export function drawChart(results, caption) {
  let top = 30;
  const drawn = panels.flatMap(({ trial, n, title }) => {
    const rows = results
      .filter((result) => result.trial === trial && result.n === n && result.p50 > 0)
      .sort((a, b) => a.p50 - b.p50);
    if (rows.length === 0) return [];
    const { text, bottom } = panel(rows, title, top);
    top = bottom + panelGap;
    return [text];
  });
  const note = `Medians, logarithmic scale, shorter is better. ${caption}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img" aria-label="Benchmarks">
<style>text{font:12px system-ui,sans-serif;fill:#0f172a}.title{font-weight:600;font-size:13px}.scale{font-size:10px;fill:#64748b}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join("\n")}
<text x="16" y="${top - 12}" class="scale">${escaped(note)}</text>
</svg>
`;
}
