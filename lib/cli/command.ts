// What a command of `vethwork` is.

/** What a command was called with: flags as they are named, with all their values. */
export interface Arguments {
  readonly flags: ReadonlySet<string>;
  /** The values of an option, in the order in which they were given. */
  readonly all: (option: string) => readonly string[];
  /** The last value of an option. */
  readonly last: (option: string) => string | undefined;
  /** What was given besides options. */
  readonly words: readonly string[];
  /** What came after `--`. */
  readonly rest: readonly string[];
}

/** An option of a command. */
export interface Option {
  /** One letter: `"d"` for `-d`. */
  readonly short?: string;
  /** What its value is called in the help; an option without one is a flag. */
  readonly value?: string;
  /** Half a sentence. */
  readonly help: string;
}

/** One command: a thin skin over the library. */
export interface Command {
  /** One word or two: `"topology"`, `"network create"`. */
  readonly name: string;
  /** A line of the list of commands. */
  readonly summary: string;
  /** What comes behind the name, options aside: `"NETWORK SANDBOX"`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
  /** How many words there are to be, at least and at most. */
  readonly words: readonly [least: number, most: number];
  /** Whether what comes behind the first words is somebody else's command line. */
  readonly passesOn?: boolean;
  /**
   * Does it, and returns what is printed, or the exit code of a program that it has run.
   *
   * @throws {UsageError} if it was called wrongly.
   */
  readonly run: (args: Arguments) => Promise<string | number>;
}

/** A command was called in a way that it is not meant to be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
