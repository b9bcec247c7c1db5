// Hosts that share a store, with whatever chance has in store for them; `npm run test:chaos` does more.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { lacks } from "../../support/features.ts";

describe.skipIf(await lacks("etcd"))("chance", { timeout: 300_000 }, () => {
  test("leaves plan, store and kernels of all hosts agreeing, and gives no address twice", async () => {
    const args = ["scripts/cluster-chaos.mjs", "--rounds", "20", "--seed", "4"];
    const said = await promisify(execFile)(process.execPath, args).then(
      ({ stdout }) => stdout.trim(),
      ({ stdout, stderr }) => `${stdout}${stderr}`,
    );
    expect(said).toMatch(/^seed 4: judged 2 times, [1-9]\d* endpoints, 0 wrong$/);
  });
});
