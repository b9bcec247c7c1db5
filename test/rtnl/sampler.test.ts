// Samples that a native thread takes, read while it takes them.

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  addAddress,
  columnOf,
  counterRowLength,
  createLink,
  deleteLink,
  openSampler,
  type Sample,
  type Sampler,
  setLink,
} from "../../lib/index.ts";
import { inside, type Sandbox, withSandboxes } from "../support/sandbox.ts";

/** Waits for a sample that the condition holds for. */
async function sampleThat(sampler: Sampler, holds: (sample: Sample) => boolean): Promise<Sample> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const sample = sampler.latest();
    if (holds(sample)) return sample;
    await delay(1);
  }
  throw new Error("no such sample came");
}

async function join(left: Sandbox, right: Sandbox): Promise<void> {
  const peer = { name: "right", namespace: right };
  await createLink(left, { kind: "veth", name: "left", index: 10, up: true, peer });
  await setLink(right, { name: "right" }, { up: true });
  await addAddress(left, 10, "10.0.0.1/24");
  await addAddress(right, { name: "right" }, "10.0.0.2/24");
}

describe("a sampler", () => {
  test("keeps sampling, and each sample is whole and later than the last", () =>
    withSandboxes(1, async ([sandbox]) => {
      await using sampler = await openSampler(sandbox, { periodMs: 1 });
      let last = { number: 0, time: 0n };
      for (let n = 0; n < 20; n += 1) {
        const { number, time, rows } = await sampleThat(sampler, (one) => one.number > last.number);
        expect(time).toBeGreaterThan(last.time);
        expect(rows).toBe(1);
        last = { number, time };
      }
    }));

  test("shows traffic as counters and as rates that fit them", () =>
    withSandboxes(
      2,
      async ([left, right]) => {
        await join(left, right);
        await using sampler = await openSampler(left, { links: [10], periodMs: 5 });
        await sampleThat(sampler, (one) => one.number > 1);
        const sent = columnOf("txPackets");
        let total = 0;
        let time = sampler.latest().time;
        let number = sampler.latest().number;
        const before = Number(sampler.latest().counters[sent]);
        const pinging = inside(left, "ping", "-n", "-q", "-c", "40", "-i", "0.01", "10.0.0.2");
        await sampleThat(sampler, (one) => {
          if (one.number === number + 1) {
            total += ((one.rates[sent] ?? 0) * Number(one.time - time)) / 1e9;
          }
          if (one.number > number) ({ number, time } = one);
          return Number(one.counters[sent]) - before >= 40;
        });
        await pinging;
        // Samples that were overwritten before they were read are missing from the sum.
        expect(total).toBeGreaterThan(0);
        expect(total).toBeLessThanOrEqual(Number(sampler.latest().counters[sent]) - before + 0.5);
      },
      { ipv6: false },
    ));

  test("stays consistent while it is read as fast as can be", () =>
    withSandboxes(1, async ([sandbox]) => {
      await using sampler = await openSampler(sandbox, { periodMs: 1 });
      await sampleThat(sampler, (one) => one.number > 0);
      const end = performance.now() + 300;
      let last = 0;
      while (performance.now() < end) {
        const sample = sampler.latest();
        const { number, time } = sample;
        expect(number).toBeGreaterThanOrEqual(last);
        // Held until the next call, whatever the thread does meanwhile.
        for (let n = 0; n < 100; n += 1) expect(sample.time).toBe(time);
        last = number;
      }
      expect(last).toBeGreaterThan(20);
    }));

  test("follows links that come, go, and outgrow its memory", () =>
    withSandboxes(
      1,
      async ([sandbox]) => {
        await using sampler = await openSampler(sandbox, { periodMs: 2 });
        const names = Array.from({ length: 60 }, (_, n) => `v${n}`);
        await Promise.all(
          names.map((name) =>
            createLink(sandbox, { kind: "veth", name, peer: { name: `${name}p` } }),
          ),
        );
        const grown = await sampleThat(sampler, (one) => one.rows === 121);
        expect(grown.counters.length).toBeGreaterThanOrEqual(121 * counterRowLength);
        expect(sampler.takeChanges().filter(({ type }) => type === "added")).toHaveLength(121);
        await deleteLink(sandbox, { name: "v7" });
        const number = sampler.latest().number;
        await sampleThat(sampler, (one) => one.number > number + 1);
        expect(
          sampler
            .takeChanges()
            .map(({ name }) => name)
            .sort(),
        ).toEqual(["v7", "v7p"]);
        expect([...sampler.indexes].filter((index) => index === 0)).toHaveLength(2);
      },
      { ipv6: false },
    ));

  test("ends with its handle, and its last sample stays", () =>
    withSandboxes(1, async ([sandbox]) => {
      const sampler = await openSampler(sandbox, { periodMs: 1 });
      const sample = await sampleThat(sampler, (one) => one.number > 3);
      const { number } = sample;
      await sampler.close();
      await sampler.close();
      await delay(10);
      expect(sample.number).toBe(number);
      expect(() => sampler.latest()).toThrow("closed");
    }));

  test("refuses periods that it cannot keep", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (const periodMs of [0, 0.5, -1, Number.NaN, 3_600_001, "5"]) {
        const options = { periodMs } as { periodMs: number };
        const refusal = { code: "ERR_OUT_OF_RANGE", property: "periodMs" };
        await expect(openSampler(sandbox, options)).rejects.toMatchObject(refusal);
      }
    }));
});
