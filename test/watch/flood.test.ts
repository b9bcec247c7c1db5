// Floods: more changes than anybody can keep up with. In the end the view is what fresh lists say.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  createLink,
  createNamespace,
  listLinks,
  type Namespace,
  type WatchOptions,
  watch,
} from "../../lib/index.ts";
import { type Sandbox, withSandboxes } from "../support/sandbox.ts";
import { View } from "../support/view.ts";

/** Has `ip` carry out commands inside, as fast as it can, whatever this process does meanwhile. */
function actAll(sandbox: Sandbox, commands: readonly string[]): ChildProcess {
  const path = join(tmpdir(), `${sandbox.name}.commands`);
  writeFileSync(path, commands.join("\n"));
  const file = openSync(path, "r");
  unlinkSync(path);
  const args = ["-n", sandbox.name, "-force", "-batch", "-"];
  const actor = spawn("ip", args, { stdio: [file, "ignore", "ignore"] });
  closeSync(file);
  return actor;
}

const pairs = 1000;
const rounds = 10;

/** 20,000 changes: each of 2,000 links ten times. */
const changes = Array.from({ length: pairs * rounds }, (_, number) => {
  const mtu = 1300 + Math.floor(number / pairs);
  return [
    `link set dev a${number % pairs} mtu ${mtu}`,
    `link set dev b${number % pairs} mtu ${mtu}`,
  ];
}).flat();

/** Stops the event loop, and all that is written in JavaScript, as long as a process runs. */
function blockBeside({ pid }: ChildProcess): void {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  const isRunning = () => !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  while (isRunning()) Atomics.wait(nothing, 0, 0, 10);
}

async function withManyLinks(test: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  await withSandboxes(
    1,
    async ([sandbox]) => {
      const create = (_: unknown, number: number) =>
        createLink(sandbox, { kind: "veth", name: `a${number}`, peer: { name: `b${number}` } });
      await Promise.all(Array.from({ length: pairs }, create));
      await test(sandbox);
    },
    { ipv6: false },
  );
}

describe("20,000 changes", () => {
  const cases: [string, WatchOptions, boolean][] = [
    ["that are listened to", {}, false],
    ["for which the kernel keeps hardly a byte", { receiveBuffer: 1 }, false],
    ["beside a blocked event loop", { receiveBuffer: 1 }, true],
  ];
  test.each(cases)("%s", { timeout: 60_000 }, (_, options, blocked) =>
    withManyLinks(async (sandbox) => {
      await using watcher = watch(sandbox, { links: true, snapshot: true, ...options });
      const view = new View(watcher);
      await watcher.ready();
      const actor = actAll(sandbox, changes);
      const ended = once(actor, "exit");
      if (blocked) blockBeside(actor);
      await ended;
      await view.agrees(sandbox, ["link"]);
      expect(view.count("synced")).toBe(1);
      if (blocked) expect(view.count("resynced")).toBeGreaterThan(0);
      expect((await listLinks(sandbox)).filter(({ mtu }) => mtu === 1309)).toHaveLength(2 * pairs);
    }),
  );

  test("that nobody takes are kept by link, not one by one", { timeout: 60_000 }, () =>
    withManyLinks(async (sandbox) => {
      await using watcher = watch(sandbox, { links: true, receiveBuffer: 1, snapshot: true });
      await watcher.ready();
      const actor = actAll(sandbox, changes);
      const view = new View(watcher, once(actor, "exit"));
      await once(actor, "exit");
      await view.agrees(sandbox, ["link"]);
      // One for each link, and some of what was still to be listed when the flood was over.
      expect(view.count("changed")).toBeGreaterThanOrEqual(2 * pairs);
      expect(view.count("changed")).toBeLessThan(changes.length / 3);
    }),
  );
});

test("links that come and go by the thousand, behind everybody's back, leave no trace", () =>
  withSandboxes(
    1,
    async ([sandbox]) => {
      await using watcher = watch(sandbox, { links: true, receiveBuffer: 1, snapshot: true });
      const view = new View(watcher);
      await watcher.ready();
      const name = (number: number) => `link add name n${number} type veth peer name m${number}`;
      const actor = actAll(sandbox, [
        ...Array.from({ length: 1000 }, (_, number) => name(number)),
        ...Array.from({ length: 30 }, (_, number) => `link del dev n${number}`),
      ]);
      const ended = once(actor, "exit");
      blockBeside(actor);
      await ended;
      await view.agrees(sandbox, ["link"]);
    },
    { ipv6: false },
  ));

/** How many threads this process has. */
function threads(): number {
  return readdirSync("/proc/self/task").length;
}

test("500 namespaces are watched by one thread", { timeout: 60_000 }, async () => {
  const namespaces: Namespace[] = await Promise.all(
    Array.from({ length: 500 }, () => createNamespace({ ipv6: false })),
  );
  // Besides that one, only workers can come: four at most, which are started when they are needed.
  const withWorkers = threads() + 4;
  const watchers = namespaces.map((namespace) => watch(namespace, { links: true, routes: true }));
  try {
    await Promise.all(watchers.map((watcher) => watcher.ready()));
    expect(threads()).toBeLessThanOrEqual(withWorkers + 1);
    const events = watchers.map((watcher) => watcher.next());
    await Promise.all(
      namespaces.map((namespace, number) =>
        createLink(namespace, { kind: "veth", name: `n${number}` }),
      ),
    );
    const links = (await Promise.all(events)).map(({ value }) =>
      value?.type === "added" && value.noun === "link" ? value.link.kind : undefined,
    );
    expect(links).toEqual(Array(500).fill("veth"));
    expect(threads()).toBeLessThanOrEqual(withWorkers + 1);
  } finally {
    await Promise.all(watchers.map((watcher) => watcher.close()));
    await Promise.all(namespaces.map((namespace) => namespace.close()));
  }
  expect(threads()).toBeLessThanOrEqual(withWorkers);
});
