// How the library ends: with the process, with a worker thread, and with its own objects.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createLink, deleteLinks, deleteNamespace, listLinks } from "../lib/index.ts";
import { leaksSince, takeStock } from "../lib/testing/leaks.ts";
import { foreign } from "./support/foreign.ts";
import { ip, type Sandbox, withSandboxes } from "./support/sandbox.ts";

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a fixture, which uses the built library, to its end. */
async function run(fixture: string, ...args: string[]): Promise<End> {
  const path = fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, output, errors };
}

const success = { code: 0, signal: null, errors: "" };

describe("a process", () => {
  test("that calls process.exit() with calls in flight ends with its code", async () => {
    const end = await run("exit-in-flight.mjs", "exit");
    expect(end).toMatchObject({ code: 7, signal: null, errors: "" });
  });

  test("that fails with calls in flight says why, and does not crash", async () => {
    const end = await run("exit-in-flight.mjs", "throw");
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.errors).toContain("nobody catches this");
  });

  test("is not kept alive by an open handle", async () => {
    expect(await run("idle-handle.mjs")).toMatchObject({ ...success, output: "idle\n" });
  });

  test("is kept alive by a call until it is settled", async () => {
    expect(await run("pending-call.mjs")).toMatchObject({ ...success, output: "settled\n" });
  });
});

describe("worker threads", () => {
  test("one by itself can work", async () => {
    expect(await run("workers.mjs", "1")).toMatchObject({ ...success, output: "done\n" });
  });

  test("four at once can work", async () => {
    expect(await run("workers.mjs", "4")).toMatchObject({ ...success, output: "done\n" });
  });

  test("one can work beside the main thread", async () => {
    expect(await run("workers.mjs", "1", "main")).toMatchObject({ ...success, output: "done\n" });
  });

  test("can be terminated with calls in flight", async () => {
    expect(await run("terminate-worker.mjs")).toMatchObject({ ...success, output: "done\n" });
  });
});

describe("open watchers", () => {
  test("do not keep the process alive by themselves", async () => {
    expect(await run("watchers.mjs", "idle")).toMatchObject({ ...success, output: "idle\n" });
  });

  test("keep it alive as long as somebody waits for an event", async () => {
    const end = await run("watchers.mjs", "waiting");
    expect(end).toMatchObject({ ...success, output: "added\n" });
    await deleteNamespace("watched");
  });

  test("in the middle of a flood do not hinder process.exit()", async () => {
    expect(await run("watchers.mjs", "exit")).toMatchObject({ code: 7, signal: null, errors: "" });
  });

  test("in worker threads can be terminated in the middle of a flood", async () => {
    const end = await run("watchers.mjs", "terminate");
    expect(end).toMatchObject({ ...success, output: "done\n" });
  });

  test("that are forgotten are closed when they are collected", async () => {
    const end = await run("watchers.mjs", "forget");
    expect(end).toMatchObject({ ...success, output: "collected\n" });
  });
});

describe("10,000 veth pairs made and deleted", () => {
  const batch = 250;
  const batches = 40;
  const warmUp = 4;
  const allowedGrowth = 48 * 1024 * 1024;

  async function makeAndDelete(sandbox: Sandbox): Promise<void> {
    const links = await Promise.all(
      Array.from({ length: batch }, (_, number) =>
        createLink(sandbox, { kind: "veth", name: `a${number}` }),
      ),
    );
    await deleteLinks(sandbox, links);
  }

  test("leave no descriptors, threads, links or memory behind", { timeout: 60_000 }, async () => {
    await withSandboxes(1, async ([sandbox]) => {
      for (let round = 0; round < warmUp; round += 1) await makeAndDelete(sandbox);
      const stock = takeStock();
      const { rss } = process.memoryUsage();
      for (let round = warmUp; round < batches; round += 1) await makeAndDelete(sandbox);
      expect(process.memoryUsage().rss - rss).toBeLessThan(allowedGrowth);
      expect(await leaksSince(stock, { ignore: foreign })).toEqual([]);
      expect((await listLinks(sandbox)).map(({ name }) => name)).toEqual(["lo"]);
      expect(await ip(sandbox, "link")).toHaveLength(1);
    });
  });
});
