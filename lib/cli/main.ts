#!/usr/bin/env node
// The command `vethwork`: finds the command that is meant, and says how it ended.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "./command.ts";
import { topologyCommand } from "./commands/topology.ts";

const commands: readonly Command[] = [topologyCommand];

const exitCodes = { done: 0, failed: 1, misused: 2 } as const;

function help(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return [
    "Usage: vethwork COMMAND [OPTION…]",
    "",
    ...lines,
    "",
    "vethwork COMMAND --help says more. --version tells the version.",
    "",
  ].join("\n");
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return `${JSON.parse(text).version}\n`;
}

async function runCommand(command: Command, args: string[]): Promise<string> {
  if (args.includes("--help")) return command.help;
  const { options } = command;
  return await command.run(parseArgs({ args, options, allowPositionals: true }));
}

async function answer([first, ...rest]: string[]): Promise<string> {
  if (first === undefined || first === "--help" || first === "help") return help();
  if (first === "--version") return version();
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) throw new UsageError(`there is no command "${first}"`);
  return await runCommand(command, rest);
}

/** What `parseArgs` throws, or a command itself. */
function isMisuse(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && "code" in error && /PARSE_ARGS/.test(String(error.code));
}

try {
  process.stdout.write(await answer(process.argv.slice(2)));
  process.exitCode = exitCodes.done;
} catch (error) {
  const misused = isMisuse(error);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `vethwork: ${message}\n${misused ? "vethwork --help says what there is\n" : ""}`,
  );
  process.exitCode = misused ? exitCodes.misused : exitCodes.failed;
}
