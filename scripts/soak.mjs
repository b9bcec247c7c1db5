// Does a long mix of everything, and tells whether memory, descriptors, threads, the kernel's slabs
// and the time that a call takes stay what they were.
//
//   node scripts/sandbox.mjs scripts/soak.mjs [--operations N] [--minutes M] [--seed S] [--quick]
//
// It goes on for both, a million operations and half an hour unless told otherwise. --quick is for
// short runs: what takes long to settle is told, but not judged.

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Random } from "./random.mjs";
import { operations, prepare } from "./soak/operations.mjs";

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "1000000" },
    minutes: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    quick: { type: "boolean", default: false },
  },
});
const wanted = Number(values.operations);
const minutes = Number(values.minutes ?? (values.quick ? 0 : 30));
const seed = Number(values.seed);

/** How many are under way at the same time. */
const lanes = 8;
/** The run in parts, of which the second is compared with the last: in the first all is warmed up. */
const parts = 10;
/**
 * A worker is started, opens its own namespace and a lane its socket when they first have to, which
 * for the last of them may be late; what leaks, leaks in every part.
 */
const late = { descriptors: 8, threads: 2 };

/** @typedef {{ rssMiB: number, heapMiB: number, descriptors: number, threads: number, slabMiB: number, p99: number }} State */

/** Of the machine, so that others' work counts, too. */
function slabMiB() {
  const kib = /^SUnreclaim:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return Number(kib) / 1024;
}

/**
 * What there is when all lanes rest.
 *
 * @param {number[]} times
 * @returns {State}
 */
function look(times) {
  globalThis.gc?.();
  times.sort((one, other) => one - other);
  const { rss, heapUsed } = process.memoryUsage();
  return {
    rssMiB: rss / 2 ** 20,
    heapMiB: heapUsed / 2 ** 20,
    descriptors: readdirSync("/proc/self/fd").length,
    threads: readdirSync("/proc/self/task").length,
    slabMiB: slabMiB(),
    p99: times[Math.floor(times.length * 0.99)] ?? 0,
  };
}

/**
 * @param {import("./soak/operations.mjs").Scene} scene
 * @param {Random} random
 */
async function part(scene, random) {
  /** @type {number[]} */
  const times = [];
  const end = performance.now() + (minutes * 60_000) / parts;
  let done = 0;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (done < wanted / parts || performance.now() < end) {
        const { name, weight: _, work } = random.weighted(operations);
        done += 1;
        const start = performance.now();
        try {
          await work(scene, random);
        } catch (cause) {
          throw new Error(`${name} failed`, { cause });
        }
        if (name === "getLink") times.push(performance.now() - start);
      }
    }),
  );
  return { done, times };
}

const scene = await prepare();
const random = new Random(seed);
console.log(`seed ${seed}: ${wanted} operations and ${minutes} minutes, ${lanes} at a time`);
/** @type {State[]} */
const states = [];
for (let n = 0; n < parts; n += 1) {
  const start = performance.now();
  const { done, times } = await part(scene, random);
  const seconds = (performance.now() - start) / 1000;
  // Links and namespaces go a little after the calls that delete them.
  await sleep(values.quick ? 300 : 3000);
  const state = look(times);
  states.push(state);
  console.log(
    `${n + 1}/${parts}: ${done} in ${seconds.toFixed(1)} s, resident ${state.rssMiB.toFixed(1)} MiB, ` +
      `heap ${state.heapMiB.toFixed(1)} MiB, descriptors ${state.descriptors}, threads ${state.threads}, ` +
      `slabs ${state.slabMiB.toFixed(1)} MiB, p99 of getLink ${state.p99.toFixed(2)} ms`,
  );
}
await scene.close();

const [, first, ...others] = states;
const last = others.at(-1);
if (first === undefined || last === undefined) throw new Error("too few parts");
const bounds = /** @type {const} */ ([
  ["descriptors", last.descriptors <= first.descriptors + late.descriptors, true],
  ["threads", last.threads <= first.threads + late.threads, true],
  ["resident memory", last.rssMiB <= first.rssMiB * 1.1 + 10, !values.quick],
  ["slabs", last.slabMiB <= first.slabMiB * 1.05 + 10, !values.quick],
  ["p99", last.p99 <= first.p99 * 1.5 + 0.5, !values.quick],
]);
const broken = bounds.filter(([, holds, judged]) => judged && !holds).map(([what]) => what);
console.log(broken.length === 0 ? "nothing grew" : `grew: ${broken.join(", ")}`);
process.exitCode = broken.length === 0 ? 0 : 1;
