import { describe, expect, test } from "vitest";
import { callMetrics, generationMetrics } from "../../../src/metrics/call-metrics.ts";

describe("generationMetrics", () => {
  test("no label of theirs is free text of a caller or a provider", () => {
    const used = new Set(Object.values(generationMetrics).flatMap((metric) => metric.labels));
    expect([...used].sort()).toEqual([
      "failure",
      "operation",
      "providerName",
      "requestModel",
      "tokenType",
    ]);
  });
});

describe("callMetrics", () => {
  test("money is counted in nano-USD", () => {
    expect(callMetrics.spend).toMatchObject({ unit: "USD", partsPerUnit: 1e9 });
  });
});
