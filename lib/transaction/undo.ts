// Undoes steps, the last one first.

/** What undoes a step. Neighbours that say so can be undone together. */
export interface Undo {
  readonly run: () => Promise<unknown>;
  readonly together: boolean;
}

/** Errors that say that something is gone already, which is what was wanted. */
const gone = ["ENODEV", "ENOENT", "ESRCH", "EADDRNOTAVAIL", "ERR_NAMESPACE_CLOSED"];

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && gone.includes(String(error.code));
}

/** The last steps that can be undone at once. */
function takeLast(steps: Undo[]): Undo[] {
  const last = steps.pop();
  if (last === undefined) return [];
  const taken = [last];
  while (last.together && steps.at(-1)?.together) taken.push(...steps.splice(-1));
  return taken;
}

/**
 * Undoes steps, the last one first, and empties the list. Goes on after a failure.
 *
 * @returns why some could not be undone; what is gone already counts as undone.
 */
export async function undoAll(steps: Undo[]): Promise<unknown[]> {
  const errors: unknown[] = [];
  while (steps.length > 0) {
    const outcomes = await Promise.allSettled(takeLast(steps).map(({ run }) => run()));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected" && !isGone(outcome.reason)) errors.push(outcome.reason);
    }
  }
  return errors;
}
