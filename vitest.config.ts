import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/setup/postgres.ts"],
    passWithNoTests: false,
    pool: "forks",
    maxWorkers: 2,
    // Only to end what hangs: on a busy machine a node of its own takes ten seconds to start.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000, interval: 20 } },
  },
});
