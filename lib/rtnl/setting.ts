// Settings of a namespace as they are written below /proc/sys/net.

import { invalidArgument } from "../errors.ts";

/** The path below /proc/sys/net; nothing that a name says leads out of there. */
export function settingPath(name: unknown): string {
  if (typeof name !== "string") throw invalidArgument("type", "name", "must be a string");
  const [separator] = /[./]/.exec(name) ?? ["."];
  const swapped = separator === "." ? name.replace(/[./]/g, (c) => (c === "." ? "/" : ".")) : name;
  const [first, ...components] = swapped.split("/");
  const improper = components.some((part) => part === "" || part === "." || part === "..");
  if (first !== "net" || components.length === 0 || improper || name.includes("\0")) {
    throw invalidArgument("range", "name", `${JSON.stringify(name)} is no setting below "net"`);
  }
  return components.join("/");
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case "boolean":
      return value ? "1" : "0";
    case "number":
      if (Number.isSafeInteger(value)) return String(value);
      throw invalidArgument("range", "value", "must be an integer of at most 53 bits");
    case "string":
      if (!/[\n\0]/.test(value)) return value;
      throw invalidArgument("range", "value", "must be one line without NUL");
    default:
      throw invalidArgument("type", "value", "must be a string, a number or a boolean");
  }
}

/**
 * What is written for a value. With the newline even an empty value is one, and clears lists;
 * without, nothing would be set.
 */
export function settingLine(value: unknown): string {
  return `${textOf(value)}\n`;
}
