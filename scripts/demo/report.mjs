// What the demo prints: headings, tables, and statements that hold or end it.

import { styleText } from "node:util";

// NO_COLOR: https://no-color.org. A file or a pipe gets plain text, too.
const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;

/**
 * @param {Parameters<typeof styleText>[0]} style
 * @param {string} text
 */
function styled(style, text) {
  return coloured ? styleText(style, text) : text;
}

/** @param {string} text */
export function heading(text) {
  console.log(`\n${styled("bold", text)}`);
}

/** @param {string} text */
export function line(text) {
  console.log(`  ${text}`);
}

/**
 * Prints rows as columns, the first row being their titles.
 *
 * @param {readonly (readonly string[])[]} rows
 */
export function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  rows.forEach((row, number) => {
    const text = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    line(number === 0 ? styled("dim", text.trimEnd()) : text.trimEnd());
  });
}

/** A statement of the demo turned out false. */
export class Untrue extends Error {}

/**
 * States something that was checked.
 *
 * @param {boolean} holds
 * @param {string} statement
 */
export function state(holds, statement) {
  line(`${holds ? styled("green", "ok") : styled("red", "NOT SO")}  ${statement}`);
  if (!holds) throw new Untrue(statement);
}

/**
 * Does something and says how long it took.
 *
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function timed(what, work) {
  const start = performance.now();
  const result = await work();
  const elapsed = `${(performance.now() - start).toFixed(1)} ms`;
  line(`${elapsed.padStart(9)}  ${what}`);
  return result;
}

/** @param {string} message */
export function failure(message) {
  console.error(`\n${styled("red", message)}`);
}
