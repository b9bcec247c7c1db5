// What a command is called with, and where it says what it has to say.

import type { Command, Options } from "./command.ts";
import { describeFailure } from "./failure.ts";

/** The values of options as `parseArgs` of Node gives them. */
export type Values = Readonly<Record<string, unknown>>;

/** The words of a command line by what they are. */
export interface Words {
  readonly values: Values;
  readonly operands: readonly string[];
  /** The command line of a program, for the commands that take one. */
  readonly program: readonly string[];
}

/** One call of a command. */
export class Call {
  /** The table of all commands. */
  readonly root: Command;
  readonly operands: readonly string[];
  readonly program: readonly string[];
  readonly #options: Options;
  readonly #values: Values;

  constructor(root: Command, options: Options, { values, operands, program }: Words) {
    this.root = root;
    this.operands = operands;
    this.program = program;
    this.#options = options;
    this.#values = values;
  }

  /** Whether a flag was given. */
  flag(option: string): boolean {
    return this.#values[option] === true;
  }

  /** The value of an option, the last one; `undefined` if it was not given. */
  text(option: string): string | undefined {
    return this.texts(option).at(-1);
  }

  /** All values of an option, under whichever of its names. */
  texts(option: string): readonly string[] {
    const names = [option, ...(this.#options[option]?.also ?? [])];
    const given = names.flatMap((name) => this.#values[name] ?? []);
    return given.filter((value) => typeof value === "string");
  }

  /** Whether an option was given at all. */
  has(option: string): boolean {
    return this.flag(option) || this.texts(option).length > 0;
  }

  /** An operand that the table says is there. */
  operand(position: number): string {
    return this.operands[position] ?? "";
  }

  /** Prints a line, or several. */
  print(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Prints a value for machines. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /** Says that something failed, while the command goes on. */
  complain(error: unknown): void {
    process.stderr.write(`vethwork: ${describeFailure(error, this.#options).message}\n`);
  }

  /**
   * Does something with each, one after another, and goes on after a failure. On a terminal, it
   * shows how far it is. Resolves with false if any failed.
   */
  async each(
    items: readonly string[],
    doing: string,
    work: (item: string) => Promise<void>,
  ): Promise<boolean> {
    const shows = process.stderr.isTTY && items.length > 1;
    let succeeded = true;
    for (const [position, item] of items.entries()) {
      const count = `${position + 1} of ${items.length}`;
      if (shows) process.stderr.write(`\r\x1b[K${doing} ${item}, ${count}\r`);
      try {
        await work(item);
      } catch (error) {
        succeeded = false;
        this.complain(error);
      }
    }
    if (shows) process.stderr.write("\x1b[K");
    return succeeded;
  }
}
