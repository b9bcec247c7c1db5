// Faults of the kernel in the midst of every operation: each settles, tells, leaves nothing, and spoils
// nothing of what comes later.

import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const source = new URL("kernel.cpp", import.meta.url).pathname;
const script = new URL("../fixtures/faults.mjs", import.meta.url).pathname;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "vethwork-faults-"));
  const flags = ["-std=c++20", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"];
  const out = join(directory, "kernel.so");
  const { stderr, status } = spawnSync("c++", [...flags, "-o", out, source, "-ldl"], {
    encoding: "utf8",
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** VETHWORK_ALL_FAULTS has every case tried, which takes some minutes. */
const all = process.env.VETHWORK_ALL_FAULTS !== undefined;

async function meetFaults(operation: string, stride: number) {
  const shared = join(directory, operation);
  writeFileSync(shared, Buffer.alloc(4096));
  const { stdout } = await run(
    process.execPath,
    ["--expose-gc", script, operation, String(all ? 1 : stride)],
    {
      env: {
        ...process.env,
        LD_PRELOAD: join(directory, "kernel.so"),
        VETHWORK_FAULTS: shared,
      },
    },
  );
  return JSON.parse(stdout) as { cases: number; refused: number; problems: string[] };
}

describe("operations", () => {
  test.each([
    ...["createNamespace", "createNamedNamespace", "deleteNamespace", "openNamespace"],
    ...["createLink", "getLink", "listLinks", "deleteLink", "setLink"],
    ...["addAddress", "listAddresses", "addRoute", "sysctl", "counters", "countersOfProc"],
    ...["sockets", "transaction"],
  ])("%s", { timeout: 120_000 }, async (operation) => {
    const { cases, refused, problems } = await meetFaults(operation, 1);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(1);
    expect(refused).toBeGreaterThan(0);
  });

  test.each(["deleteLinks", "moveLink", "endpoints", "sampler", "watch"])(
    "%s",
    { timeout: 300_000 },
    async (operation) => {
      const { cases, problems } = await meetFaults(operation, 5);
      expect(problems).toEqual([]);
      expect(cases).toBeGreaterThan(5);
    },
  );
});

describe("steps of the network model", () => {
  test.each(["createNetwork", "createSandbox", "connectNetwork", "deleteSandbox"])(
    "%s",
    { timeout: 600_000 },
    async (operation) => {
      const { cases, refused, problems } = await meetFaults(operation, 7);
      expect(problems).toEqual([]);
      expect(cases).toBeGreaterThan(10);
      expect(refused).toBeGreaterThan(5);
    },
  );
});
