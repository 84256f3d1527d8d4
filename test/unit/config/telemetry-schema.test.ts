import { describe, expect, test } from "vitest";
import { telemetrySchema } from "../../../src/config/telemetry-schema.ts";

describe("telemetrySchema", () => {
  test("exports a tenth, counts, looks back, and records no texts", () => {
    expect(telemetrySchema.parse(undefined)).toEqual({
      traces: {
        mode: "auto",
        ratio: 0.1,
        slowMs: 30_000,
        keptPerSecond: 50,
        content: false,
        redact: [],
      },
      metrics: { enabled: true },
      calls: { recent: 2_000 },
      spend: { hours: 72, seriesPerHour: 2_000 },
    });
  });

  test("takes regular expressions as they stand", () => {
    const redact = ["\\d{16}", "sk-[a-z]+"];
    expect(telemetrySchema.parse({ traces: { redact } }).traces.redact).toEqual(redact);
  });

  test.each([
    { telemetry: { traces: { ratio: 1.1 } }, path: "traces.ratio" },
    { telemetry: { traces: { ratio: -0.1 } }, path: "traces.ratio" },
    { telemetry: { traces: { slowMs: 0 } }, path: "traces.slowMs" },
    { telemetry: { traces: { keptPerSecond: -1 } }, path: "traces.keptPerSecond" },
    { telemetry: { traces: { redact: ["ok", "("] } }, path: "traces.redact.1" },
    { telemetry: { traces: { redact: [""] } }, path: "traces.redact.0" },
    { telemetry: { calls: { recent: 100_001 } }, path: "calls.recent" },
    { telemetry: { spend: { hours: 745 } }, path: "spend.hours" },
    { telemetry: { spend: { seriesPerHour: 0 } }, path: "spend.seriesPerHour" },
    { telemetry: { metrics: { enabled: "yes" } }, path: "metrics.enabled" },
  ])("refuses $path out of its range", ({ telemetry, path }) => {
    const issues = telemetrySchema.safeParse(telemetry).error?.issues;
    expect(issues?.map((issue) => issue.path.join("."))).toEqual([path]);
  });
});
