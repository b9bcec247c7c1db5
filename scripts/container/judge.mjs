// Compares what came of the trials in a container with what is expected of it.

import { isDeepStrictEqual } from "node:util";
import { facts } from "./facts.mjs";

/**
 * What a trial failed with.
 *
 * @typedef {{ name: string, code?: string, message: string, cause?: Failure }} Failure
 */

/**
 * What came of a trial.
 *
 * @typedef {{ facts: object } | { failure: Failure }} Outcome
 */

/**
 * What has to come of it: facts, or a failure of that class and code whose message names what is
 * missing.
 *
 * @typedef {{ facts: object } | { failure: { name: string, code: string, says: string } }} Expected
 */

/**
 * @param {Outcome} outcome
 * @param {Expected} expected
 */
function isAsExpected(outcome, expected) {
  if ("facts" in outcome || "facts" in expected) {
    return isDeepStrictEqual(outcome, expected);
  }
  const { name, code, says } = expected.failure;
  const { failure } = outcome;
  return failure.name === name && failure.code === code && failure.message.includes(says);
}

/**
 * What is not as it should be, a line each.
 *
 * @param {Readonly<Record<string, Outcome>>} outcomes
 * @param {Readonly<Record<string, Expected>>} exceptions of trials that do not find the usual facts
 */
export function judge(outcomes, exceptions) {
  const trials = new Set([...Object.keys(facts), ...Object.keys(outcomes)]);
  return [...trials].flatMap((trial) => {
    const outcome = outcomes[trial];
    const expected = exceptions[trial] ?? { facts: facts[trial] ?? {} };
    if (outcome === undefined) return [`${trial}: was not tried`];
    if (isAsExpected(outcome, expected)) return [];
    const [found, wanted] = [outcome, expected].map((each) => JSON.stringify(each));
    return [`${trial}: ${found}`, `  instead of ${wanted}`];
  });
}
