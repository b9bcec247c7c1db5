// What there is, and how it is called: from the commands' own tables.

import type { Command } from "./command.ts";

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join("");
}

/** All commands, a line each. */
export function helpOfAll(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return `Usage: vethwork COMMAND [OPTION…]

${columns(rows)}
vethwork COMMAND --help says more. --version tells the version.
`;
}

/** One command with its options. */
export function helpOf({ name, summary, usage, options }: Command): string {
  const rows = Object.entries(options).map(([option, { short, value, help }]) => {
    const letter = short === undefined ? "    " : `-${short}, `;
    return [`${letter}--${option}${value === undefined ? "" : ` ${value}`}`, help] as const;
  });
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  const line = ["vethwork", name, usage].filter((part) => part !== "").join(" ");
  return `Usage: ${line} [OPTION…]\n\n${sentence}\n\n${columns(rows)}`;
}
