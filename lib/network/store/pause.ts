// How long to wait before a server is asked again.

/** Doubled each time, and less by up to a half, so that not all come at once. */
const firstPauseMs = 20;
const longestPauseMs = 1000;

/** The pause before a repetition, of which the first is number 0. */
export function pauseMs(repetition: number): number {
  const longest = Math.min(firstPauseMs * 2 ** repetition, longestPauseMs);
  return longest * (1 - Math.random() / 2);
}
