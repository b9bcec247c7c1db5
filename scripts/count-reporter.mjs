// Ends the test run with its count on a line of its own, for those who read logs by machine.

export default class CountReporter {
  /** @param {ReadonlyArray<import("vitest/node").TestModule>} modules */
  onTestRunEnd(modules) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== "pending") count[state] += 1;
      }
      // A file that could not be read has no tests to fail.
      if (module.state() === "failed" && module.children.size === 0) count.failed += 1;
    }
    // After the summary, which another reporter prints in the same turn.
    process.once("exit", () => {
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    });
  }
}
