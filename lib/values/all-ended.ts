// Waiting for work that is done side by side, to its very end.

/**
 * Waits until all have ended, however they end, and only then throws what the first of them failed
 * with: what is undone afterwards is not made once more by those that were still at it.
 */
export async function allEnded(works: Iterable<unknown>): Promise<void> {
  const outcomes = await Promise.allSettled(works);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
