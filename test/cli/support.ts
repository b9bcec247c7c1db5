// A host for a test, and the built command as a child of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, vi } from "vitest";
import { type Sandbox, withSandboxes } from "../support/sandbox.ts";

// Every call is a process of its own, and a test makes many.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const run = promisify(execFile);

/** The command as it is installed. */
export const main = "dist/cli/main.js";

/** How a child ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command to its end. */
export async function vethwork(...args: readonly string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, [main, ...args])) };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    return { code, stdout, stderr };
  }
}

/** A command that runs, and what it prints. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the first line, of all that it prints, that has a text in it. */
  readonly said: (text: string) => Promise<string>;
  readonly ended: Promise<number | null>;
}

/** A host with a plan of its own. */
export interface Desk {
  readonly host: Sandbox;
  /** What the host has a link to, which it calls 198.51.100.1, being 198.51.100.2 itself. */
  readonly world: Sandbox;
  /** The global options that mean the host. */
  readonly options: readonly string[];
  /** A name that no other test of the machine has. */
  readonly named: (word: string) => string;
  /** Runs a command on the host. */
  readonly call: (command: string, ...args: string[]) => Promise<Ended>;
  /** Runs one that has to succeed without complaint, and gives what it prints. */
  readonly get: (command: string, ...args: string[]) => Promise<string>;
  /** The same, of one that prints JSON. */
  readonly getJson: (command: string, ...args: string[]) => Promise<Json>;
  /** Starts one that is ended with the test, if not before. */
  readonly start: (command: string, ...args: string[]) => Running;
}

// biome-ignore lint/suspicious/noExplicitAny: a test that relies on a member that is not there fails
export type Json = any;

let desks = 0;

/** Starts the command, for the caller to end. */
export function start(args: readonly string[]): Running {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const said = (text: string) =>
    new Promise<string>((resolve) => {
      const look = () => {
        const found = lines.find((line) => line.includes(text));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { child, said, ended: once(child, "exit").then(([code]) => code) };
}

/** Runs a test on a host of its own, of which nothing is left. */
export async function withDesk(test: (desk: Desk) => Promise<void>): Promise<void> {
  await withSandboxes(2, async ([host, world]) => {
    desks += 1;
    const prefix = `vethwork-${process.pid}-cli${desks}-`;
    const directory = await mkdtemp(join(tmpdir(), "vethwork-cli-"));
    const options = ["--host", host.name, "--store", join(directory, "plan")];
    const call = (command: string, ...args: string[]) =>
      vethwork(...command.split(" "), ...options, ...args);
    const get = async (command: string, ...args: string[]) => {
      const ended = await call(command, ...args);
      expect({ command, args, ...ended }).toMatchObject({ code: 0, stderr: "" });
      return ended.stdout;
    };
    const running: Running[] = [];
    try {
      await test({
        ...{ host, world, options, call, get },
        named: (word) => prefix + word,
        getJson: async (command, ...args) => JSON.parse(await get(command, ...args)),
        start: (command, ...args) => {
          const started = start([...command.split(" "), ...options, ...args]);
          running.push(started);
          return started;
        },
      });
    } finally {
      for (const { child, ended } of running) {
        child.kill("SIGKILL");
        await ended;
      }
      const ids = wordsOf((await call("sandbox ls", "-q")).stdout);
      if (ids.length > 0) await call("sandbox rm", ...ids);
      await rm(directory, { recursive: true });
    }
  });
}

/** The words of a text. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** The lines of a text. */
export function linesOf(text: string): string[] {
  return text.trimEnd().split("\n");
}

/** Results of work on each, a few at a time: other tests want the machine too. */
export async function eachOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let next = 0; next < items.length; next += 3) {
    results.push(...(await Promise.all(items.slice(next, next + 3).map(work))));
  }
  return results;
}
