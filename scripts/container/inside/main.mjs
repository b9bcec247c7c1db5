// Runs in the container: tries what users of the package do, and prints what came of each trial.
//
// Nothing is judged here. The last trial tells what the others have left behind.

import { setTimeout as sleep } from "node:timers/promises";
import { basics } from "./basics.mjs";
import { doors } from "./doors.mjs";
import { networks } from "./networks.mjs";
import { takeStock } from "./stock.mjs";

/**
 * What a thrown value says of itself, with its causes.
 *
 * @param {unknown} thrown
 * @returns {import("../judge.mjs").Failure}
 */
function failureOf(thrown) {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: String(thrown) };
  const { name, message } = thrown;
  const { code, cause } = /** @type {Error & { code?: unknown }} */ (thrown);
  return {
    name,
    message,
    ...(code !== undefined && { code: String(code) }),
    ...(cause !== undefined && { cause: failureOf(cause) }),
  };
}

/** Milliseconds that a trial has; the slowest take about one second. */
const patience = 30_000;

/**
 * @param {() => Promise<object>} trial
 * @returns {Promise<import("../judge.mjs").Outcome>}
 */
async function outcomeOf(trial) {
  const late = sleep(patience, undefined, { ref: false }).then(() => {
    throw new Error(`not done within ${patience} ms`);
  });
  try {
    return { facts: await Promise.race([trial(), late]) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

const left = await takeStock();
/** @type {Record<string, import("../judge.mjs").Outcome>} */
const outcomes = {};
for (const [name, trial] of Object.entries({ ...basics, ...doors, ...networks, left })) {
  outcomes[name] = await outcomeOf(trial);
}
// What hangs is not waited for.
process.stdout.write(`${JSON.stringify(outcomes)}\n`, () => process.exit());
