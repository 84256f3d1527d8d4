import { describe, expect, test } from "vitest";
import {
  metricReaderLimitsOf,
  requestTimeoutMsOf,
  spanQueueLimitsOf,
} from "../../../src/telemetry/otlp-limits.ts";

/** What a timer can count. */
const LONGEST_MS = 2_147_483_647;

describe("spanQueueLimitsOf()", () => {
  test("has the defaults of the specification", () => {
    expect(spanQueueLimitsOf({ OTEL_BSP_MAX_QUEUE_SIZE: " " })).toEqual({
      limits: {
        maxQueueSize: 2_048,
        maxExportBatchSize: undefined,
        scheduleDelayMs: 5_000,
        exportTimeoutMs: 30_000,
      },
      problems: [],
    });
  });

  test("takes whole numbers", () => {
    const { limits, problems } = spanQueueLimitsOf({
      OTEL_BSP_MAX_QUEUE_SIZE: "10",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: " 5 ",
      OTEL_BSP_SCHEDULE_DELAY: "0",
      OTEL_BSP_EXPORT_TIMEOUT: "1e3",
    });
    expect(limits).toEqual({
      maxQueueSize: 10,
      maxExportBatchSize: 5,
      scheduleDelayMs: 0,
      exportTimeoutMs: 1_000,
    });
    expect(problems).toEqual([]);
  });

  test.each(["abc", "-4", "1.5", "0", "Infinity"])(
    "tells of %s, and takes the defaults",
    (value) => {
      const names = [
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BSP_EXPORT_TIMEOUT",
      ];
      const { limits, problems } = spanQueueLimitsOf(
        Object.fromEntries(names.map((name) => [name, value])),
      );
      expect(limits).toEqual(spanQueueLimitsOf({}).limits);
      expect(problems).toEqual(
        names.map((name) => `${name} is no whole number from 1: the default is used`),
      );
    },
  );

  test("never waits longer than a timer can count", () => {
    const { limits, problems } = spanQueueLimitsOf({
      OTEL_BSP_SCHEDULE_DELAY: "3000000000",
      OTEL_BSP_EXPORT_TIMEOUT: "3000000000",
    });
    expect(limits).toMatchObject({ scheduleDelayMs: LONGEST_MS, exportTimeoutMs: LONGEST_MS });
    expect(problems).toEqual([]);
  });
});

describe("metricReaderLimitsOf()", () => {
  test("has the defaults of the specification, and a timeout within the interval", () => {
    expect(metricReaderLimitsOf({})).toEqual({
      limits: { exportIntervalMs: 60_000, exportTimeoutMs: 30_000 },
      problems: [],
    });
    expect(metricReaderLimitsOf({ OTEL_METRIC_EXPORT_INTERVAL: "200" }).limits).toEqual({
      exportIntervalMs: 200,
      exportTimeoutMs: 200,
    });
  });

  test("never waits longer than a timer can count", () => {
    const { limits } = metricReaderLimitsOf({
      OTEL_METRIC_EXPORT_INTERVAL: "3000000000",
      OTEL_METRIC_EXPORT_TIMEOUT: "4000000000",
    });
    expect(limits).toEqual({ exportIntervalMs: LONGEST_MS, exportTimeoutMs: LONGEST_MS });
  });

  test("tells of what is no number", () => {
    const env = { OTEL_METRIC_EXPORT_INTERVAL: "1m", OTEL_METRIC_EXPORT_TIMEOUT: "0" };
    const { limits, problems } = metricReaderLimitsOf(env);
    expect(limits).toEqual(metricReaderLimitsOf({}).limits);
    expect(problems).toEqual([
      "OTEL_METRIC_EXPORT_INTERVAL is no whole number from 1: the default is used",
      "OTEL_METRIC_EXPORT_TIMEOUT is no whole number from 1: the default is used",
    ]);
  });
});

describe("requestTimeoutMsOf()", () => {
  test.each([
    { name: "none", env: {}, timeoutMs: undefined },
    { name: "the one of all signals", env: { OTEL_EXPORTER_OTLP_TIMEOUT: "7" }, timeoutMs: 7 },
    {
      name: "the signal's own",
      env: { OTEL_EXPORTER_OTLP_TIMEOUT: "7", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "8" },
      timeoutMs: 8,
    },
    {
      name: "the one of all signals when the signal's own is none",
      env: { OTEL_EXPORTER_OTLP_TIMEOUT: "7", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "-8" },
      timeoutMs: 7,
    },
    {
      name: "no other signal's",
      env: { OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: "7" },
      timeoutMs: undefined,
    },
    {
      name: "what a timer can count",
      env: { OTEL_EXPORTER_OTLP_TIMEOUT: "3000000000" },
      timeoutMs: LONGEST_MS,
    },
  ])("is $name", ({ env, timeoutMs }) => {
    expect(requestTimeoutMsOf(env, "TRACES")).toBe(timeoutMs);
  });
});
