// Kills controllers in the midst of their work, and looks each time at what is left: nothing may be
// half-made, lost or forgotten. Prints what was wrong, and fails if anything was.
//
//   node scripts/sandbox.mjs scripts/crash.mjs [--kills N] [--seed N] [--commits]
//
// --kills N    lives that are ended at a moment of chance; 500 unless given
// --seed N     the same lives again; a life's length is chance in any case
// --commits    instead ends lives before and after each commit of each operation

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createNamespace, deleteNamespace } from "../dist/index.js";
import { openController, openLmdbStore } from "../dist/network/index.js";
import { judge } from "./crash/judge.mjs";
import { prepare, single } from "./crash/operations.mjs";
import { Random } from "./random.mjs";

const life = fileURLToPath(new URL("crash/life.mjs", import.meta.url));
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "500" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    commits: { type: "boolean", default: false },
  },
});

const ended = { killed: 0, wrong: 0 };
const files = await mkdtemp(join(tmpdir(), "vethwork-crash-"));
let hosts = 0;

/** A host and a plan, on which one life follows the other. */
class Lane {
  /** @param {string} name @param {import("../dist/index.js").Namespace} host @param {import("../dist/network/index.js").Store} store */
  constructor(name, host, store) {
    this.name = name;
    this.host = host;
    this.store = store;
    this.prefix = `${name}-`;
  }

  static async open() {
    hosts += 1;
    const name = `vethwork-${process.pid}-host${hosts}`;
    const host = await createNamespace({ name });
    return new Lane(name, host, await openLmdbStore({ directory: join(files, name) }));
  }

  /** A controller, as a process would open one after the last has died. */
  controller() {
    return openController({ host: this.host, store: this.store, name: "crash", waitMs: 60_000 });
  }

  /**
   * A process that lives on the same plan and host.
   *
   * @param {readonly string[]} args
   */
  begin(args) {
    return spawn(
      process.execPath,
      [life, join(files, this.name), this.name, this.prefix, ...args],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
  }

  /**
   * Looks at what a life has left.
   *
   * @param {string} which
   */
  async examine(which) {
    ended.killed += 1;
    const controller = await this.controller();
    try {
      const { store, name: host, prefix } = this;
      const wrong = await judge({ controller, store, host, prefix });
      if (wrong.length === 0) return;
      ended.wrong += 1;
      console.log(`${which}:\n  ${wrong.join("\n  ")}`);
      // So that the next life is not judged by the failures of this one.
      await controller.reconcile();
    } finally {
      await controller.close();
    }
  }

  async close() {
    const controller = await this.controller();
    await controller.purge();
    await controller.close();
    await this.store.close();
    await this.host.close();
    await deleteNamespace(this.name);
  }
}

/** @param {(lane: Lane) => Promise<void>} work */
async function withLane(work) {
  const lane = await Lane.open();
  try {
    await work(lane);
  } finally {
    await lane.close();
  }
}

/** @param {Lane} lane @param {Random} random @param {number} kills */
async function endByChance(lane, random, kills) {
  for (let number = 0; number < kills; number += 1) {
    const own = random.integer(0, 2 ** 31);
    const child = lane.begin(["chance", String(own)]);
    const exited = once(child, "exit");
    await Promise.race([once(child.stdout, "data"), exited]);
    await sleep(random.integer(0, 200));
    child.kill("SIGKILL");
    const [code, signal] = await exited;
    if (signal !== "SIGKILL") throw new Error(`life ${number} (seed ${own}) ended by ${code}`);
    await lane.examine(`life ${number} (seed ${own})`);
  }
}

/**
 * Ends one operation at each of its commits.
 *
 * @param {Lane} lane
 * @param {string} operation
 * @param {"before" | "after"} when
 */
async function endAtCommits(lane, operation, when) {
  for (let commit = 1; ; commit += 1) {
    const controller = await lane.controller();
    await prepare(controller, lane.prefix);
    await controller.close();
    const child = lane.begin([operation, String(commit), when]);
    const [code, signal] = await once(child, "exit");
    if (signal === "SIGKILL") await lane.examine(`${operation}, ${when} commit ${commit}`);
    else if (code === 0) return;
    else throw new Error(`${operation}, ${when} commit ${commit} ended by ${code}`);
  }
}

/** All moments of an operation, one after another. @param {string} operation */
async function endOperation(operation) {
  await withLane(async (lane) => {
    await endAtCommits(lane, operation, "before");
    await endAtCommits(lane, operation, "after");
  });
}

try {
  if (values.commits) await Promise.all(Object.keys(single).map(endOperation));
  else {
    const kills = Number(values.kills);
    // Two side by side, as most of the time each waits.
    const random = new Random(Number(values.seed));
    const halves = [kills >> 1, kills - (kills >> 1)];
    const lanes = halves.map((count) => ({ count, own: new Random(random.integer(0, 2 ** 31)) }));
    await Promise.all(
      lanes.map(({ count, own }) => withLane((lane) => endByChance(lane, own, count))),
    );
  }
} finally {
  await rm(files, { recursive: true });
}
console.log(`seed ${values.seed}: ${ended.killed} killed, ${ended.wrong} left something wrong`);
process.exitCode = ended.killed > 0 && ended.wrong === 0 ? 0 : 1;
