// Runs around every test file: what it made has to be gone afterwards.

import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect } from "vitest";
import { leaksBetween, type Resources, takeStock } from "./leaks.ts";

/** The kernel takes links away, and Node its pipes to ended children, a little later. */
const patienceMs = 5000;

let before: Resources;
beforeAll(() => {
  before = takeStock();
});

afterAll(async () => {
  const deadline = Date.now() + patienceMs;
  let leaks = leaksBetween(before, takeStock());
  while (leaks.length > 0 && Date.now() < deadline) {
    await setTimeout(50);
    leaks = leaksBetween(before, takeStock());
  }
  expect(leaks).toEqual([]);
});
