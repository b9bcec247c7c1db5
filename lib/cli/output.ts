// Tables for people and JSON for machines.

import { type Arguments, type Option, UsageError } from "./command.ts";

/** How what there is is printed. */
export const formatOption: Readonly<Record<"format", Option>> = {
  format: { value: "FORMAT", help: "table, or json for machines; table unless it is given" },
};

/** Columns under their heads, as wide as they have to be. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...all.map((cells) => (cells[column] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd();
  return `${all.map(line).join("\n")}\n`;
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** What was asked for, of some formats; the first is the default. */
export function formatOf<T extends string>(args: Arguments, formats: readonly [T, ...T[]]): T {
  const asked = args.last("format") ?? formats[0];
  const found = formats.find((format) => format === asked);
  if (found === undefined) throw new UsageError(`--format must be one of ${formats.join(", ")}`);
  return found;
}

/** The first digits of an id, as Docker shows them. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
