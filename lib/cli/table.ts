// Tables for people.

/** Columns side by side, each as wide as its widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   "))
    .map((line) => line.trimEnd())
    .join("\n");
}

/** As much of an id as people need. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
