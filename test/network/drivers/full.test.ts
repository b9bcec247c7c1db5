// A bridge that is full.

import { expect, test } from "vitest";
import { inside, ip } from "../../support/sandbox.ts";
import { withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";

test(
  "a bridge takes 1,023 endpoints, and the last place is one sandbox's",
  { timeout: 120_000 },
  () =>
    withLab(async ({ host, controller, named }) => {
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

      // The plan has a place, but somebody else has put a link of his on the bridge.
      const { id } = await controller.getNetwork("full");
      const master = `br-${id.slice(0, 12)}`;
      await controller.deleteSandbox(names[0] ?? "");
      await inside(host, "ip", "link", "add", "foreign0", "master", master, "type", "ifb");
      const before = await ip(host, "link");
      expect(
        await refused(() => controller.createSandbox({ name: named("v"), networks: ["full"] })),
      ).toEqual({ code: "NETWORK_FULL" });
      expect(await ip(host, "link")).toHaveLength(before.length);
      await inside(host, "ip", "link", "del", "foreign0");
      await controller.createSandbox({ name: named("v"), networks: ["full"] });
    }),
);
