// A bridge that is full.

import { expect, test } from "vitest";
import { withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";

test(
  "a bridge takes 1,023 endpoints, and the last place is one sandbox's",
  { timeout: 120_000 },
  () =>
    withLab(async ({ controller, named }) => {
      await controller.createNetwork({ name: "full" });
      const names = Array.from({ length: 1022 }, (_, number) => named(`s${number}`));
      await Promise.all(
        names.map((name) => controller.createSandbox({ name, networks: ["full"] })),
      );
      const last = ["x", "y", "z"].map((word) =>
        refused(() => controller.createSandbox({ name: named(word), networks: ["full"] })),
      );
      const codes = (await Promise.all(last)).map((one) => one?.code ?? "made");
      expect(codes.toSorted()).toEqual(["NETWORK_FULL", "NETWORK_FULL", "made"]);
      expect(await controller.plan()).toEqual([]);
    }),
);
