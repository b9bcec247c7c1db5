// What is measured against whom: the matrix.

/** @typedef {"us" | "count" | "bytes" | "bits"} Unit `bits` are those of a second */

/**
 * A trial: one program run (a cell) per rival, `n` and round; each gives samples of some measures.
 * `rivals` are in the order of the table; `slow` ones have one round for `n` from 500, and none
 * above `most`. In a quick run all but ours and the floor have one round.
 *
 * @typedef {{
 *   name: string,
 *   title: string,
 *   measures: Readonly<Record<string, { title: string, unit: Unit }>>,
 *   sizes: { full: readonly number[], quick: readonly number[] },
 *   rounds: { full: number, quick: number },
 *   rivals: readonly string[],
 *   slow?: readonly string[],
 *   most?: Readonly<Record<string, number>>,
 * }} Trial
 */

const us = /** @type {const} */ ("us");

const upAndDown = {
  up: { title: "set up", unit: us },
  down: { title: "torn down", unit: us },
};

/** @type {readonly Trial[]} */
export const trials = [
  {
    name: "operations",
    title: "one operation at a time",
    measures: {
      namespace: { title: "namespace made and deleted", unit: us },
      veth: { title: "veth pair made", unit: us },
      bridge: { title: "bridge made", unit: us },
      address: { title: "address added", unit: us },
      route: { title: "route added", unit: us },
      up: { title: "link raised", unit: us },
    },
    sizes: { full: [1], quick: [1] },
    rounds: { full: 5, quick: 1 },
    rivals: ["ours", "floor", "go", "pyroute2", "ip"],
  },
  {
    name: "endpoints",
    title: "endpoints without IPv6, on one bridge",
    measures: upAndDown,
    sizes: { full: [10, 100, 500, 1000], quick: [10, 100] },
    rounds: { full: 7, quick: 3 },
    rivals: ["ours", "floor"],
  },
  {
    name: "endpoints-ipv6",
    title: "endpoints with IPv6, as other tools make them, on one bridge",
    measures: upAndDown,
    sizes: { full: [10, 100, 500, 1000], quick: [100] },
    rounds: { full: 3, quick: 2 },
    rivals: ["ours", "floor", "go", "pyroute2", "ip -batch", "ip x8", "ip"],
    slow: ["pyroute2", "ip -batch", "ip x8", "ip"],
  },
  {
    name: "counters",
    title: "counters of all links",
    measures: { sweep: { title: "one sweep", unit: us } },
    sizes: { full: [10, 100, 1000, 4000], quick: [100, 1000] },
    rounds: { full: 5, quick: 2 },
    rivals: [
      "ours",
      "ours sync",
      "ours proc",
      "ours sampler",
      "ours objects",
      "floor",
      "go",
      "pyroute2",
      "ip -s -j",
      "proc",
      "sysfs",
      "netlink",
      "systeminformation",
    ],
    slow: ["pyroute2", "ip -s -j", "sysfs", "netlink", "systeminformation"],
    most: { pyroute2: 1000, sysfs: 1000, netlink: 1000, systeminformation: 10 },
  },
  {
    name: "counter",
    title: "counters of one link",
    measures: { read: { title: "one read", unit: us } },
    sizes: { full: [1], quick: [1] },
    rounds: { full: 5, quick: 2 },
    rivals: [
      "ours",
      "ours sync",
      "ours sampler",
      "ours objects",
      "floor",
      "go",
      "pyroute2",
      "ip -s -j",
      "proc",
      "sysfs",
      "netlink",
      "systeminformation",
    ],
  },
  {
    name: "deletions",
    title: "veth pairs deleted together",
    measures: { delete: { title: "all deleted", unit: us } },
    sizes: { full: [64], quick: [64] },
    rounds: { full: 5, quick: 2 },
    rivals: ["ours", "floor", "ip group", "ip -batch"],
  },
  {
    name: "links",
    title: "links listed as objects",
    measures: {
      list: { title: "one list", unit: us },
      gap: { title: "longest gap of the event loop", unit: us },
      idle: { title: "the same while idle", unit: us },
    },
    sizes: { full: [1000], quick: [1000] },
    rounds: { full: 5, quick: 2 },
    rivals: ["ours", "floor", "go", "ip -d -j", "netlink"],
  },
  {
    name: "namespaces",
    title: "counters of many namespaces",
    measures: { read: { title: "all read", unit: us } },
    sizes: { full: [200], quick: [200] },
    rounds: { full: 3, quick: 1 },
    rivals: ["ours", "ours each", "floor", "floor each", "ip -s -j"],
  },
  {
    name: "gap",
    title: "the event loop while endpoints are made and deleted",
    measures: {
      up: { title: "longest gap, set-up", unit: us },
      down: { title: "longest gap, teardown", unit: us },
      idle: { title: "longest gap, idle for as long", unit: us },
    },
    sizes: { full: [1000], quick: [100] },
    rounds: { full: 5, quick: 2 },
    rivals: ["ours", "floor", "ip -batch"],
    slow: ["ip -batch"],
  },
  {
    name: "latency",
    title: "a veth pair made beside a loop of deletions",
    measures: {
      idle: { title: "alone", unit: us },
      beside: { title: "beside the loop", unit: us },
    },
    sizes: { full: [200], quick: [80] },
    rounds: { full: 5, quick: 1 },
    rivals: ["ours", "floor"],
  },
  {
    name: "network",
    title: "sandboxes with a name and a published port on one network",
    measures: {
      ...upAndDown,
      connect: { title: "one more connected", unit: us },
    },
    sizes: { full: [100, 1000], quick: [100] },
    rounds: { full: 5, quick: 2 },
    rivals: ["ours", "ours on disk"],
  },
  {
    name: "cluster",
    title: "a network across hosts, 100 endpoints on each (10 in a quick run)",
    measures: {
      up: { title: "set up, and known everywhere", unit: us },
      connect: { title: "one more connected", unit: us },
      reach: { title: "one more connected, and reached from all hosts", unit: us },
      writes: { title: "commits of the store for one more", unit: "count" },
      messages: { title: "messages of the store's watches for one more", unit: "count" },
      gone: { title: "a host's process killed, its place kept for 10 s: known nowhere", unit: us },
      told: { title: "1,000 endpoints of another host told to the kernel", unit: us },
      heap: { title: "memory of the process for them", unit: "bytes" },
      kernel: { title: "memory of the kernel for them", unit: "bytes" },
      rate: { title: "one stream of TCP between two hosts", unit: "bits" },
      rtt: { title: "a packet to another host and back", unit: us },
    },
    sizes: { full: [2, 10, 50], quick: [2, 5] },
    rounds: { full: 1, quick: 1 },
    rivals: ["ours", "ip", "veth"],
    most: { ip: 2, veth: 2 },
  },
  {
    name: "handles",
    title: "namespaces opened and asked once",
    measures: {
      opened: { title: "opened, as far as the limit of descriptors allows", unit: "count" },
      threads: { title: "threads added", unit: "count" },
      memory: { title: "resident memory, each", unit: "bytes" },
      open: { title: "time, each", unit: us },
    },
    sizes: { full: [10_000], quick: [10_000] },
    rounds: { full: 3, quick: 1 },
    rivals: ["ours"],
  },
];

/** @typedef {{ trial: string, rival: string, n: number, round: number }} Cell */

/** The rows that most bars compare: these have all their rounds in a quick run, too. */
const isOurs = (/** @type {string} */ rival) => /^(ours|floor)\b/.test(rival);

/**
 * The cells of a run in their order: within a trial and `n`, round by round, rivals interleaved.
 *
 * @param {{ quick: boolean, only?: string | undefined, rival?: string | undefined }} options
 * @param {(rival: string) => boolean} present
 * @returns {Cell[]}
 */
export function planCells({ quick, only, rival: wanted }, present) {
  const mode = quick ? "quick" : "full";
  return trials
    .filter(({ name }) => only === undefined || name === only)
    .flatMap(({ name, sizes, rounds, rivals, slow = [], most = {} }) =>
      sizes[mode].flatMap((n) =>
        Array.from({ length: rounds[mode] }, (_, round) =>
          rivals
            .filter((rival) => wanted === undefined || rival === wanted || rival === "ours")
            .filter((rival) => present(rival) && n <= (most[rival] ?? n))
            .filter(
              (rival) => round === 0 || (quick ? isOurs(rival) : n < 500 || !slow.includes(rival)),
            )
            .map((rival) => ({ trial: name, rival, n, round })),
        ).flat(),
      ),
    );
}
