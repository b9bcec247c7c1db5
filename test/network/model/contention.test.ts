// Calls of one controller at the same time, at every offset of the one to the other.

import { expect, test } from "vitest";
import type { Controller } from "../../../lib/network/index.ts";
import { refused } from "../refused.ts";
import { withLab } from "./lab.ts";

/** Takes so many turns of the microtask queue. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await undefined;
}

const comers: readonly [string, (controller: Controller, box: string) => Promise<unknown>][] = [
  ["a service", (controller) => controller.createService({ network: "web", name: "api" })],
  ["an endpoint", (controller, box) => controller.connect("web", box)],
  [
    "a sandbox",
    (controller, box) => controller.createSandbox({ name: `${box}2`, networks: ["web"] }),
  ],
];

test.each(comers)("%s is on a network that stays, or is refused", (_, come) =>
  withLab(async ({ controller, create, named }) => {
    await create("box");
    const outcomes = new Set<string>();
    for (let offset = 0; offset < 60; offset += 1) {
      await controller.createNetwork({ name: "web" });
      const going = refused(() => controller.deleteNetwork("web"));
      await turns(offset);
      const coming = refused(() => come(controller, named("box")));
      const [gone, arrived] = [(await going)?.code, (await coming)?.code];
      outcomes.add(`${gone} ${arrived}`);
      expect(await controller.plan()).toEqual([]);
      if (gone !== undefined) {
        await controller.deleteService("web", "api").catch(() => undefined);
        await controller.disconnect("web", named("box")).catch(() => undefined);
        await controller.deleteSandbox(named("box2")).catch(() => undefined);
        await controller.deleteNetwork("web");
      }
    }
    const either = ["undefined NETWORK_MISSING", "NETWORK_IN_USE undefined"];
    expect(either).toEqual(expect.arrayContaining([...outcomes]));
    expect(outcomes).toContain("undefined NETWORK_MISSING");
  }),
);

test("a sandbox joins one that stays, or is refused", () =>
  withLab(async ({ controller, create, named }) => {
    const outcomes = new Set<string>();
    for (let offset = 0; offset < 60; offset += 1) {
      await create("box");
      const going = refused(() => controller.deleteSandbox(named("box")));
      await turns(offset);
      const joining = { name: named("guest"), joins: named("box") };
      const coming = refused(() => controller.createSandbox(joining));
      const [gone, arrived] = [(await going)?.code, (await coming)?.code];
      outcomes.add(`${gone} ${arrived}`);
      expect(await controller.plan()).toEqual([]);
      if (arrived === undefined) await controller.deleteSandbox(named("guest"));
      if (gone !== undefined) await controller.deleteSandbox(named("box"));
    }
    const either = ["undefined SANDBOX_MISSING", "SANDBOX_IN_USE undefined"];
    expect(either).toEqual(expect.arrayContaining([...outcomes]));
  }));
