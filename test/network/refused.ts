// What tells one refusal of the network model from another.

import { NetworkError } from "../../lib/network/errors.ts";

/** Code and conflict, or code and property, of what refuses work; undefined if nothing does. */
export async function refused(
  work: () => unknown,
): Promise<{ code: unknown; conflict?: unknown; property?: unknown } | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof NetworkError) {
      const { code, conflict } = error;
      return conflict === undefined ? { code } : { code, conflict };
    }
    if (!(error instanceof Error) || !("code" in error) || !("property" in error)) throw error;
    return { code: error.code, property: error.property };
  }
}
