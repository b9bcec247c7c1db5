// The pure parts of the benchmark: statistics, bars, tables, the chart.

import { describe, expect, test } from "vitest";
import { judgeBars } from "../../scripts/bench/bars.mjs";
import { decades, drawChart } from "../../scripts/bench/chart.mjs";
import { tableOf } from "../../scripts/bench/document.mjs";
import { alignColumns, formatResults, formatValue } from "../../scripts/bench/format.mjs";
import { parseLines } from "../../scripts/bench/programs.mjs";
import {
  median,
  quantile,
  ratioOf,
  summarize,
  withRatios,
} from "../../scripts/bench/statistics.mjs";
import { planCells, trials } from "../../scripts/bench/trials.mjs";

function row(trial: string, rival: string, n: number, p50: number, p99 = p50) {
  return { trial, rival, n, unit: "us" as const, p50, p99, samples: 1, medians: [p50] };
}

describe("statistics", () => {
  test("take the middle, and the mean of two middles", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test("take a percentile by the nearest rank", () => {
    const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile([5], 0.99)).toBe(5);
  });

  test("let each round count once in the median, each sample in the percentile", () => {
    expect(summarize([[1, 1, 1, 1, 1], [2], [90]])).toEqual({
      p50: 2,
      p99: 90,
      samples: 7,
      medians: [1, 2, 90],
    });
    expect(summarize([[], [3]]).p50).toBe(3);
  });

  test("compare rounds that were neighbours in time", () => {
    expect(ratioOf({ medians: [30, 20] }, { medians: [10, 10, 1] })).toBe(2.5);
    expect(ratioOf({ medians: [30] }, { medians: [10, 100, 100] })).toBe(3);
    expect(ratioOf({ medians: [30] }, undefined)).toBeNull();
  });

  test("relate rows of one trial and size", () => {
    const [ours, floor, other] = withRatios([
      row("a", "ours", 1, 4),
      row("a", "floor", 1, 2),
      row("a", "ip", 2, 8),
    ]);
    expect(ours).toMatchObject({ ratioToOurs: 1, ratioToFloor: 2 });
    expect(floor).toMatchObject({ ratioToOurs: 0.5, ratioToFloor: 1 });
    expect(other).toMatchObject({ ratioToOurs: null, ratioToFloor: null });
  });
});

describe("the plan", () => {
  const everyone = () => true;

  test("interleaves the rivals, round by round", () => {
    const cells = planCells({ quick: false, only: "latency" }, everyone);
    const order = cells.map(({ rival, round }) => `${rival} ${round}`);
    expect(order.slice(0, 4)).toEqual(["ours 0", "floor 0", "ours 1", "floor 1"]);
  });

  test("leaves out the absent, and all but ours and the rival that is wanted", () => {
    const rivals = (cells: { rival: string }[]) => [...new Set(cells.map(({ rival }) => rival))];
    const options = { quick: true, only: "links" };
    expect(rivals(planCells(options, (rival) => rival !== "go"))).not.toContain("go");
    expect(rivals(planCells({ ...options, rival: "go" }, everyone))).toEqual(["ours", "go"]);
  });

  test("runs slow rivals once where they are slow, and not where they would take minutes", () => {
    const cells = planCells({ quick: false }, everyone);
    const ip = cells.filter(({ trial, rival }) => trial === "endpoints-ipv6" && rival === "ip");
    expect(ip.filter(({ n }) => n === 1000)).toHaveLength(1);
    expect(ip.filter(({ n }) => n === 100).length).toBeGreaterThan(1);
    expect(cells.some(({ rival, n }) => rival === "sysfs" && n === 4000)).toBe(false);
  });

  test("names rivals that are trials' own in what is slow or limited", () => {
    for (const { rivals, slow = [], most = {} } of trials) {
      expect(rivals).toEqual(expect.arrayContaining([...slow, ...Object.keys(most)]));
    }
  });
});

describe("the bars", () => {
  test("hold, do not hold, or were not measured", () => {
    const bars = judgeBars(
      withRatios([
        row("deletions delete", "ours", 64, 12),
        row("deletions delete", "floor", 64, 10),
        row("counters sweep", "ours", 1000, 100),
        row("counters sweep", "floor", 1000, 50),
        row("counters sweep", "proc", 1000, 600),
      ]),
      true,
    );
    const bar = (what: string) => bars.find((one) => one.what === what);
    expect(bar("deletes at once: ours to floor")).toMatchObject({ measured: 1.2, holds: true });
    expect(bar("counters: ours to floor")).toMatchObject({ measured: 2, holds: false });
    expect(bar("counters: proc to ours")).toMatchObject({ measured: 6, floor: 12, holds: true });
    expect(bar("counters: go to ours")).toMatchObject({ measured: null, holds: null });
  });

  test("compare a create's p99 with its p99 alone", () => {
    const bars = judgeBars(
      withRatios([
        row("latency idle", "ours", 200, 10, 20),
        row("latency beside", "ours", 200, 10, 120),
      ]),
      false,
    );
    const bar = bars.find(({ what }) => what.startsWith("a create beside"));
    expect(bar).toMatchObject({ measured: 6, holds: false });
  });

  test("take a second to reach a new endpoint from all hosts for too long, by the p99", () => {
    const rows = [row("cluster reach", "ours", 50, 80_000, 1_200_000)];
    const bar = judgeBars(withRatios(rows), false).find(({ what }) => what.includes("reached"));
    expect(bar).toMatchObject({ measured: 1_200_000, holds: false });
  });
});

describe("what is printed", () => {
  test("has three digits and a unit that fits", () => {
    expect(formatValue(2.345, "us")).toBe("2.35 µs");
    expect(formatValue(23_456, "us")).toBe("23.5 ms");
    expect(formatValue(2_345_678, "us")).toBe("2.35 s");
    expect(formatValue(-2329.6, "us")).toBe("-2.33 ms");
    expect(formatValue(1.154, "×")).toBe("1.15×");
    expect(formatValue(8, "count")).toBe("8");
    expect(formatValue(2048, "bytes")).toBe("2.00 KiB");
    expect(formatValue(12_345_678_901, "bits")).toBe("12.3 Gbit/s");
  });

  test("stands in columns, text to the left and figures to the right", () => {
    const rows = [
      ["", "n"],
      ["a", "1"],
      ["long", "100"],
    ];
    expect(alignColumns(rows)).toBe("        n\na       1\nlong  100");
  });

  test("is one table for each trial, measure and size", () => {
    const text = formatResults(
      withRatios([row("latency idle", "ours", 200, 5), row("latency idle", "floor", 200, 4)]),
    );
    expect(text).toContain("a veth pair made beside a loop of deletions, n = 200: alone");
    expect(text).toMatch(/floor +4\.00 µs +4\.00 µs +0\.80× +1\.00×/);
  });

  test("reads what programs print", () => {
    expect(parseLines("read 1.5 2\nlinks 3\n")).toEqual({ read: [1.5, 2], links: [3] });
  });
});

describe("the chart", () => {
  test("covers whole decades", () => {
    expect(decades([3, 250])).toEqual({ low: 0, high: 3 });
    expect(decades([10])).toEqual({ low: 1, high: 2 });
  });

  test("draws a bar for each result, and escapes what it writes", () => {
    const svg = drawChart(
      withRatios([
        row("links list", "ours", 1000, 100),
        row("links list", "floor", 1000, 10),
        row("links list", "go", 500, 10),
      ]),
      "CPU <&>",
    );
    expect(svg.match(/<rect x=/g)).toHaveLength(2);
    expect(svg).toContain("vethwork");
    expect(svg).toContain("CPU &lt;&amp;&gt;");
  });
});

describe("the README's table", () => {
  test("has a line for each measurement, and a dash for who was absent", () => {
    const results = withRatios([
      row("counters sweep", "ours", 1000, 330),
      row("counters sweep", "ours sync", 1000, 290),
      row("counters sweep", "ip -s -j", 1000, 13_000),
    ]);
    const lines = tableOf(results, "CPU.").split("\n");
    expect(lines).toContain("| counters of 1,000 links | 330 µs | – | – | – | – | 13.0 ms |");
    expect(lines).toContain("| … by `readSync` | 290 µs | – | – | – | – | 13.0 ms |");
    expect(lines.at(-1)).toBe("Medians of one run. CPU.");
  });
});
