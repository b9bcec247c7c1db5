// Measures this library against its rivals and the kernel's own floor: see README.md beside this.
//
//   npm run bench -- [--quick] [--only TRIAL] [--rival NAME] [--json FILE] [--svg FILE]
//                      [--readme] [--strict]

import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { judgeBars } from "./bars.mjs";
import { drawChart } from "./chart.mjs";
import { discover } from "./discovery.mjs";
import { writeReadme } from "./document.mjs";
import { formatBars, formatResults } from "./format.mjs";
import { summarize, withRatios } from "./statistics.mjs";
import { planCells, trials } from "./trials.mjs";

const run = promisify(execFile);
const cellScript = fileURLToPath(new URL("cell.mjs", import.meta.url));
const cellTimeoutMs = 330_000;

/** The namespaces of a cell: its own network, an empty /run, a /sys that shows that network. */
const prepare = [
  "mount -t tmpfs -o mode=755 tmpfs /run",
  "{ mount -t sysfs sysfs /sys 2>/dev/null || true; }",
  '{ ulimit -Sn "$(ulimit -Hn)" || true; }',
  'exec "$@"',
].join(" && ");
const isolate = ["--net", "--mount", "--propagation", "private", "--", "sh", "-c", prepare, "sh"];

/** @typedef {import("./trials.mjs").Cell} Cell */

function readArguments() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      only: { type: "string" },
      rival: { type: "string" },
      json: { type: "string" },
      svg: { type: "string" },
      readme: { type: "boolean", default: false },
    },
  });
  const names = trials.map(({ name }) => name);
  if (values.only !== undefined && !names.includes(values.only)) {
    throw new Error(`no trial "${values.only}"; there are: ${names.join(", ")}`);
  }
  const rivals = [...new Set(trials.flatMap((trial) => trial.rivals))];
  if (values.rival !== undefined && !rivals.includes(values.rival)) {
    throw new Error(`no rival "${values.rival}"; there are: ${rivals.join(", ")}`);
  }
  return values;
}

/** @param {string[]} args */
function git(...args) {
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Where and of what the figures are. */
function surroundings() {
  const [cpu] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const changed = git("status", "--porcelain", "--untracked-files=no") ? "+" : "";
  const commit = git("rev-parse", "--short", "HEAD");
  return {
    machine: `${cpus().length} × ${cpu?.model.trim() ?? "unknown CPU"}, ${gigabytes} GiB`,
    kernel: release(),
    node: process.version,
    commit: commit === undefined ? "unknown" : `${commit}${changed}`,
  };
}

/**
 * @param {Cell} cell
 * @param {{ quick: boolean, commands: object, signal: AbortSignal }} options
 * @returns {Promise<Record<string, number[]>>}
 */
async function runCell({ trial, rival, n }, { quick, commands, signal }) {
  const assignment = JSON.stringify({ trial, rival, n, quick, commands });
  const line = [...isolate, process.execPath, cellScript, assignment];
  const { stdout } = await run("unshare", line, {
    maxBuffer: 1 << 26,
    timeout: cellTimeoutMs,
    signal,
  });
  return JSON.parse(stdout);
}

/** The line of a failed cell's complaint that says what it is. @param {unknown} error */
function reasonOf(error) {
  const { stderr = "", message } = /** @type {{ stderr?: string, message: string }} */ (error);
  const complaint = /^\w*Error[^\n]*: [^\n]+/m.exec(stderr)?.[0];
  return complaint ?? message.split("\n")[0] ?? "";
}

/**
 * Runs the cells in turn; a rival that fails once in a trial is left out of the rest of it.
 *
 * @param {readonly Cell[]} cells
 * @param {{ quick: boolean, commands: object, signal: AbortSignal }} options
 */
async function runCells(cells, options) {
  const rounds = /** @type {Map<string, number[][]>} */ (new Map());
  const failed = /** @type {Map<string, string>} */ (new Map());
  for (const [position, cell] of cells.entries()) {
    const { trial, rival, n, round } = cell;
    const place = `${trial} × ${rival}, n = ${n}`;
    if (failed.has(place)) continue;
    options.signal.throwIfAborted();
    progress(`${position + 1}/${cells.length} ${place}, round ${round + 1}`);
    try {
      for (const [measure, samples] of Object.entries(await runCell(cell, options))) {
        const key = JSON.stringify([trial, measure, rival, n]);
        rounds.set(key, [...(rounds.get(key) ?? []), samples]);
      }
    } catch (error) {
      options.signal.throwIfAborted();
      failed.set(place, reasonOf(error));
    }
  }
  progress("");
  return { rounds, failed };
}

/** @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** The measures that the trials name, in the order of the trials, with ratios. @param {Map<string, number[][]>} rounds */
function resultsOf(rounds) {
  const rows = trials.flatMap(({ name, measures, sizes, rivals }) =>
    Object.entries(measures).flatMap(([measure, { unit }]) =>
      [...new Set([...sizes.full, ...sizes.quick])].flatMap((n) =>
        rivals.flatMap((rival) => {
          const samples = rounds.get(JSON.stringify([name, measure, rival, n]));
          if (samples === undefined || samples.flat().length === 0) return [];
          return [{ trial: `${name} ${measure}`, rival, n, unit, ...summarize(samples) }];
        }),
      ),
    ),
  );
  return withRatios(rows);
}

/** @param {string} directory @param {AbortSignal} signal */
async function bench(directory, signal) {
  const { quick, strict, only, rival, json, svg, readme } = readArguments();
  const started = performance.now();
  const { commands, absent } = discover(directory);
  const cells = planCells({ quick, only, rival }, (name) => !(name in absent));
  const { rounds, failed } = await runCells(cells, { quick, commands, signal });

  const where = surroundings();
  const results = resultsOf(rounds);
  const bars = judgeBars(results, quick);
  const caption = `${where.machine}; Linux ${where.kernel}; Node ${where.node}; ${where.commit}`;
  console.log(`${caption}\n\n${formatResults(results)}\n\n${formatBars(bars)}\n`);
  for (const [name, reason] of Object.entries(absent)) console.log(`absent: ${name}: ${reason}`);
  for (const [place, reason] of failed) console.log(`failed: ${place}: ${reason}`);
  const seconds = (performance.now() - started) / 1000;
  console.log(`\n${cells.length} cells in ${seconds.toFixed(0)} s`);

  const report = {
    schema: 1,
    quick,
    ...where,
    results,
    bars,
    absent,
    failed: Object.fromEntries(failed),
  };
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  if (svg !== undefined) writeFileSync(svg, drawChart(results, caption));
  if (readme) writeReadme(results, caption);
  if (strict && (failed.size > 0 || bars.some(({ holds }) => holds === false)))
    process.exitCode = 1;
}

if (process.env.VETHWORK_SANDBOX !== "1") {
  console.error("The benchmark is for a sandbox: npm run bench");
  process.exit(1);
}
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());
const directory = mkdtempSync(join(tmpdir(), "vethwork-bench-"));
try {
  await bench(directory, interruption.signal);
} catch (error) {
  console.error(interruption.signal.aborted ? "interrupted" : `bench: ${String(error)}`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
