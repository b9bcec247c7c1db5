// Routing daemons inside namespaces, each with a configuration of its own, of which nothing is left.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "./sandbox.ts";

/** Where a daemon is to run, and how. */
export interface BirdSpec {
  readonly sandbox: Sandbox;
  readonly config: string;
}

/** The configurations of BIRD in a document, from its first to its last. */
export async function configsIn(document: string): Promise<string[]> {
  const text = await readFile(new URL(`../../docs/${document}`, import.meta.url), "utf8");
  return [...text.matchAll(/^```bird\n(.*?)^```$/gms)].map(([, config = ""]) => config);
}

async function launch({ sandbox, config }: BirdSpec, directory: string): Promise<ChildProcess> {
  const path = (suffix: string) => join(directory, `${sandbox.name}.${suffix}`);
  await writeFile(path("conf"), config);
  const args = ["-f", "-c", path("conf"), "-s", path("ctl"), "-P", path("pid")];
  const child = spawn("ip", ["netns", "exec", sandbox.name, "bird", ...args], { stdio: "ignore" });
  await once(child, "spawn");
  return child;
}

/** A daemon that ends takes its routes out of the kernel. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** Runs a test with daemons, the nth of which `stop` ends before the others. */
export async function withBirds(
  specs: readonly BirdSpec[],
  test: (stop: (n: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "vethwork-bird-"));
  const children: ChildProcess[] = [];
  try {
    for (const spec of specs) children.push(await launch(spec, directory));
    await test(async (n) => {
      const child = children[n];
      if (child !== undefined) await end(child);
    });
  } finally {
    for (const child of children) await end(child);
    await rm(directory, { recursive: true });
  }
}
