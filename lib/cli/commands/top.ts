// `vethwork top`: packets, bits and drops per second of a namespace's links, busiest first, live.

import { setTimeout as sleep } from "node:timers/promises";
import {
  columnOf,
  counterRowLength,
  openNamespace,
  openSampler,
  type Sample,
  type Sampler,
} from "../../index.ts";
import { type Command, UsageError } from "../command.ts";
import { integer } from "../controller.ts";

const rxPackets = columnOf("rxPackets");
const txPackets = columnOf("txPackets");
const rxBytes = columnOf("rxBytes");
const txBytes = columnOf("txBytes");
const rxDropped = columnOf("rxDropped");
const txDropped = columnOf("txDropped");

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

/** The rates of one link: packets and bits, in and out, and what was dropped. */
function ratesOf(rates: Float64Array, row: number): number[] {
  const at = (column: number) => rates[row * counterRowLength + column] ?? 0;
  return [
    ...[at(rxPackets), at(txPackets), at(rxBytes) * 8, at(txBytes) * 8],
    at(rxDropped) + at(txDropped),
  ];
}

/** The table, for a terminal of so many lines. */
function draw(sample: Sample, names: ReadonlyMap<number, string>, lines: number): string[] {
  const links = Array.from(names, ([row, link]) => ({ link, rates: ratesOf(sample.rates, row) }));
  const busy = ({ rates }: (typeof links)[number]) => (rates[2] ?? 0) + (rates[3] ?? 0);
  links.sort((one, other) => busy(other) - busy(one) || one.link.localeCompare(other.link));
  const head = ["link", "rx packets/s", "tx packets/s", "rx bits/s", "tx bits/s", "drops/s"];
  const body = links
    .slice(0, Math.max(lines - 2, 1))
    .map(({ link, rates }) => [link, ...rates.map(scaled)]);
  const text = [head, ...body].map(([first = "", ...others]) => {
    return first.padEnd(16) + others.map((cell) => cell.padStart(14)).join("");
  });
  const rest = links.length - body.length;
  return rest > 0 ? [...text, `and ${rest} more`] : text;
}

/** The table again and again, in the terminal's other screen, until it is interrupted. */
async function show(next: (lines: number) => string[], periodMs: number): Promise<void> {
  const [home, clearLine, clearRest] = ["\x1b[H", "\x1b[K", "\x1b[J"];
  const ending = new AbortController();
  process.once("SIGINT", () => ending.abort());
  process.stdout.write("\x1b[?1049h\x1b[?25l");
  while (!ending.signal.aborted) {
    const lines = next(process.stdout.rows);
    process.stdout.write(home + lines.map((line) => line + clearLine).join("\n") + clearRest);
    await sleep(periodMs, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  process.stdout.write("\x1b[?25h\x1b[?1049l");
}

async function watchRates(sampler: Sampler, periodMs: number, once: boolean): Promise<string> {
  const names = new Map<number, string>();
  const next = (lines: number) => {
    const sample = sampler.latest();
    for (const { type, row, name } of sampler.takeChanges()) {
      if (type === "added") names.set(row, name);
      else names.delete(row);
    }
    return draw(sample, names, lines);
  };
  // Until two samples have been taken there is nothing to compare.
  while (sampler.latest().number < 2) await sleep(Math.min(periodMs, 20));
  if (once || !process.stdout.isTTY) return `${next(Number.POSITIVE_INFINITY).join("\n")}\n`;
  await show(next, periodMs);
  return "";
}

export const topCommand: Command = {
  name: "top",
  summary: "shows the links of a namespace with their rates, live",
  usage: "[NAMESPACE]",
  options: {
    period: { value: "MS", help: "how often it looks; 1000" },
    once: { help: "once, as when the output is no terminal" },
  },
  words: [0, 1],
  run: async (args) => {
    const [name] = args.words;
    const periodMs = integer(args, "period") ?? 1000;
    if (periodMs < 1) throw new UsageError("--period must be at least 1");
    await using namespace = await openNamespace(name === undefined ? undefined : { name });
    await using sampler = await openSampler(namespace, { periodMs });
    return await watchRates(sampler, periodMs, args.flags.has("once"));
  },
};
