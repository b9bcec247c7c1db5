// What a command of `vethwork` is: a row of the table from which it is parsed, explained, completed.

import type { Call } from "./call.ts";

/** How the command ends for whoever started it. */
export const exitCodes = { done: 0, failed: 1, misused: 2 } as const;

/** An option of a command. */
export interface Option {
  /** Its one letter. */
  readonly short?: string;
  /** Other names that it goes by. */
  readonly also?: readonly string[];
  /** What stands for its value in the help. An option without is a flag. */
  readonly value?: string;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  /** Whether each time that it is given counts, and not the last one alone. */
  readonly many?: boolean;
  /** A line of the help. */
  readonly help: string;
  /** The property of the library's that it fills: a refusal of that is one of the option. */
  readonly property?: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What a command is applied to. */
export interface Operand {
  /** `"NETWORK"` */
  readonly name: string;
  /** Whether there may be none. */
  readonly optional?: boolean;
  /** Whether there may be several. */
  readonly many?: boolean;
  /** The only words that it can be. */
  readonly choices?: readonly string[];
}

/** One command: a thin skin over the library. */
export interface Command {
  readonly name: string;
  /** A line of the list of commands. */
  readonly summary: string;
  /** What the help says of it, in full lines. */
  readonly about?: string;
  /** Lines that can be copied. */
  readonly examples?: readonly string[];
  readonly operands?: readonly Operand[];
  readonly options?: Options;
  /** Whether a program's command line follows, whose options are not this command's. */
  readonly program?: boolean;
  /** What it consists of. A command has either these or `run`. */
  readonly commands?: readonly Command[];
  /** Does it, and resolves with the exit code. Throws a `UsageError` if it was called wrongly. */
  readonly run?: (call: Call) => Promise<number>;
}

/** A command was called in a way that it is not meant to be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
