// Figures and tables for people.

import { trials } from "./trials.mjs";

/**
 * @param {number} value
 * @param {import("./trials.mjs").Unit | "×"} unit
 */
export function formatValue(value, unit) {
  if (unit === "count") return String(value);
  if (unit === "bits") return `${significant(value / 1e9)} Gbit/s`;
  if (unit === "bytes") return `${significant(value / 1024)} KiB`;
  if (unit === "×") return `${significant(value)}×`;
  const size = Math.abs(value);
  if (size >= 1e6) return `${significant(value / 1e6)} s`;
  if (size >= 1000) return `${significant(value / 1000)} ms`;
  return `${significant(value)} µs`;
}

/** Three digits. @param {number} value */
function significant(value) {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toString();
  return value.toFixed(size >= 10 ? 1 : 2);
}

/**
 * @param {readonly (readonly string[])[]} rows the first is the heading; the first column is text
 */
export function alignColumns(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (/** @type {readonly string[]} */ row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

/** @param {number | null} ratio */
const ratioCell = (ratio) => (ratio === null ? "" : formatValue(ratio, "×"));

/**
 * One table for each trial, measure and size.
 *
 * @param {readonly import("./statistics.mjs").Result[]} results
 */
export function formatResults(results) {
  const tables = trials.flatMap(({ name, title, measures }) =>
    Object.entries(measures).flatMap(([measure, { title: what }]) => {
      const rows = results.filter(({ trial }) => trial === `${name} ${measure}`);
      const sizes = [...new Set(rows.map(({ n }) => n))];
      return sizes.map((n) => {
        const heading = ["", "median", "p99", "to ours", "to the floor", "samples"];
        const lines = rows
          .filter((row) => row.n === n)
          .map(({ rival, p50, p99, unit, ratioToOurs, ratioToFloor, samples }) => [
            `  ${rival}`,
            formatValue(p50, unit),
            formatValue(p99, unit),
            ratioCell(ratioToOurs),
            ratioCell(ratioToFloor),
            String(samples),
          ]);
        const size = n === 1 ? "" : `, n = ${n}`;
        return `${title}${size}: ${what}\n${alignColumns([heading, ...lines])}`;
      });
    }),
  );
  return tables.join("\n\n");
}

/** @param {readonly import("./bars.mjs").Bar[]} bars */
export function formatBars(bars) {
  const heading = ["", "n", "measured", "bar", "floor", ""];
  const rows = bars.map(({ what, n, measured, limit, sense, unit, holds, floor }) => [
    `  ${what}`,
    String(n),
    measured === null ? "-" : formatValue(measured, unit),
    `${sense === "at most" ? "≤" : "≥"} ${formatValue(limit, unit)}`,
    floor === null ? "" : formatValue(floor, unit),
    holds === null ? "not measured" : holds ? "yes" : "NO",
  ]);
  return `bars\n${alignColumns([heading, ...rows])}`;
}
