// The README's table of measurements, written from a run.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatValue } from "./format.mjs";

/** @typedef {import("./statistics.mjs").Result} Result */

const readme = fileURLToPath(new URL("../../README.md", import.meta.url));
const begin = "<!-- benchmark -->";
const end = "<!-- /benchmark -->";

/** The columns: title, and the rivals that may stand in it, the first present one. */
const columns = /** @type {const} */ ([
  { title: "vethwork", rivals: ["ours"] },
  { title: "least in C", rivals: ["floor"] },
  { title: "Go netlink", rivals: ["go"] },
  { title: "pyroute2", rivals: ["pyroute2"] },
  { title: "`ip -batch`", rivals: ["ip -batch"] },
  { title: "`ip`", rivals: ["ip", "ip -s -j", "ip -d -j"] },
]);

/** @type {readonly { title: string, trial: string, n: number, ours?: string }[]} */
const rows = [
  { title: "a veth pair made", trial: "operations veth", n: 1 },
  { title: "an address added", trial: "operations address", n: 1 },
  { title: "100 endpoints set up", trial: "endpoints-ipv6 up", n: 100 },
  { title: "1,000 endpoints set up", trial: "endpoints-ipv6 up", n: 1000 },
  { title: "500 endpoints and their bridge removed", trial: "endpoints-ipv6 down", n: 500 },
  { title: "64 veth pairs deleted, each by a call", trial: "deletions delete", n: 64 },
  { title: "a sandbox connected, its port published", trial: "network connect", n: 100 },
  { title: "1,000 such sandboxes set up", trial: "network up", n: 1000 },
  { title: "… and torn down", trial: "network down", n: 1000 },
  { title: "… on one of 50 hosts, and reached from all", trial: "cluster reach", n: 50 },
  { title: "1,000 links listed", trial: "links list", n: 1000 },
  { title: "counters of 1,000 links", trial: "counters sweep", n: 1000 },
  { title: "… by `readSync`", trial: "counters sweep", n: 1000, ours: "ours sync" },
  { title: "… from the sampler", trial: "counters sweep", n: 1000, ours: "ours sampler" },
  { title: "counters of one link by `readSync`", trial: "counter read", n: 1, ours: "ours sync" },
];

/**
 * @param {readonly Result[]} results
 * @returns {string[][]}
 */
function cellsOf(results) {
  return rows.map(({ title, trial, n, ours }) => [
    title,
    ...columns.map(({ rivals }) => {
      const wanted =
        ours !== undefined && rivals.some((rival) => rival === "ours") ? [ours] : rivals;
      const found = wanted
        .map((rival) =>
          results.find((row) => row.trial === trial && row.rival === rival && row.n === n),
        )
        .find((result) => result !== undefined);
      return found === undefined ? "–" : formatValue(found.p50, found.unit);
    }),
  ]);
}

/** @param {readonly string[]} cells */
const line = (cells) => `| ${cells.join(" | ")} |`;

/**
 * Medians of a run as a table in Markdown.
 *
 * @param {readonly Result[]} results
 * @param {string} caption
 */
export function tableOf(results, caption) {
  return [
    line(["", ...columns.map(({ title }) => title)]),
    line(["---", ...columns.map(() => "--:")]),
    ...cellsOf(results).map(line),
    "",
    `Medians of one run. ${caption}`,
  ].join("\n");
}

/**
 * Puts the table into the README.
 *
 * @param {readonly Result[]} results
 * @param {string} caption
 */
export function writeReadme(results, caption) {
  const text = readFileSync(readme, "utf8");
  const [before, rest] = text.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (after === undefined) throw new Error(`README.md lacks ${begin} and ${end}`);
  const table = tableOf(results, caption);
  writeFileSync(readme, `${before}${begin}\n\n${table}\n\n${end}${after}`);
}
