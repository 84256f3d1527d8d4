import { defineConfig } from "vitest/config";

/** They hold what they measure against a limit of milliseconds, so nothing else runs beside them. */
const timed = [
  "test/integration/metrics/large-page.test.ts",
  "test/integration/rpc/cancel.test.ts",
  "test/integration/rpc/deadlines.test.ts",
  "test/integration/serve/faults.test.ts",
  "test/integration/serve/operations.test.ts",
  "test/integration/telemetry/blocked-loop.test.ts",
  "test/integration/telemetry/slow-collector.test.ts",
  "test/integration/telemetry/start-telemetry.test.ts",
  "test/integration/telemetry/timings-agree.test.ts",
  "test/integration/upstream/http-upstream.test.ts",
];

/** Only what hangs takes so long, also on a machine that does other work. */
const testTimeout = 30_000;
const hookTimeout = 30_000;

/** By default one core is left over, which on two is one worker. */
const allCores = { maxWorkers: "100%", sequence: { groupOrder: 0 }, testTimeout, hookTimeout };

/** Modules keep no state, so files may share them: loading them for each takes longer than the tests. */
const together = { ...allCores, isolate: false };

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // What a broken floor misses, line by line, is in coverage/index.html.
      reporter: ["text-summary", "html"],
      thresholds: {
        lines: 85,
        "src/{domain,decode,catalog,plan,attempt,observe,score,gates,config,trace,metrics,ledger}/**":
          {
            lines: 100,
            branches: 100,
            perFile: true,
          },
      },
    },
    projects: [
      { test: { name: "unit", include: ["test/{unit,fuzz}/**/*.test.ts"], ...together } },
      { test: { name: "architecture", include: ["test/architecture.test.ts"], ...allCores } },
      { test: { name: "rpc", include: ["test/rpc/**/*.test.ts"], ...together } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: timed,
          testTimeout,
          hookTimeout,
          // Two however many cores there are: most of them wait, and each starts servers of its own.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "timed",
          include: timed,
          testTimeout,
          hookTimeout,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
