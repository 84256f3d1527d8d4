import { defineConfig } from "vitest/config";

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
      { test: { name: "unit", include: ["test/{unit,fuzz}/**/*.test.ts"] } },
      { test: { name: "architecture", include: ["test/architecture.test.ts"] } },
      { test: { name: "rpc", include: ["test/rpc/**/*.test.ts"] } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 30_000,
        },
      },
    ],
  },
});
