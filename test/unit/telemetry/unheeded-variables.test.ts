import { readFileSync } from "node:fs";
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

  test.each([
    ["OTEL_LOGS_EXPORTER", "otlp", "the log is on standard error"],
    ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://collector:4318", "the log is on standard error"],
    ["OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "/key.pem", "the log is on standard error"],
    ["OTEL_BLRP_SCHEDULE_DELAY", "100", "the log is on standard error"],
    ["OTEL_METRICS_EXEMPLAR_FILTER", "always_off", "/metrics has exemplars of the traces"],
    ["OTEL_PROPAGATORS", "none", "W3C Trace Context is read and passed on"],
    ["OTEL_PROPAGATORS", "tracecontext,baggage", "W3C Trace Context is read and passed on"],
    ["OTEL_NODE_RESOURCE_DETECTORS", "all", "the host and the variables"],
    ["OTEL_CONFIG_FILE", "otel.yaml", "the environment says where to export"],
  ])("tells everybody of %s=%s", (name, value, instead) => {
    const env = { [name]: value };
    expect(unheededProblemsOf(env, "ANY")).toEqual([
      expect.stringContaining(`${name} is not heeded: ${instead}`),
    ]);
    expect(unheededProblemsOf(env, "TRACES")).toEqual([]);
  });

  test("quotes no value, which may hold a secret", () => {
    const env = { OTEL_EXPORTER_OTLP_LOGS_HEADERS: "authorization=canary" };
    expect(unheededProblemsOf(env, "ANY").join()).not.toContain("canary");
  });

  test("tells of every variable that the documentation says is told", () => {
    const document = readFileSync("docs/observability.md", "utf8");
    const [, table = ""] =
      /Whoever sets one of these is told at the start:\n\n(.*?)\n\n/su.exec(document) ?? [];
    const names = table.match(/OTEL_\w+/gu) ?? [];
    const told = names.filter((name) =>
      (["ANY", "TRACES", "METRICS"] as const).some(
        (affected) => unheededProblemsOf({ [name]: "no such" }, affected).length === 1,
      ),
    );
    expect(names.length).toBeGreaterThan(20);
    expect(names).toEqual(told);
  });

  test("has nothing to say of what is done anyway, or not set", () => {
    const env = {
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "Cumulative",
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: " ",
      OTEL_LOGS_EXPORTER: "none",
      OTEL_METRICS_EXEMPLAR_FILTER: "trace_based",
      OTEL_PROPAGATORS: "tracecontext",
      OTEL_NODE_RESOURCE_DETECTORS: "env,host",
    };
    expect(unheededProblemsOf(env, "METRICS")).toEqual([]);
    expect(unheededProblemsOf(env, "ANY")).toEqual([]);
  });
});
