import { readFile } from "node:fs/promises";
import { context, metrics, trace } from "@opentelemetry/api";
import type { MetricProducer } from "@opentelemetry/sdk-metrics";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { metricTable } from "../../../src/metrics/metric-table.ts";
import { createMetricProducer } from "../../../src/telemetry/metric-producer.ts";
import { startTelemetry, type Telemetry } from "../../../src/telemetry/start-telemetry.ts";
import { exampleSpan } from "../../support/example-span.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp-receiver.ts";

let receiver: OtlpReceiver;
let telemetry: Telemetry;
let logged: string;

beforeEach(async () => {
  logged = "";
  receiver = await startOtlpReceiver();
});

afterEach(async () => {
  await telemetry.close(0);
  await receiver.close();
  vi.unstubAllEnvs();
  // A process starts it once, and the API tells of whoever comes second.
  for (const api of [context, metrics, trace]) {
    api.disable();
  }
});

/** The SDK reads the environment of the process, so it is set as well. */
async function start(
  env: Readonly<Record<string, string>>,
  metricProducers: readonly MetricProducer[] = [],
): Promise<Telemetry> {
  for (const [name, value] of Object.entries(env)) {
    vi.stubEnv(name, value);
  }
  telemetry = await startTelemetry({
    env,
    traces: true,
    metricProducers,
    version: "1.2.3",
    instanceId: "replica-1",
    log: (_, message, fields) => {
      logged += `${message} ${JSON.stringify(fields)}\n`;
    },
    nowMs: Date.now,
    readFile,
  });
  return telemetry;
}

/** Longer than any test: an export begins only when a batch is full, or at the close. */
const NEVER = "600000";

const overHttp = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
  OTEL_BSP_SCHEDULE_DELAY: NEVER,
});
const overGrpc = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl,
  OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  OTEL_BSP_SCHEDULE_DELAY: NEVER,
});
const overGzip = () => ({ ...overHttp(), OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" });
const transports = [
  { name: "http/protobuf", env: overHttp },
  { name: "http/protobuf, compressed", env: overGzip },
  { name: "grpc", env: overGrpc },
];

describe.each(transports)("over $name", ({ env }) => {
  test("a span arrives as it was made", async () => {
    const { spans, close, stats } = await start(env());
    spans?.(
      exampleSpan({
        traceState: "vendor=1",
        attributes: [
          { key: "text", value: "a" },
          { key: "whole", value: 7 },
          { key: "part", value: 0.5 },
          { key: "is", value: true },
          { key: "list", value: ["x", "y"] },
        ],
        events: [{ name: "first", atMs: 1_800_000_000_001, attributes: [] }],
        links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
        error: "UNAVAILABLE",
      }),
    );
    await close(5_000);
    expect(receiver.spans).toEqual([
      {
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203330",
        parentSpanId: "00f067aa0ba902b7",
        parentIsRemote: true,
        traceState: "vendor=1",
        name: "atlas.v1.RouterService/Complete",
        kind: "SERVER",
        startNs: 1_800_000_000_000_250_000n,
        endNs: 1_800_000_000_012_750_000n,
        attributes: { text: "a", whole: 7, part: 0.5, is: true, list: ["x", "y"] },
        events: [{ name: "first", atNs: 1_800_000_000_001_000_000n }],
        links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
        status: { code: "ERROR", message: "UNAVAILABLE" },
        resource: expect.objectContaining({
          "service.name": "atlas-router",
          "service.version": "1.2.3",
          "service.instance.id": "replica-1",
        }),
      },
    ]);
    expect(stats()).toEqual({ exported: 1, dropped: 0, failed: 0, failedExports: 0, waiting: 0 });
  });

  test("the sink never waits for a collector that hangs, and the close is over in time", async () => {
    receiver.setMood("hang");
    const { spans, close } = await start(env());
    spans?.(exampleSpan());
    const closed = close(50);
    await receiver.asked(1);
    const begunAtMs = performance.now();
    await closed;
    expect(performance.now() - begunAtMs).toBeLessThan(2_000);
    expect(receiver.spans).toEqual([]);
  });

  test("a slow collector gets everything that the queue holds, and nobody waits for it", async () => {
    receiver.setMood("slow");
    const { spans, close, stats } = await start({ ...env(), OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "50" });
    const begunAtMs = performance.now();
    for (let at = 0; at < 200; at += 1) {
      spans?.(exampleSpan());
    }
    expect(performance.now() - begunAtMs).toBeLessThan(200);
    await close(5_000);
    expect(receiver.spans).toHaveLength(200);
    expect(stats()).toMatchObject({ exported: 200, dropped: 0, failed: 0 });
  });

  test("exports that are refused are counted, and said once", async () => {
    receiver.setMood("refuse");
    const { spans, close, stats } = await start({ ...env(), OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1" });
    for (let at = 0; at < 3; at += 1) {
      spans?.(exampleSpan());
    }
    await close(5_000);
    expect(stats()).toEqual({ exported: 0, dropped: 0, failed: 3, failedExports: 3, waiting: 0 });
    expect(logged.trim().split("\n")).toHaveLength(1);
  });

  test("what exceeds the queue is dropped and counted", async () => {
    receiver.setMood("hang");
    const { spans, stats } = await start({
      ...env(),
      OTEL_BSP_MAX_QUEUE_SIZE: "10",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "4",
    });
    for (let at = 0; at < 100; at += 1) {
      spans?.(exampleSpan());
    }
    // One batch is on its way, and ten wait behind it.
    expect(stats()).toMatchObject({ exported: 0, dropped: 86, waiting: 10 });
  });
});

test("a span arrives over http/json", async () => {
  const { spans, close, stats } = await start({
    ...overHttp(),
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
  });
  spans?.(exampleSpan());
  await close(5_000);
  expect(stats().exported).toBe(1);
  expect(JSON.stringify(receiver.documents)).toContain('"spanId":"b7ad6b7169203330"');
});

describe("the environment", () => {
  test.each([
    { name: "is empty", env: {} },
    { name: "disables the SDK", env: { OTEL_SDK_DISABLED: "true", OTEL_TRACES_EXPORTER: "otlp" } },
    { name: "names no exporter", env: { OTEL_TRACES_EXPORTER: "none" } },
  ])("starts nothing when it $name", async ({ env }) => {
    const { spans, stats, close } = await start(env);
    expect(spans).toBeUndefined();
    expect(stats()).toEqual({ exported: 0, dropped: 0, failed: 0, failedExports: 0, waiting: 0 });
    await close(0);
  });

  test("has the last word about the resource", async () => {
    const { spans, close } = await start({
      ...overHttp(),
      OTEL_SERVICE_NAME: "atlas-eu",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.instance.id=pod-7",
    });
    spans?.(exampleSpan());
    await close(5_000);
    expect(receiver.spans[0]?.resource).toMatchObject({
      "service.name": "atlas-eu",
      "service.instance.id": "pod-7",
      "deployment.environment.name": "test",
    });
    expect(JSON.stringify(receiver.spans[0]?.resource)).not.toContain("command");
  });

  test("gives headers to the collector and to no log", async () => {
    receiver.setMood("refuse");
    const { spans, close } = await start({
      ...overHttp(),
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20canary-key-1",
    });
    spans?.(exampleSpan());
    await close(5_000);
    expect(receiver.headers[0]).toMatchObject({ authorization: "Bearer canary-key-1" });
    expect(logged).toContain("not exported");
    expect(logged).not.toContain("canary");
  });
});

const producer: MetricProducer = {
  collect: () =>
    Promise.resolve({
      errors: [],
      resourceMetrics: {
        resource: { attributes: {}, merge: () => never(), getRawAttributes: () => [] },
        scopeMetrics: [
          {
            scope: { name: "atlas-router" },
            metrics: [
              {
                descriptor: {
                  name: "atlas.calls",
                  unit: "{call}",
                  description: "Calls.",
                  valueType: 0,
                },
                aggregationTemporality: 1,
                dataPointType: 3,
                isMonotonic: true,
                dataPoints: [
                  {
                    startTime: [1, 0],
                    endTime: [2, 0],
                    attributes: { "atlas.tier": "standard" },
                    value: 3,
                  },
                ],
              },
            ],
          },
        ],
      },
    }),
};

describe("what is wrong with the environment", () => {
  const lines = () => logged.trim().split("\n");

  test("is told at the start, each of it once for both signals", async () => {
    const { spans, close, stats } = await start(
      {
        ...overHttp(),
        OTEL_BSP_MAX_QUEUE_SIZE: "abc",
        OTEL_METRIC_EXPORT_INTERVAL: "1m",
        OTEL_EXPORTER_OTLP_COMPRESSION: "zstd",
        OTEL_EXPORTER_OTLP_TIMEOUT: "-4",
        OTEL_EXPORTER_OTLP_CERTIFICATE: "/nowhere/ca.pem",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta",
        OTEL_SPAN_EVENT_COUNT_LIMIT: "8",
        // Ours to read, in trace/sampling.ts.
        OTEL_TRACES_SAMPLER: "no such",
      },
      [producer],
    );
    expect(lines()).toEqual([
      expect.stringContaining("OTEL_EXPORTER_OTLP_CERTIFICATE names a file that cannot be read"),
      expect.stringContaining("OTEL_SPAN_EVENT_COUNT_LIMIT is not heeded"),
      expect.stringContaining("OTEL_BSP_MAX_QUEUE_SIZE is no whole number"),
      expect.stringContaining("METRICS_TEMPORALITY_PREFERENCE is not heeded"),
      expect.stringContaining("OTEL_METRIC_EXPORT_INTERVAL is no whole number"),
      // By the SDK.
      expect.stringContaining("OTEL_EXPORTER_OTLP_TIMEOUT is invalid"),
      expect.stringContaining("OTEL_EXPORTER_OTLP_COMPRESSION is invalid"),
      expect.stringContaining("Failed to read root certificate file"),
    ]);
    spans?.(exampleSpan());
    await close(5_000);
    expect(stats().exported).toBe(1);
    expect(receiver.metrics).toHaveLength(1);
  });

  const asked = { OTEL_LOGS_EXPORTER: "otlp", OTEL_PROPAGATORS: "none" };

  test("is told where nothing is exported, of what this program never does", async () => {
    const { spans } = await start(asked);
    expect(spans).toBeUndefined();
    expect(lines()).toEqual([
      expect.stringContaining("OTEL_LOGS_EXPORTER is not heeded"),
      expect.stringContaining("OTEL_PROPAGATORS is not heeded"),
    ]);
  });

  test("is not told where all is switched off", async () => {
    await start({ ...asked, OTEL_SDK_DISABLED: "true" });
    expect(logged).toBe("");
  });

  test.each(["http/protobuf", "http/json", "grpc"])(
    "keeps spans from another place when their address over %s is none",
    async (protocol) => {
      const { spans } = await start({
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://user:canary/1@collector",
      });
      expect(spans).toBeUndefined();
      expect(lines()).toEqual([
        expect.stringContaining("OTEL_EXPORTER_OTLP_ENDPOINT is no address"),
      ]);
      expect(logged).not.toContain("canary");
    },
  );

  test.each(transports)("costs one signal and not the other over $name", async ({ env }) => {
    const { spans, close } = await start(
      { ...env(), OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "not a url" },
      [producer],
    );
    spans?.(exampleSpan());
    await close(5_000);
    expect(receiver.spans).toHaveLength(1);
    expect(receiver.metrics).toEqual([]);
    expect(lines()).toEqual([
      expect.stringContaining("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is no address"),
    ]);
  });

  test.each(transports)("is told without a token in it over $name", async ({ env }) => {
    const { spans, close } = await start(
      { ...env(), OTEL_EXPORTER_OTLP_HEADERS: "authorization: Bearer Y2FuYXJ5LWtleQ==" },
      [producer],
    );
    expect(spans).toBeUndefined();
    await close(5_000);
    expect(lines()).toEqual([
      expect.stringContaining("OTEL_EXPORTER_OTLP_HEADERS has an entry without the name"),
      expect.stringContaining("OTEL_EXPORTER_OTLP_HEADERS has an entry without the name"),
    ]);
    expect(logged.toLowerCase()).not.toContain("y2fuyxj5");
  });

  test.each([
    { name: "characters", headers: "authorization=canary%0Akey" },
    { name: "bytes", headers: "authorization-bin=canary-key" },
  ])("costs the signal whose header has $name that gRPC cannot send", async ({ headers }) => {
    const { spans, close } = await start(
      { ...overGrpc(), OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers },
      [producer],
    );
    expect(spans).toBeUndefined();
    expect(lines()).toEqual([
      expect.stringContaining("traces are not exported, because OTEL_EXPORTER_OTLP_* cannot"),
    ]);
    expect(logged).not.toContain("canary");
    await close(5_000);
    expect(receiver.metrics).toHaveLength(1);
  });
});

describe("longer than a timer can count", () => {
  const warnings: string[] = [];
  const warned = ({ name }: Error) => warnings.push(name);

  beforeEach(() => {
    warnings.length = 0;
    process.on("warning", warned);
  });

  afterEach(() => {
    process.off("warning", warned);
  });

  test.each(transports)("is as long as it can over $name", async ({ env }) => {
    const { spans, close } = await start(
      {
        ...env(),
        OTEL_BSP_SCHEDULE_DELAY: "3000000000",
        OTEL_BSP_EXPORT_TIMEOUT: "3000000000",
        OTEL_METRIC_EXPORT_INTERVAL: "3000000000",
        OTEL_METRIC_EXPORT_TIMEOUT: "3000000000",
        OTEL_EXPORTER_OTLP_TIMEOUT: "3000000000",
      },
      [producer],
    );
    spans?.(exampleSpan());
    await close(5_000);
    expect(receiver.headers).toHaveLength(2);
    // Of a server in this process there may be others: it counts from another moment.
    expect(warnings).not.toContain("TimeoutOverflowWarning");
  });
});

describe("metrics", () => {
  test.each([
    { name: "http/protobuf", env: overHttp },
    { name: "grpc", env: overGrpc },
  ])("of a producer arrive over $name", async ({ env }) => {
    const { close } = await start({ ...env(), OTEL_TRACES_EXPORTER: "none" }, [producer]);
    await close(5_000);
    expect(receiver.metrics).toEqual([
      {
        name: "atlas.calls",
        unit: "{call}",
        description: "Calls.",
        data: "sum",
        points: [
          {
            attributes: { "atlas.tier": "standard" },
            value: 3,
            sum: undefined,
            bucketCounts: [],
            bounds: [],
          },
        ],
      },
    ]);
  });
});

describe("an export of many series", () => {
  const series = Array.from({ length: 2_500 }, (_, index) => ({
    labels: ["acme/one", `acme/${index}`, "overloaded"],
    startedAtMs: 1_000,
    value: index + 1,
  }));
  const producer = createMetricProducer({
    collect: () => [{ definition: metricTable.fallbacks, series: () => series }],
    nowMs: () => 2_000,
    yieldTurn: async () => undefined,
    version: "1.2.3",
  });

  test.each([
    { name: "http/protobuf", env: overHttp },
    { name: "grpc", env: overGrpc },
  ])("arrives whole over $name, in requests of at most 1,000 points", async ({ env }) => {
    const { close } = await start({ ...env(), OTEL_TRACES_EXPORTER: "none" }, [producer]);
    await close(5_000);
    expect(receiver.metrics.map(({ points }) => points.length)).toEqual([1_000, 1_000, 500]);
    expect(new Set(receiver.metrics.map(({ name }) => name))).toEqual(new Set(["atlas.fallbacks"]));
    const told = receiver.metrics.flatMap(({ points }) =>
      points.map(({ attributes, value }) => [attributes["atlas.endpoint"], value]),
    );
    expect(told).toEqual(series.map(({ labels, value }) => [labels[1], value]));
  });
});

function never(): never {
  throw new Error("nobody merges it");
}
