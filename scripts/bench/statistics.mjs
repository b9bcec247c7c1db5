// Medians, percentiles and ratios.

/**
 * The value that a share of the samples does not exceed, by the nearest rank.
 *
 * @param {readonly number[]} samples
 * @param {number} share 0 to 1
 */
export function quantile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** @param {readonly number[]} samples */
export function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const [low = Number.NaN, high = low] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ];
  return (low + high) / 2;
}

/**
 * What the rounds of one cell come to. `p50` is the median of the rounds' medians, so that a round
 * that something disturbed counts once however many samples it has; `p99` is that of all samples.
 *
 * @param {readonly (readonly number[])[]} rounds
 */
export function summarize(rounds) {
  const all = rounds.flat();
  const medians = rounds.map(median);
  return {
    p50: median(medians.filter((each) => !Number.isNaN(each))),
    p99: quantile(all, 0.99),
    samples: all.length,
    medians,
  };
}

/**
 * @typedef {{
 *   trial: string, rival: string, n: number, unit: import("./trials.mjs").Unit,
 *   p50: number, p99: number, samples: number, medians: readonly number[],
 *   ratioToOurs: number | null, ratioToFloor: number | null,
 * }} Result
 */

/**
 * What one row's median is to another's: the median over the rounds that both have, each compared
 * with its neighbour in time, because a machine has better and worse minutes.
 *
 * @param {{ medians: readonly number[] } | undefined} row
 * @param {{ medians: readonly number[] } | undefined} other
 */
export function ratioOf(row, other) {
  const ratios = (row?.medians ?? []).map((each, round) => each / (other?.medians[round] ?? NaN));
  const ratio = median(ratios.filter((each) => Number.isFinite(each)));
  return Number.isNaN(ratio) ? null : ratio;
}

/**
 * Adds the ratios to the rows of ours and of the C floor with the same trial and `n`.
 *
 * @param {readonly Omit<Result, "ratioToOurs" | "ratioToFloor">[]} rows
 * @returns {Result[]}
 */
export function withRatios(rows) {
  return rows.map((row) => {
    const ratioTo = (/** @type {string} */ rival) => {
      const other = rows.find(
        (one) => one.rival === rival && one.trial === row.trial && one.n === row.n,
      );
      return ratioOf(row, other);
    };
    return { ...row, ratioToOurs: ratioTo("ours"), ratioToFloor: ratioTo("floor") };
  });
}
