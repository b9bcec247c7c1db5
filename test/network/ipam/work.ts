// How much a piece of work is, counted by V8 and not by the clock.

import { Session } from "node:inspector/promises";

/**
 * How often functions in the files of a folder were entered while work was done, or, if that is more
 * often, the innermost loop of each.
 */
export async function workIn(folder: string, work: () => Promise<void>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    await work();
    const { result } = await session.post("Profiler.takePreciseCoverage");
    return result
      .filter(({ url }) => url.includes(folder))
      .flatMap(({ functions }) => functions)
      .reduce((sum, { ranges }) => sum + Math.max(...ranges.map(({ count }) => count)), 0);
  } finally {
    await session.post("Profiler.disable");
    session.disconnect();
  }
}
