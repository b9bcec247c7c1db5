// A command line taken apart: which command it means, and what that is called with.

import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Words } from "./call.ts";
import { type Command, type Operand, type Options, UsageError } from "./command.ts";

type ParseOptions = NonNullable<ParseArgsConfig["options"]>;

/** Options in the form of `parseArgs`; every command has `--help`. */
function parseOptions(options: Options): ParseOptions {
  const rows = Object.entries(options).flatMap(([name, { short, also = [], value }]) => {
    const type = value === undefined ? ("boolean" as const) : ("string" as const);
    const row = { type, multiple: type === "string" };
    const first: [string, ParseOptions[string]] = [name, short ? { ...row, short } : row];
    return [first, ...also.map((other): typeof first => [other, row])];
  });
  return { ...Object.fromEntries(rows), help: { type: "boolean" } };
}

/** Where the options that stand in front end: at the first operand, or behind `--`. */
function endOfOptions(args: readonly string[], options: ParseOptions, operands = 0) {
  const config = { options, strict: false, allowPositionals: true, tokens: true } as const;
  const { tokens } = parseArgs({ ...config, args: [...args] });
  let seen = 0;
  for (const token of tokens) {
    if (token.kind === "option-terminator") return { end: token.index, next: token.index + 1 };
    if (token.kind !== "positional") continue;
    if (seen === operands) return { end: token.index, next: token.index };
    seen += 1;
  }
  return { end: args.length, next: args.length };
}

/** A command with the names that lead to it, and the words that are its own. */
export interface Meant {
  readonly path: readonly Command[];
  readonly args: readonly string[];
}

/** Follows the names on a command line down the table; the root's options can stand before each. */
export function findCommand(root: Command, args: readonly string[]): Meant {
  const path = [root];
  let front: readonly string[] = [];
  let rest = args;
  for (;;) {
    const { commands } = path.at(-1) ?? root;
    if (commands === undefined) return { path, args: [...front, ...rest] };
    const { end } = endOfOptions(rest, parseOptions(root.options ?? {}));
    const word = rest[end];
    front = [...front, ...rest.slice(0, end)];
    if (word === undefined) return { path, args: front };
    const found = commands.find(({ name }) => name === word);
    const names = path.slice(1).map(({ name }) => `${name} `);
    if (!found) throw new UsageError(`there is no command "${names.join("")}${word}"`);
    path.push(found);
    rest = rest.slice(end + 1);
  }
}

/** Whether `--help` or `--version` stands among a command's own words. */
export function asksFor(what: "help" | "version", { path, args }: Meant): boolean {
  const command = path.at(-1);
  const options = command?.commands ? path[0]?.options : command?.options;
  const own = parseOptions(options ?? {});
  const { end } = endOfOptions(args, own, command?.program ? ownOperands(command) : args.length);
  const config = { args: args.slice(0, end), options: own, strict: false } as const;
  return parseArgs({ ...config, allowPositionals: true }).values[what] === true;
}

function ownOperands({ operands = [] }: Command): number {
  return operands.length;
}

function checkOperands(operands: readonly Operand[], given: readonly string[]): void {
  const missing = operands.find(({ optional }, position) => !optional && position >= given.length);
  if (missing !== undefined) throw new UsageError(`${missing.name} is missing`);
  const takesMore = operands.at(-1)?.many === true;
  const extra = given[operands.length];
  if (extra !== undefined && !takesMore) throw new UsageError(`"${extra}" is one word too many`);
  for (const [position, word] of given.entries()) {
    const { name, choices } = operands[Math.min(position, operands.length - 1)] ?? {};
    if (choices === undefined || choices.includes(word)) continue;
    throw new UsageError(`${name} must be one of ${choices.join(", ")}`);
  }
}

function checkChoices(options: Options, values: Words["values"]): void {
  for (const [name, { choices }] of Object.entries(options)) {
    const given = [values[name] ?? []].flat();
    if (choices === undefined || given.every((one) => choices.includes(String(one)))) continue;
    throw new UsageError(`--${name} must be one of ${choices.join(", ")}`);
  }
}

/**
 * Reads the words of a command.
 *
 * @throws {UsageError | TypeError} what is not as the table says
 */
export function readWords(command: Command, args: readonly string[]): Words {
  const { operands = [], options = {}, program: takesProgram = false } = command;
  const own = parseOptions(options);
  const cut = takesProgram
    ? endOfOptions(args, own, ownOperands(command))
    : { end: args.length, next: args.length };
  const head = args.slice(0, cut.end);
  const parsed = parseArgs({ args: [...head], options: own, allowPositionals: true });
  const program = args.slice(cut.next);
  checkChoices(options, parsed.values);
  checkOperands(operands, parsed.positionals);
  if (takesProgram && program.length === 0) throw new UsageError("COMMAND is missing");
  return { values: parsed.values, operands: parsed.positionals, program };
}
