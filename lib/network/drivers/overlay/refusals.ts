// What the kernel refused, as far as that is expected.

import { NetlinkError } from "../../../errors.ts";

/** Whether the kernel refused with one of these. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof NetlinkError && codes.includes(error.code);
}

/** A removal of what may be gone by now; states of IPsec then are `ESRCH`, all else is `ENOENT`. */
export async function unlessGone(removal: Promise<void>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!isCode(error, "ENOENT", "ESRCH")) throw error;
  });
}
