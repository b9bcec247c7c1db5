#!/usr/bin/env node
// The command `vethwork`: finds the command that is meant, and says how it ended.

import { readFileSync } from "node:fs";
import { NetworkError } from "../network/index.ts";
import { readArguments } from "./arguments.ts";
import { type Command, UsageError } from "./command.ts";
import { completionCommand } from "./commands/completion.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { networkCommands } from "./commands/network.ts";
import { sandboxCommands } from "./commands/sandbox.ts";
import { serveCommand } from "./commands/serve.ts";
import { topCommand } from "./commands/top.ts";
import { topologyCommand } from "./commands/topology.ts";
import { helpOf, helpOfAll } from "./help.ts";

const commands: readonly Command[] = [
  ...networkCommands,
  ...sandboxCommands,
  ...[serveCommand, doctorCommand, topologyCommand, topCommand],
  completionCommand(() => commands),
];

const exitCodes = { done: 0, failed: 1, misused: 2 } as const;

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return `${JSON.parse(text).version}\n`;
}

/** The command that is meant, by its one or two words, and what comes behind them. */
function find(args: readonly string[]): { command: Command; rest: readonly string[] } {
  for (const length of [2, 1]) {
    const name = args.slice(0, length).join(" ");
    const command = commands.find((one) => one.name === name);
    if (command !== undefined) return { command, rest: args.slice(length) };
  }
  const [first = ""] = args;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length === 0) throw new UsageError(`there is no command "${first}"`);
  const seconds = group.map(({ name }) => name.slice(first.length + 1));
  throw new UsageError(`"${first}" is followed by ${seconds.join(", ")}`);
}

async function answer(args: readonly string[]): Promise<string | number> {
  const [first] = args;
  if (first === undefined || first === "--help" || first === "help") return helpOfAll(commands);
  if (first === "--version") return version();
  const { command, rest } = find(args);
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (own[0] === "--help" || (!command.passesOn && own.includes("--help"))) return helpOf(command);
  return await command.run(readArguments(command, rest));
}

/** What went wrong, in a line, with its code. */
function sentenceOf(error: unknown): string {
  if (error instanceof NetworkError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

/** Arguments that the library refuses are as wrong as those that this refuses. */
function isMisuse(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return error instanceof Error && "code" in error && /^ERR_(?:OUT|INVALID)/.test(`${error.code}`);
}

try {
  const result = await answer(process.argv.slice(2));
  if (typeof result === "string") process.stdout.write(result);
  process.exitCode = typeof result === "string" ? exitCodes.done : result;
} catch (error) {
  const misused = isMisuse(error);
  const hint = misused ? "vethwork --help says what there is\n" : "";
  process.stderr.write(`vethwork: ${sentenceOf(error)}\n${hint}`);
  process.exitCode = misused ? exitCodes.misused : exitCodes.failed;
}
