// What the kernel reports, compared with what it was given.

import { isDeepStrictEqual } from "node:util";

/** Whether everything that is expected was reported; the kernel reports defaults besides. */
export function covers(reported: unknown, expected: unknown): boolean {
  if (expected instanceof Uint8Array) return isDeepStrictEqual(reported, expected);
  if (Array.isArray(expected)) {
    return (
      Array.isArray(reported) &&
      reported.length === expected.length &&
      expected.every((one, n) => covers(reported[n], one))
    );
  }
  if (typeof expected !== "object" || expected === null) return reported === expected;
  if (typeof reported !== "object" || reported === null) return false;
  const values = reported as Record<string, unknown>;
  return Object.entries(expected).every(([name, value]) => covers(values[name], value));
}
