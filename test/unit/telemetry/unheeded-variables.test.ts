import { describe, expect, test } from "vitest";
import { unheededProblemsOf } from "../../../src/telemetry/unheeded-variables.ts";

describe("unheededProblemsOf()", () => {
  test.each([
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
  ])("tells who exports spans of %s", (name) => {
    const env = { [name]: "10" };
    expect(unheededProblemsOf(env, "TRACES")).toEqual([
      `${name} is not heeded: spans have the limits that are documented`,
    ]);
    expect(unheededProblemsOf(env, "METRICS")).toEqual([]);
  });

  test.each(["delta", "LowMemory", "sometimes"])("tells of the temporality %s", (value) => {
    const env = { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: value };
    expect(unheededProblemsOf(env, "METRICS")).toEqual([
      "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is not heeded: sums and histograms are cumulative",
    ]);
    expect(unheededProblemsOf(env, "TRACES")).toEqual([]);
  });

  test("has nothing to say of what is done anyway, or not set", () => {
    const env = {
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "Cumulative",
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: " ",
    };
    expect(unheededProblemsOf(env, "METRICS")).toEqual([]);
  });
});
