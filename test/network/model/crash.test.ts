// Controllers that end in the midst of their work, and stores that fail in the midst of it.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { type Commit, openController, type Store } from "../../../lib/network/index.ts";
import { type Lab, withLab } from "./lab.ts";

const run = promisify(execFile);

/** What `scripts/crash.mjs` says in its last line, and before that of what was wrong. */
async function crash(...args: string[]): Promise<string> {
  const all = ["scripts/crash.mjs", ...args];
  return await run(process.execPath, all).then(
    ({ stdout }) => stdout.trim(),
    ({ stdout, stderr }) => `${stdout}${stderr}`,
  );
}

describe("after a process was killed", { timeout: 180_000 }, () => {
  test("at forty moments, plan and kernel agree and nothing is left", async () => {
    expect(await crash("--kills", "40")).toMatch(/^seed \d+: 40 killed, 0 left something wrong$/);
  });

  test("before and after each commit, plan and kernel agree and nothing is left", async () => {
    expect(await crash("--commits")).toMatch(/^seed \d+: [1-9]\d+ killed, 0 left something wrong$/);
  });
});

/** A store whose nth commit from now fails, without being made or after it was. */
function failing(store: Store): Store & { fail: (commit: number, made: boolean) => void } {
  let left = 0;
  let asIfMade = false;
  const commit = async (changes: Commit) => {
    left -= 1;
    if (left !== 0) return await store.commit(changes);
    if (asIfMade) await store.commit(changes);
    throw new Error("the disk is on fire");
  };
  const fail = (which: number, made: boolean) => {
    left = which;
    asIfMade = made;
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") return commit;
      if (name === "fail") return fail;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as Store & { fail: (commit: number, made: boolean) => void };
}

/** Operations, each on what {@link prepared} has made. */
const operations: [string, (lab: Pick<Lab, "controller" | "named">) => Promise<unknown>][] = [
  ["createNetwork", ({ controller }) => controller.createNetwork({ name: "n2" })],
  [
    "createSandbox",
    ({ controller, named }) =>
      controller.createSandbox({
        ...{ name: named("new"), networks: ["n0", "n1"], ports: ["8081:80"] },
      }),
  ],
  ["connect", ({ controller, named }) => controller.connect("n1", named("s0"))],
  ["disconnect", ({ controller, named }) => controller.disconnect("n0", named("s0"))],
  ["deleteSandbox", ({ controller, named }) => controller.deleteSandbox(named("s0"))],
  ["deleteNetwork", ({ controller }) => controller.deleteNetwork("n1")],
];

describe.each([
  ["was not made", false],
  ["was made", true],
])("a commit that fails and %s", (_, made) => {
  // Side by side: most of the time they wait for the kernel.
  test.concurrent.each(operations)(
    "leaves %s undone or done, and others to be done",
    (_, operation) =>
      withLab(async ({ host, store, named }) => {
        const mortal = failing(store);
        const options = { host, store: mortal, name: "failing", table: "failing" };
        let failed = true;
        let commits = 0;
        while (failed) {
          commits += 1;
          const controller = await openController(options);
          try {
            await controller.createNetwork({ name: "n0" });
            await controller.createNetwork({ name: "n1" });
            await controller.createSandbox({
              ...{ name: named("s0"), networks: ["n0"], ports: ["8080:80"] },
            });
            mortal.fail(commits, made);
            failed = await operation({ controller, named }).then(
              () => false,
              () => true,
            );
            mortal.fail(0, false);
            // What could not be undone is looked at again before anything else is done.
            expect(await controller.plan()).toEqual([]);
            await controller.createNetwork({ name: "after" });
          } finally {
            await controller.close();
          }
          // The next controller has nothing but the plan to go by.
          const next = await openController(options);
          expect(await next.plan()).toEqual([]);
          await next.createSandbox({ name: named("later"), networks: ["n0"] });
          expect(await next.plan()).toEqual([]);
          await next.purge();
          await next.close();
        }
        expect(commits).toBeGreaterThan(2);
      }),
    120_000,
  );
});
