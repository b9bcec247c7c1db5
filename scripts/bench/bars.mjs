// The bars that this library wants to clear, as ratios within one run.

import { ratioOf } from "./statistics.mjs";

/** @typedef {import("./statistics.mjs").Result} Result */

/**
 * `floor` is what the same comes to with the C floor in our place, where the bar is not a ratio to
 * the floor anyway: what that does not reach, nothing does.
 *
 * @typedef {{
 *   what: string, n: number, sense: "at most" | "at least", limit: number,
 *   unit: "×" | import("./trials.mjs").Unit,
 *   measured: number | null, floor: number | null, holds: boolean | null,
 * }} Bar
 */

/** @typedef {(place: { trial: string, rival: string, n: number }) => Result | undefined} Find */

/**
 * @param {Omit<Bar, "holds" | "floor"> & { floor?: number | null }} bar
 * @returns {Bar}
 */
function judge({ floor = null, ...bar }) {
  const { measured, limit, sense } = bar;
  const clears = (/** @type {number} */ value) =>
    sense === "at most" ? value <= limit : value >= limit;
  return { ...bar, floor, holds: measured === null ? null : clears(measured) };
}

/**
 * Our time, at most so many times another's.
 *
 * @param {Find} find
 * @param {{ what: string, trial: string, n: number, limit: number, own?: string, to?: string }} terms
 */
function within(find, { what, trial, n, limit, own = "ours", to = "floor" }) {
  const measured = ratioOf(find({ trial, rival: own, n }), find({ trial, rival: to, n }));
  return judge({ what: `${what} to ${to}`, n, sense: "at most", limit, unit: "×", measured });
}

/**
 * A rival's time, at least so many times ours.
 *
 * @param {Find} find
 * @param {{ what: string, trial: string, n: number, rival: string, limit: number, own?: string }} terms
 */
function faster(find, { what, trial, n, rival, limit, own = "ours" }) {
  const theirs = find({ trial, rival, n });
  return judge({
    what: `${what}: ${rival} to ${own}`,
    n,
    sense: "at least",
    limit,
    unit: "×",
    measured: ratioOf(theirs, find({ trial, rival: own, n })),
    floor: ratioOf(theirs, find({ trial, rival: "floor", n })),
  });
}

/** @param {Find} find @param {boolean} quick */
function endpointBars(find, quick) {
  const what = "endpoints set up";
  const theirs = { what, trial: "endpoints-ipv6 up" };
  const setUp = (quick ? [100] : [100, 1000]).flatMap((n) => [
    within(find, { what: `${what}: ours`, trial: "endpoints up", n, limit: 1.15 }),
    faster(find, { ...theirs, n, rival: "ip", limit: 15 }),
    faster(find, { ...theirs, n, rival: "ip -batch", limit: 4 }),
    faster(find, { ...theirs, n, rival: "go", limit: 1.5 }),
  ]);
  const down = { what: "endpoints and bridge torn down: ours", trial: "endpoints down" };
  return [...setUp, within(find, { ...down, n: quick ? 100 : 500, limit: 1.2 })];
}

/** @param {Find} find */
function counterBars(find) {
  const sweep = { what: "counters: ours", trial: "counters sweep" };
  const read = { what: "counters", trial: "counters sweep", n: 1000 };
  const one = { what: "counters of one link: ours sync", trial: "counter read", n: 1 };
  return [
    within(find, { ...sweep, what: "counters: ours sync", own: "ours sync", n: 1000, limit: 1.1 }),
    within(find, { ...sweep, n: 1000, limit: 1.25 }),
    within(find, { ...sweep, n: 4000, limit: 1.1 }),
    ...["ours", "ours sync"].flatMap((own) => [
      faster(find, { ...read, own, rival: "ip -s -j", limit: 45 }),
      faster(find, { ...read, own, rival: "proc", limit: 5 }),
      faster(find, { ...read, own, rival: "go", limit: 25 }),
    ]),
    within(find, { ...one, own: "ours sync", limit: 1.4 }),
  ];
}

/** @param {Find} find */
function listBars(find) {
  const what = "listLinks";
  const list = { trial: "links list", n: 1000 };
  return [
    within(find, { what: `${what}: ours`, ...list, to: "go", limit: 1.5 }),
    faster(find, { what, ...list, rival: "netlink", limit: 2 }),
  ];
}

/** @param {Find} find @param {boolean} quick */
function loopBars(find, quick) {
  const n = quick ? 100 : 1000;
  const beyondIdle = (/** @type {string} */ trial, /** @type {string} */ rival) => {
    const idle = find({ trial: "gap idle", rival, n });
    const busy = find({ trial, rival, n });
    return idle && busy ? busy.p50 - idle.p50 : null;
  };
  return [
    { what: "gap of the event loop beyond idle, set-up", trial: "gap up" },
    { what: "gap of the event loop beyond idle, teardown", trial: "gap down" },
  ].map(({ what, trial }) =>
    judge({
      what,
      n,
      sense: "at most",
      limit: 5000,
      unit: "us",
      measured: beyondIdle(trial, "ours"),
      floor: beyondIdle(trial, "floor"),
    }),
  );
}

/** @param {Find} find @param {boolean} quick */
function latencyBar(find, quick) {
  const n = quick ? 80 : 200;
  const slowdown = (/** @type {string} */ rival) => {
    const idle = find({ trial: "latency idle", rival, n });
    const beside = find({ trial: "latency beside", rival, n });
    return idle && beside ? beside.p99 / idle.p99 : null;
  };
  return judge({
    what: "a create beside a loop of deletes: p99 to its idle p99",
    n,
    sense: "at most",
    limit: 5,
    unit: "×",
    measured: slowdown("ours"),
    floor: slowdown("floor"),
  });
}

/** @param {Find} find */
function absoluteBars(find) {
  const most = { sense: /** @type {const} */ ("at most") };
  const us = /** @type {const} */ ("us");
  const listing = { trial: "links gap", rival: "ours", n: 1000 };
  const sampler = { trial: "counters sweep", rival: "ours sampler", n: 1000 };
  const threads = { trial: "handles threads", rival: "ours", n: 10_000 };
  const network = (/** @type {string} */ measure, n = 1000) => ({
    trial: `network ${measure}`,
    rival: "ours on disk",
    n,
  });
  const second = 1_000_000;
  return [
    { what: "connected to a network", ...most, limit: 3000, unit: us, of: network("connect", 100) },
    { what: "sandboxes set up", ...most, limit: 3 * second, unit: us, of: network("up") },
    { what: "sandboxes torn down", ...most, limit: 2 * second, unit: us, of: network("down") },
    { what: "gap of the event loop, listLinks", ...most, limit: 10_000, unit: us, of: listing },
    { what: "newest sample of the sampler read", ...most, limit: 20, unit: us, of: sampler },
    {
      what: "threads added by open namespaces",
      ...most,
      limit: 8,
      unit: /** @type {const} */ ("count"),
      of: threads,
    },
  ].map(({ of, ...bar }) => judge({ ...bar, n: of.n, measured: find(of)?.p50 ?? null }));
}

/** @param {Find} find @param {boolean} quick */
function clusterBar(find, quick) {
  const n = quick ? 5 : 50;
  return judge({
    what: "connected on one host, and reached from all: p99",
    n,
    sense: "at most",
    limit: 1_000_000,
    unit: "us",
    measured: find({ trial: "cluster reach", rival: "ours", n })?.p99 ?? null,
  });
}

/**
 * Every bar, with what was measured; null where a rival or a trial was absent.
 *
 * @param {readonly Result[]} results
 * @param {boolean} quick
 * @returns {Bar[]}
 */
export function judgeBars(results, quick) {
  /** @type {Find} */
  const find = ({ trial, rival, n }) =>
    results.find((row) => row.trial === trial && row.rival === rival && row.n === n);
  const deletions = { what: "deletes at once: ours", trial: "deletions delete", n: 64, limit: 1.3 };
  return [
    ...endpointBars(find, quick),
    within(find, deletions),
    ...counterBars(find),
    ...listBars(find),
    ...absoluteBars(find),
    ...loopBars(find, quick),
    latencyBar(find, quick),
    clusterBar(find, quick),
  ];
}
