import { defineConfig } from "vitest/config";

export default defineConfig({
  // Node 20 cannot parse `await using`.
  oxc: { target: "node20" },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/setup.ts"],
    reporters: ["default", "./scripts/count-reporter.mjs"],
    pool: "forks",
    // More than two cores have work for: many tests wait for leases, servers and the kernel's timers.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 20_000,
  },
});
