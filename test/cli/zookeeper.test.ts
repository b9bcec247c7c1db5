// The command with its plan in ZooKeeper.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacks } from "../support/features.ts";
import { withSandboxes } from "../support/sandbox.ts";
import { startZooKeeper, type ZooKeeper } from "../support/zookeeper.ts";
import { vethwork } from "./support.ts";

test.each(["zookeeper://", "zookeeper:///a", "zookeeper://127.0.0.1", "zookeeper://a:b@c:1/d"])(
  "--store %s is refused as a mistake of the caller",
  async (store) => {
    const { code, stderr } = await vethwork("--store", store, "network", "ls");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^vethwork: --store .* must be hosts with ports/);
    expect(stderr).not.toContain("a:b");
  },
);

describe.skipIf(await lacks("zookeeper"))("the command on ZooKeeper", () => {
  let zookeeper: ZooKeeper;
  beforeAll(async () => {
    zookeeper = await startZooKeeper();
  }, 60_000);
  afterAll(() => zookeeper.end());

  test("has one plan in each path", () =>
    withSandboxes(1, async ([host]) => {
      const { address } = zookeeper.server;
      const call = async (path: string, ...args: string[]) => {
        const store = `zookeeper://${address}${path}`;
        const { code, stdout } = await vethwork("--host", host.name, "--store", store, ...args);
        expect(code).toBe(0);
        return stdout;
      };
      await call("", "network", "create", "web");
      for (const [path, names] of [
        ["", ["web"]],
        ["/vethwork", ["web"]],
        ["/elsewhere", []],
      ] as const) {
        const listed = JSON.parse(await call(path, "network", "ls", "--format", "json"));
        expect(listed.map(({ name }: { name: string }) => name)).toEqual(names);
      }
      await call("", "network", "rm", "web");
    }));
});
