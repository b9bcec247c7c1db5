// `vethwork top`: a live table of the links of a namespace, busiest first.

import {
  columnOf,
  counterRowLength,
  openNamespace,
  openSampler,
  type Sample,
  type Sampler,
} from "../../index.ts";
import type { Call } from "../call.ts";
import { type Command, exitCodes } from "../command.ts";
import { integer } from "../values.ts";

const [rxPackets, txPackets] = [columnOf("rxPackets"), columnOf("txPackets")];
const [rxBytes, txBytes] = [columnOf("rxBytes"), columnOf("txBytes")];
const dropped = [columnOf("rxDropped"), columnOf("txDropped")];

/** With as many digits as people compare. */
function scaled(perSecond: number): string {
  const units = ["", "k", "M", "G", "T"];
  let value = perSecond;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)}${units[unit]}`;
}

/** Packets, bits and drops per second of one link, received first. */
function ratesOf(rates: Float64Array, row: number): number[] {
  const at = (column: number) => rates[row * counterRowLength + column] ?? 0;
  const drops = dropped.reduce((sum, column) => sum + at(column), 0);
  return [at(rxPackets), at(txPackets), at(rxBytes) * 8, at(txBytes) * 8, drops];
}

const head = ["link", "rx packets/s", "tx packets/s", "rx bits/s", "tx bits/s", "drops/s"];

/** The table for a terminal of so many lines, from the names of links by their rows. */
function linesOf(sample: Sample, names: ReadonlyMap<number, string>, lines: number): string[] {
  const links = [...names].map(([row, link]) => {
    const rates = ratesOf(sample.rates, row);
    return { link, rates, bits: (rates[2] ?? 0) + (rates[3] ?? 0) };
  });
  links.sort((one, other) => other.bits - one.bits || one.link.localeCompare(other.link));
  const shown = links.slice(0, Math.max(lines - 2, 1));
  const rows = [head, ...shown.map(({ link, rates }) => [link, ...rates.map(scaled)])];
  const text = rows.map(([first = "", ...others]) => {
    return first.padEnd(16) + others.map((cell) => cell.padStart(14)).join("");
  });
  const rest = links.length - shown.length;
  return rest > 0 ? [...text, `and ${rest} more`] : text;
}

/** Draws what a sampler knows, as lines. */
function drawer(sampler: Sampler): (lines: number) => string[] {
  const names = new Map<number, string>();
  return (lines) => {
    const sample = sampler.latest();
    for (const { type, row, name } of sampler.takeChanges()) {
      if (type === "added") names.set(row, name);
      else names.delete(row);
    }
    return linesOf(sample, names, lines);
  };
}

/** Until two samples have been taken there is nothing to compare. */
async function firstRates(sampler: Sampler, periodMs: number): Promise<void> {
  while (sampler.latest().number < 2) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(periodMs, 20)));
  }
}

/** Fills the terminal until a signal comes, and leaves it as it was. */
async function show(draw: (lines: number) => string[], periodMs: number): Promise<void> {
  const [home, clearLine, clearRest] = ["\x1b[H", "\x1b[K", "\x1b[J"];
  process.stdout.write("\x1b[?1049h\x1b[?25l");
  const refresh = setInterval(() => {
    const lines = draw(process.stdout.rows);
    process.stdout.write(home + lines.map((line) => line + clearLine).join("\n") + clearRest);
  }, periodMs);
  await new Promise((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  clearInterval(refresh);
  process.stdout.write("\x1b[?25h\x1b[?1049l");
}

async function run(call: Call): Promise<number> {
  const periodMs = integer("--period", call.text("period") ?? "1000", 10, 3_600_000);
  const [name] = call.operands;
  await using namespace = await openNamespace(name === undefined ? undefined : { name });
  await using sampler = await openSampler(namespace, { periodMs });
  const draw = drawer(sampler);
  await firstRates(sampler, periodMs);
  if (call.flag("once") || !process.stdout.isTTY) {
    call.print(draw(Number.POSITIVE_INFINITY).join("\n"));
  } else await show(draw, periodMs);
  return exitCodes.done;
}

export const topCommand: Command = {
  name: "top",
  summary: "shows the links of a namespace with their rates, live",
  about: `Shows the links of a namespace, or of that of the process, with packets, bits and drops per
second, busiest first: on a terminal until Ctrl-C, otherwise once.`,
  operands: [{ name: "NAMESPACE", optional: true }],
  options: {
    period: { value: "MS", help: "milliseconds between two looks; 1000 unless it is given" },
    once: { help: "shows it once" },
  },
  run,
};
