// What a command of `vethwork` is.

import type { ParseArgsConfig } from "node:util";

/** What a command is called with. */
export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

/** One command: a thin skin over the library. */
export interface Command {
  readonly name: string;
  /** A line of the list of commands. */
  readonly summary: string;
  readonly help: string;
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** Does it and returns what is printed. Throws a `UsageError` if it was called wrongly. */
  readonly run: (args: Arguments) => Promise<string>;
}

/** A command was called in a way that it is not meant to be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
