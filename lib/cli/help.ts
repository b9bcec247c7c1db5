// The help of a command, from the table.

import type { Command, Operand, Option, Options } from "./command.ts";
import { hostOptions } from "./host.ts";

function operandText({ name, optional, many }: Operand): string {
  const several = many ? `${name}…` : name;
  return optional ? `[${several}]` : several;
}

function usage(path: readonly Command[]): string {
  const command = path.at(-1);
  const names = path.map(({ name }) => name);
  if (command?.commands) return `Usage: ${names.join(" ")} COMMAND [OPTION…]`;
  const options = command?.options ? ["[OPTION…]"] : [];
  const operands = (command?.operands ?? []).map(operandText);
  const program = command?.program ? ["[--] COMMAND [ARGUMENT…]"] : [];
  return `Usage: ${[...names, ...options, ...operands, ...program].join(" ")}`;
}

/** Two columns, the second one filled to the width of a terminal. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(Math.max(...rows.map(([left]) => left.length)), 28) + 2;
  const indent = " ".repeat(width + 2);
  return rows.flatMap(([left, right]) => {
    const lines = filled(right, 98 - indent.length);
    if (left.length > width - 2) return [`  ${left}`, ...lines.map((line) => indent + line)];
    const [first = "", ...more] = lines;
    return [`  ${left.padEnd(width)}${first}`, ...more.map((line) => indent + line)];
  });
}

function filled(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

function optionRow([name, option]: [string, Option]): [string, string] {
  const { short, also = [], value, choices, many, help } = option;
  const letter = short === undefined ? "    " : `-${short}, `;
  const names = [name, ...also].map((one) => `--${one}`).join(", ");
  const placeholder = value === undefined ? "" : ` ${value}`;
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.join(", ")}`]),
    ...(many ? ["can be repeated"] : []),
  ];
  const note = notes.length > 0 ? `; ${notes.join("; ")}` : "";
  return [`${letter}${names}${placeholder}`, `${help}${note}`];
}

function optionLists(options: Options): string[] {
  const all = Object.entries(options);
  const isOfHost = ([name]: [string, Option]) => Object.hasOwn(hostOptions, name);
  const own = all.filter((one) => !isOfHost(one));
  const ofHost = all.filter(isOfHost);
  return [
    ...(own.length > 0 ? ["", "Options:", ...columns(own.map(optionRow))] : []),
    ...(ofHost.length > 0 ? ["", "The host and its plan:", ...columns(ofHost.map(optionRow))] : []),
  ];
}

/** All that there is to say about the last command of a path. */
export function helpOf(path: readonly Command[]): string {
  const command = path.at(-1);
  if (command === undefined) return "";
  const { about, examples = [], options = {}, commands } = command;
  const lines = [usage(path), ...(about === undefined ? [] : ["", about.trim()])];
  if (commands !== undefined) {
    lines.push("", "Commands:");
    lines.push(...columns(commands.map(({ name, summary }) => [name, summary])));
  }
  lines.push(...optionLists(options));
  if (examples.length > 0) lines.push("", "Examples:", ...examples.map((line) => `  ${line}`));
  if (commands !== undefined) {
    const names = path.map(({ name }) => name).join(" ");
    lines.push("", `${names} COMMAND --help says more.`);
  }
  return lines.join("\n");
}
