// `vethwork serve`: serves names, and keeps the host as the plan says, until it is told to stop.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Controller } from "../../network/index.ts";
import { type Command, UsageError } from "../command.ts";
import { controllerOptions, integer, withController } from "../controller.ts";

/** Mends what is not as planned, and prints what that was. */
async function reconcile(controller: Controller): Promise<void> {
  for (const { subject, problem, remedy, error } of await controller.reconcile()) {
    const outcome = error === undefined ? remedy : `not mended: ${error.message}`;
    process.stdout.write(`${subject}: ${problem}; ${outcome}\n`);
  }
}

/** Resolves when the process is told to stop. */
async function stopped(): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const told = (["SIGINT", "SIGTERM"] as const).map((name) => once(process, name, { signal }));
  await Promise.race(told);
  ending.abort();
  await Promise.allSettled(told);
}

async function keep(controller: Controller, periodMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await reconcile(controller).catch((error: unknown) => {
      process.stderr.write(`vethwork: ${error instanceof Error ? error.message : error}\n`);
    });
    await sleep(periodMs, undefined, { signal }).catch(() => undefined);
  }
}

export const serveCommand: Command = {
  name: "serve",
  summary: "serves names, and mends what is not as planned, until it is told to stop",
  usage: "",
  options: {
    period: { value: "SECONDS", help: "how often it looks; 10" },
    ...controllerOptions,
  },
  words: [0, 0],
  run: (args) => {
    const period = integer(args, "period") ?? 10;
    if (period < 1 || period > 86_400) throw new UsageError("--period must be from 1 to 86400");
    const serve = async (controller: Controller) => {
      const ending = new AbortController();
      const keeping = keep(controller, period * 1000, ending.signal);
      process.stdout.write("serving\n");
      await stopped();
      ending.abort();
      await keeping;
      return 0;
    };
    return withController(args, serve, true);
  },
};
