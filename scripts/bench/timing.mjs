// Clocks of a cell.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Ends the cell if a rival has not done what it should have.
 *
 * @param {boolean} holds
 * @param {string} what
 */
export function verify(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}

/**
 * Microseconds that `work` takes.
 *
 * @param {() => unknown} work
 */
export async function timed(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1000;
}

/**
 * Samples of a repeated asynchronous call, after a warm-up of a tenth; ends early after 4 seconds.
 *
 * @param {number} repeats
 * @param {() => Promise<unknown>} work
 */
export async function sample(repeats, work) {
  const samples = /** @type {number[]} */ ([]);
  const deadline = performance.now() + 4000;
  for (let n = 0; n < Math.ceil(repeats / 10); n += 1) await work();
  while (samples.length < repeats && (samples.length === 0 || performance.now() < deadline)) {
    const start = performance.now();
    await work();
    samples.push((performance.now() - start) * 1000);
  }
  return samples;
}

/** What reading the clock takes by itself: a twentieth of the shortest call that is measured. */
function clockCost() {
  const costs = Array.from({ length: 10000 }, () => {
    const start = performance.now();
    return performance.now() - start;
  });
  return costs.sort((a, b) => a - b)[costs.length / 2] ?? 0;
}

/**
 * {@link sample} without a promise in the way, without what the clock takes, and warmed up for 50 ms
 * at least, so that V8 has compiled what is measured.
 *
 * @param {number} repeats
 * @param {() => unknown} work
 */
export function sampleSync(repeats, work) {
  const samples = /** @type {number[]} */ ([]);
  const clock = clockCost();
  const deadline = performance.now() + 4000;
  const warm = performance.now() + 50;
  for (let n = 0; n < Math.ceil(repeats / 10) || performance.now() < warm; n += 1) work();
  while (samples.length < repeats && (samples.length === 0 || performance.now() < deadline)) {
    const start = performance.now();
    work();
    samples.push((performance.now() - start - clock) * 1000);
  }
  return samples;
}

/**
 * The longest time, in microseconds, that the event loop did not come round while `work` ran.
 *
 * @param {() => Promise<unknown>} work
 */
export async function longestGap(work) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await sleep(2);
  delays.reset();
  const start = performance.now();
  await work();
  const took = performance.now() - start;
  await sleep(2);
  delays.disable();
  return { gap: delays.max / 1000, took };
}

/**
 * The longest gap of an idle loop in so many milliseconds.
 *
 * @param {number} duration
 */
export async function idleGap(duration) {
  return (await longestGap(() => sleep(duration))).gap;
}
