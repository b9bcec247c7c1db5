// Rivals that are programs: each line that they print is a name and its values.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * @param {readonly string[]} command
 * @param {...(string | number)} args
 * @returns {Promise<Record<string, number[]>>}
 */
export async function runProgram([program = "", ...first], ...args) {
  const { stdout } = await run(program, [...first, ...args.map(String)], { maxBuffer: 1 << 26 });
  return parseLines(stdout);
}

/**
 * @param {string} text
 * @returns {Record<string, number[]>}
 */
export function parseLines(text) {
  const lines = text.split("\n").filter((line) => line !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", ...values] = line.trim().split(" ");
      return [name, values.map(Number)];
    }),
  );
}

/** @param {...string} args */
export async function ip(...args) {
  const { stdout } = await run("ip", args, { maxBuffer: 1 << 28 });
  return stdout;
}

/**
 * Runs `ip -batch` on lines.
 *
 * @param {readonly string[]} lines
 * @param {...string} options
 */
export async function ipBatch(lines, ...options) {
  const child = run("ip", [...options, "-batch", "-"]);
  child.child.stdin?.end(`${lines.join("\n")}\n`);
  await child;
}

/**
 * Calls `work` for 0 to `count` - 1, so many at a time.
 *
 * @param {number} count
 * @param {number} atOnce
 * @param {(n: number) => Promise<unknown>} work
 */
export async function inFlight(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < count; n = next++) await work(n);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
