#!/usr/bin/env node
// The command `vethwork`: finds the command that is meant, and says how it ended.

import { readFileSync } from "node:fs";
import { Call } from "./call.ts";
import { exitCodes, type Options, UsageError } from "./command.ts";
import { root } from "./commands.ts";
import { describeFailure } from "./failure.ts";
import { helpOf } from "./help.ts";
import { asksFor, findCommand, readWords } from "./parse.ts";

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return JSON.parse(text).version;
}

/** Says on the standard error why it failed. */
function fail(error: unknown, options: Options, names: string): number {
  const { message, misused } = describeFailure(error, options);
  process.stderr.write(`vethwork: ${message}\n`);
  if (!misused) return exitCodes.failed;
  process.stderr.write(`${names} --help says what there is\n`);
  return exitCodes.misused;
}

/** Does what a command line says, and resolves with the exit code. */
async function answer(args: readonly string[]): Promise<number> {
  let options: Options = {};
  let names = root.name;
  try {
    const asksHelp = args[0] === "help";
    const meant = findCommand(root, asksHelp ? args.slice(1) : args);
    const command = meant.path.at(-1) ?? root;
    names = meant.path.map(({ name }) => name).join(" ");
    options = command.options ?? {};
    const isRoot = meant.path.length === 1;
    if (isRoot && asksFor("version", meant)) {
      process.stdout.write(`${version()}\n`);
      return exitCodes.done;
    }
    if (asksHelp || (isRoot && meant.args.length === 0) || asksFor("help", meant)) {
      process.stdout.write(`${helpOf(meant.path)}\n`);
      return exitCodes.done;
    }
    if (command.run === undefined) throw new UsageError("COMMAND is missing");
    return await command.run(new Call(root, options, readWords(command, meant.args)));
  } catch (error) {
    return fail(error, options, names);
  }
}

// Who has read enough, as `head`, closes the pipe: nothing more is to be said to them.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await answer(process.argv.slice(2));
