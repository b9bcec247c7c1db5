// `vethwork serve`: serves names, and keeps the kernel as the plan says.

import { type Namespace, watch } from "../../index.ts";
import type { Controller, NetworkEvent, Repair } from "../../network/index.ts";
import { Alarm } from "../alarm.ts";
import type { Call } from "../call.ts";
import { type Command, exitCodes, UsageError } from "../command.ts";
import { type Duties, hostOptions, withController } from "../host.ts";
import { integer } from "../values.ts";

/** Something that is printed: for machines the object, for people its text. */
interface Line {
  readonly text: string;
  readonly [property: string]: unknown;
}

function lineOfEvent(event: NetworkEvent): Line {
  const { type, action } = event;
  const network = "network" in event ? event.network.name : undefined;
  const sandbox = "sandbox" in event ? event.sandbox.name : undefined;
  const text = [type, action, network, sandbox].filter((word) => word !== undefined).join(" ");
  return { text, event: `${type} ${action}`, network, sandbox };
}

function lineOfRepair({ subject, problem, remedy, error }: Repair): Line {
  const failure = error?.message;
  const text = `${subject}: ${problem}; ${failure === undefined ? remedy : `failed: ${failure}`}`;
  return { text, event: "repair", subject, problem, remedy, error: failure };
}

/** Keeps one host until it is told to end. */
class Server {
  readonly #call: Call;
  readonly #controller: Controller;
  readonly #alarm = new Alarm();
  /** What could not be mended the last time, which is not told again. */
  #known = new Set<string>();

  constructor(call: Call, controller: Controller) {
    this.#call = call;
    this.#controller = controller;
  }

  say({ text, ...rest }: Line): void {
    const time = new Date().toISOString();
    const isJson = this.#call.text("format") === "json";
    this.#call.print(isJson ? JSON.stringify({ time, ...rest }) : `${time} ${text}`);
  }

  /** Tells what any controller of the host changes. */
  async tellEvents(signal: AbortSignal): Promise<void> {
    for await (const event of this.#controller.watch({ signal })) this.say(lineOfEvent(event));
  }

  /** Whatever changes in the kernel may be a difference from the plan. */
  async hearKernel(host: Namespace, signal: AbortSignal): Promise<void> {
    const nouns = { links: true, addresses: true, routes: true, namespaces: true };
    for await (const _ of watch(host, { ...nouns, signal })) this.#alarm.ring();
  }

  /** Mends what is not as planned: now, at every turn, and soon after the kernel was changed. */
  async keep(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const mended = await this.#mend();
      // What cannot be mended changes the kernel at every attempt: that is no reason for the next.
      await this.#alarm.wait({ everyMs, hears: mended, signal });
    }
  }

  async #mend(): Promise<boolean> {
    try {
      const repairs = await this.#controller.reconcile();
      const failed = repairs.filter(({ error }) => error !== undefined);
      const idle = repairs.filter(({ remedy }) => remedy.startsWith("none"));
      for (const repair of repairs) {
        const line = lineOfRepair(repair);
        if (!this.#known.has(line.text)) this.say(line);
      }
      this.#known = new Set([...failed, ...idle].map((repair) => lineOfRepair(repair).text));
      return failed.length === 0;
    } catch (error) {
      this.#call.complain(error);
      return false;
    }
  }
}

/** Aborted by the first signal that asks for an end; a second one ends the process at once. */
function endingBySignal(): AbortController {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
  return ending;
}

/** What the options say of the host's place among others. */
function clusterOf(call: Call): Pick<Duties, "cluster"> {
  const address = call.text("address");
  const lease = call.text("lease");
  if (address === undefined) {
    if (lease === undefined) return {};
    throw new UsageError("--lease means nothing without --address");
  }
  const ttlMs = integer("--lease", lease ?? "10", 1, 3600) * 1000;
  return { cluster: { address, ttlMs } };
}

async function run(call: Call): Promise<number> {
  const everyMs = integer("--every", call.text("every") ?? "30", 1, 86_400) * 1000;
  const cluster = clusterOf(call);
  const ending = endingBySignal();
  const { signal } = ending;
  return await withController(call, { serveNames: true, ...cluster }, async (controller, host) => {
    const server = new Server(call, controller);
    const address = call.text("address");
    const place = address === undefined ? "" : `, reached by other hosts at ${address}`;
    server.say({ text: `serving${place}`, event: "serving", address });
    const work = [
      server.tellEvents(signal),
      server.hearKernel(host, signal),
      server.keep(everyMs, signal),
    ];
    try {
      await Promise.all(work);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ending.abort();
      await Promise.allSettled(work);
    }
    server.say({ text: "ended", event: "ended" });
    return exitCodes.done;
  });
}

export const serveCommand: Command = {
  name: "serve",
  summary: "serves names, and keeps the kernel as the plan says, until it is ended",
  about: `Serves names to the sandboxes of the host, unless another process does, and from when that
ends. Mends what is not as the plan says: at its start, from time to time, and when the kernel is
changed. Prints a line for each thing that happens. SIGINT and SIGTERM end it; networks and
sandboxes stay.

With --address it also keeps the host's place among the hosts that share the store, which networks
across hosts need, and tells the host's networks of endpoints on others as they come and go. Where
it ends, the others wait for as long as --lease says for the next one before they take the host for
gone.`,
  examples: [
    "vethwork serve --every 60",
    "vethwork --store http://10.0.0.1:2379 serve --address 192.0.2.10",
  ],
  options: {
    every: { value: "SECONDS", help: "between two looks at all; 30 unless it is given" },
    address: {
      value: "ADDRESS",
      help: "the host's own address, by which other hosts reach it",
      property: "cluster.address",
    },
    lease: {
      value: "SECONDS",
      help: "for how long the host's place is kept after nobody renews it; 10 unless it is given",
    },
    format: { value: "FORMAT", choices: ["text", "json"], help: "the form of the lines" },
    ...hostOptions,
  },
  run,
};
