// What stores on servers take alike, and whether it is in order.

import { invalidArgument } from "../../errors.ts";

/** A text that is not empty. */
export function checkedText(property: string, text: unknown): string {
  if (typeof text !== "string") throw invalidArgument("type", property, "must be a string");
  if (text === "") throw invalidArgument("range", property, "must not be empty");
  return text;
}

/** After how many milliseconds a request is given up. */
export function checkedRequestTimeout(timeoutMs: unknown): number {
  const property = "requestTimeoutMs";
  if (typeof timeoutMs !== "number") throw invalidArgument("type", property, "must be a number");
  if (!Number.isInteger(timeoutMs) || timeoutMs < 100 || timeoutMs > 3_600_000) {
    throw invalidArgument("range", property, "must be an integer from 100 to 3600000");
  }
  return timeoutMs;
}
