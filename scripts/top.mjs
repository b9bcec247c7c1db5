// A live table of the links of a namespace: packets, bits and drops per second, busiest first.
//
//   npm run top [-- [NAMESPACE] [--period MS] [--once]]

import { parseArgs } from "node:util";
import { columnOf, counterRowLength, openNamespace, openSampler } from "../dist/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    period: { type: "string", default: "1000" },
    once: { type: "boolean", default: false },
  },
});
const periodMs = Number(values.period);
const [name] = positionals;

/** What a row of the table is made of. */
const shown = /** @type {const} */ (["rxPackets", "txPackets", "rxBytes", "txBytes"]);
const dropped = [columnOf("rxDropped"), columnOf("txDropped")];
const [rxPackets, txPackets, rxBytes, txBytes] = shown.map(columnOf);

/** @param {number} perSecond */
function scaled(perSecond) {
  const units = ["", "k", "M", "G", "T"];
  let value = perSecond;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)}${units[unit]}`;
}

/**
 * The rates of one link.
 *
 * @param {Float64Array} rates
 * @param {number} row
 */
function ratesOf(rates, row) {
  /** @param {number | undefined} column */
  const at = (column) => rates[row * counterRowLength + (column ?? 0)] ?? 0;
  return {
    packets: [at(rxPackets), at(txPackets)],
    bits: [at(rxBytes) * 8, at(txBytes) * 8],
    drops: dropped.reduce((sum, column) => sum + at(column), 0),
  };
}

/**
 * The table for a terminal of so many lines.
 *
 * @param {import("../dist/index.js").Sample} sample
 * @param {Map<number, string>} names by row
 * @param {number} lines
 */
function table(sample, names, lines) {
  const links = [...names].map(([row, link]) => ({ link, ...ratesOf(sample.rates, row) }));
  const busy = (/** @type {typeof links[number]} */ one) => (one.bits[0] ?? 0) + (one.bits[1] ?? 0);
  links.sort((one, other) => busy(other) - busy(one) || one.link.localeCompare(other.link));
  const head = ["link", "rx packets/s", "tx packets/s", "rx bits/s", "tx bits/s", "drops/s"];
  const body = links
    .slice(0, Math.max(lines - 2, 1))
    .map(({ link, packets, bits, drops }) => [link, ...[...packets, ...bits, drops].map(scaled)]);
  const rest = links.length - body.length;
  const text = [head, ...body].map(([first = "", ...others]) => {
    return first.padEnd(16) + others.map((cell) => cell.padStart(14)).join("");
  });
  if (rest > 0) text.push(`and ${rest} more`);
  return text;
}

const namespace = await openNamespace(name === undefined ? undefined : { name });
const sampler = await openSampler(namespace, { periodMs });
/** @type {Map<number, string>} */
const names = new Map();

/** @param {number} lines */
function draw(lines) {
  const sample = sampler.latest();
  for (const { type, row, name: link } of sampler.takeChanges()) {
    if (type === "added") names.set(row, link);
    else names.delete(row);
  }
  return table(sample, names, lines);
}

/** Until two samples have been taken there is nothing to compare. */
async function firstRates() {
  while (sampler.latest().number < 2) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(periodMs, 20)));
  }
}

async function stop() {
  await sampler.close();
  await namespace.close();
}

await firstRates();
if (values.once || !process.stdout.isTTY) {
  console.log(draw(Number.POSITIVE_INFINITY).join("\n"));
  await stop();
} else {
  const [home, clearLine, clearRest] = ["\x1b[H", "\x1b[K", "\x1b[J"];
  process.stdout.write("\x1b[?1049h\x1b[?25l");
  const refresh = setInterval(() => {
    const lines = draw(process.stdout.rows);
    process.stdout.write(home + lines.map((line) => line + clearLine).join("\n") + clearRest);
  }, periodMs);
  process.once("SIGINT", async () => {
    clearInterval(refresh);
    process.stdout.write("\x1b[?25h\x1b[?1049l");
    await stop();
  });
}
