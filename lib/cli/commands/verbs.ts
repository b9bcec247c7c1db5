// What `ls`, `inspect` and `rm` do, whatever the noun.

import { type Controller, NetworkError, type NetworkErrorCode } from "../../network/index.ts";
import type { Call } from "../call.ts";
import { exitCodes } from "../command.ts";
import { withController } from "../host.ts";
import { shortId, table } from "../table.ts";

/** How a noun is listed. */
export interface Columns<T> {
  readonly head: readonly string[];
  readonly row: (one: T) => string[];
  /** What `--quiet` prints of each. */
  readonly handle: (one: T) => string;
}

/** The handle of what has an id. */
export const byId = ({ id }: { readonly id: string }): string => shortId(id);

/** Prints all of a noun: as a table, as JSON, or only what each is called by. */
export function printList<T>(
  call: Call,
  all: readonly T[],
  { head, row, handle }: Columns<T>,
): number {
  if (call.flag("quiet")) for (const one of all) call.print(handle(one));
  else if (call.text("format") === "json") call.printJson(all);
  else call.print(table(head, all.map(row)));
  return exitCodes.done;
}

/** Prints those that are named as one JSON array, in the library's form or in Docker's. */
export async function inspectEach<T>(
  call: Call,
  inspect: (controller: Controller, name: string) => Promise<T>,
  toDocker: (one: T) => unknown,
): Promise<number> {
  const shown: unknown[] = [];
  const succeeded = await withController(call, {}, (controller) =>
    call.each(call.operands, "inspecting", async (name) => {
      const one = await inspect(controller, name);
      shown.push(call.text("format") === "docker" ? toDocker(one) : one);
    }),
  );
  call.printJson(shown);
  return succeeded ? exitCodes.done : exitCodes.failed;
}

/** Removes those that are named; by force, one that is not there is no error. */
export async function removeEach(
  call: Call,
  remove: (controller: Controller, name: string) => Promise<void>,
  missing: NetworkErrorCode,
): Promise<number> {
  const succeeded = await withController(call, {}, (controller) =>
    call.each(call.operands, "removing", async (name) => {
      try {
        await remove(controller, name);
        call.print(name);
      } catch (error) {
        const isMissing = error instanceof NetworkError && error.code === missing;
        if (!isMissing || !call.flag("force")) throw error;
      }
    }),
  );
  return succeeded ? exitCodes.done : exitCodes.failed;
}
