// The command line, read by the table of a command's options.

import { parseArgs } from "node:util";
import { type Arguments, type Command, UsageError } from "./command.ts";

/** Splits off what a command passes on: what is behind its own words, or behind `--`. */
function split(command: Command, args: readonly string[]): [own: string[], rest: string[]] {
  const end = args.indexOf("--");
  if (end >= 0) return [args.slice(0, end), args.slice(end + 1)];
  if (!command.passesOn) return [[...args], []];
  let words = 0;
  for (let position = 0; position < args.length; position += 1) {
    const arg = args[position] ?? "";
    if (arg.startsWith("-") && arg !== "-") {
      if (takesNext(command, arg)) position += 1;
      continue;
    }
    words += 1;
    if (words > command.words[1]) return [args.slice(0, position), args.slice(position)];
  }
  return [[...args], []];
}

/** Whether the value of an option is the next word. */
function takesNext({ options }: Command, arg: string): boolean {
  if (arg.includes("=")) return false;
  const [, option] =
    Object.entries(options).find(([name, { short }]) =>
      arg.startsWith("--") ? arg === `--${name}` : arg === `-${short}`,
    ) ?? [];
  return option?.value !== undefined;
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} for options that there are not, or too few or too many words.
 */
export function readArguments(command: Command, args: readonly string[]): Arguments {
  const [own, rest] = split(command, args);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { short, value }]) => [
      name,
      {
        type: value === undefined ? ("boolean" as const) : ("string" as const),
        ...(short === undefined ? {} : { short }),
        multiple: true as const,
      },
    ]),
  );
  const { values, positionals: words } = parse(own, options);
  const [least, most] = command.words;
  if (words.length < least) throw new UsageError(`${command.name} wants ${command.usage}`);
  if (words.length > most) throw new UsageError(`"${words[most]}" is too much`);
  const all = (option: string) => (values[option] ?? []).filter((one) => typeof one === "string");
  return {
    flags: new Set(Object.keys(values).filter((name) => values[name]?.includes(true))),
    all,
    last: (option) => all(option).at(-1),
    words,
    rest,
  };
}

function parse(
  args: string[],
  options: Record<string, { type: "boolean" | "string"; short?: string; multiple: true }>,
): { values: Record<string, (string | boolean)[] | undefined>; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
