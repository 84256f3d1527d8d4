import { readFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { APPLY_SPAN, PROCESS_SPAN, PUBLISH_SPAN } from "../../../src/trace/span-table.ts";
import {
  BUILD_TIMEOUT_MS,
  type CollectorBinary,
  findCollector,
} from "../../support/collector-binary.ts";
import {
  type Collected,
  type CollectedMetric,
  type CollectedPoint,
  type CollectedSpan,
  startCollector,
  startRouterProcess,
} from "../../support/collector-process.ts";
import { configureEndpoint, routerClient, specOf } from "../../support/router-client.ts";

/**
 * The router as a process of its own exports one call to the real OpenTelemetry Collector, which writes
 * what it understood. Nothing is exported before the router is told to end, so all of it is in there.
 */

const MODEL = "openai/gpt-4o-mini";
const FIRST = "openai/gpt-4o-mini";
const OTHERS = ["azure/eastus/gpt-4o-mini", "azure/swedencentral/gpt-4o-mini"];
const CALLER_TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER_SPAN = "00f067aa0ba902b7";
/** By OTLP's numbers. */
const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

/** Code of a span's status. */
const FAILED = 2;

/** Temporality of a sum or histogram. */
const CUMULATIVE = 2;

/** Longer than the test. */
const NEVER = "600000";

const transports = [
  { protocol: "grpc", compression: "none" },
  { protocol: "http/protobuf", compression: "gzip" },
  { protocol: "http/json", compression: "none" },
] as const;

type Transport = (typeof transports)[number];

let binary: CollectorBinary;

beforeAll(async () => {
  binary = await findCollector();
}, BUILD_TIMEOUT_MS + 30_000);

beforeEach(({ skip }) => {
  skip(binary.kind === "missing", binary.kind === "missing" ? binary.reason : "");
});

/** One call that falls back from the first endpoint to another, then SIGTERM. */
async function collect({ protocol, compression }: Transport) {
  const collector = await startCollector(binary.kind === "found" ? binary.path : "");
  try {
    const router = await startRouterProcess({
      OTEL_EXPORTER_OTLP_ENDPOINT: protocol === "grpc" ? collector.grpcUrl : collector.httpUrl,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
      OTEL_BSP_SCHEDULE_DELAY: NEVER,
      OTEL_METRIC_EXPORT_INTERVAL: NEVER,
    });
    try {
      const exitCode = await callOnce(router.grpcUrl, router.fleetUrl).then(router.stop);
      return { exitCode, ...(await collector.stop()) };
    } finally {
      await router.dispose();
    }
  } finally {
    await collector.dispose();
  }
}

async function callOnce(grpcUrl: string, fleetUrl: string): Promise<void> {
  const broken = { serverError: { rate: 1, status: 500 }, cutConnection: { rate: 0 } };
  const healthy = { serverError: { rate: 0 }, cutConnection: { rate: 0 } };
  await configureEndpoint(fleetUrl, FIRST, broken);
  for (const endpoint of OTHERS) {
    await configureEndpoint(fleetUrl, endpoint, healthy);
  }
  await routerClient(grpcUrl).complete(
    { spec: specOf(MODEL, "canary-prompt"), routing: { providerOrder: ["openai"] } },
    {
      headers: {
        traceparent: `00-${CALLER_TRACE}-${CALLER_SPAN}-01`,
        tracestate: "vendor=1",
      },
    },
  );
}

const spansIn = ({ traces }: Collected): readonly CollectedSpan[] =>
  traces
    .flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans);

const HEALTH: readonly string[] = [PUBLISH_SPAN, PROCESS_SPAN, APPLY_SPAN];

/** Those of the call alone: the reports of its attempts may come after the end. */
const ownSpansIn = (collected: Collected) =>
  spansIn(collected).filter(({ name }) => !HEALTH.includes(name));

const startOf = (span: CollectedSpan) => BigInt(span.startTimeUnixNano);
const endOf = (span: CollectedSpan) => BigInt(span.endTimeUnixNano);

function plainOf(attributes: CollectedPoint["attributes"] = []) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

function metricOf({ metrics }: Collected, name: string): CollectedMetric | undefined {
  return metrics
    .flatMap(({ resourceMetrics }) => resourceMetrics)
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap((scope) => scope.metrics)
    .find((metric) => metric.name === name);
}

/** Attributes and value of every point. */
function pointsOf(collected: Collected, name: string, kind: "sum" | "gauge") {
  const { dataPoints = [] } = metricOf(collected, name)?.[kind] ?? {};
  return dataPoints.map(({ attributes, asDouble }) => [plainOf(attributes), asDouble] as const);
}

/** Counts of the buckets with one value: each holds what is above the bound before it, and its own. */
function onlyIn(value: number, bounds: readonly number[]): readonly number[] {
  const bucket = bounds.filter((bound) => bound < value).length;
  return Array.from({ length: bounds.length + 1 }, (_, at) => (at === bucket ? 1 : 0));
}

describe.each(transports)("over $protocol, compressed with $compression", (transport) => {
  let collected: Collected & { readonly exitCode: number | null };

  beforeAll(async () => {
    if (binary.kind === "found") {
      collected = await collect(transport);
    }
  }, 60_000);

  test("the router ends well", () => {
    expect(collected.exitCode).toBe(0);
  });

  test("a call is one trace under its caller", () => {
    const spans = ownSpansIn(collected);
    const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
    const tree = spans.map(({ kind, name, parentSpanId = "", status }) =>
      [
        `${KINDS[kind]} ${name}`,
        `under ${names.get(parentSpanId) ?? parentSpanId}`,
        status.code === FAILED ? "failed" : "ended well",
      ].join(", "),
    );
    expect(tree.sort()).toEqual([
      `CLIENT chat ${MODEL}, under atlas.complete, ended well`,
      `CLIENT chat ${MODEL}, under atlas.complete, failed`,
      "INTERNAL atlas.complete, under atlas.v1.RouterService/Complete, ended well",
      "INTERNAL atlas.plan, under atlas.complete, ended well",
      `SERVER atlas.v1.RouterService/Complete, under ${CALLER_SPAN}, ended well`,
    ]);
  });

  test("every span has the caller's trace and its state", () => {
    const traces = spansIn(collected).map(({ traceId, traceState }) => `${traceId} ${traceState}`);
    expect(new Set(traces)).toEqual(new Set([`${CALLER_TRACE} vendor=1`]));
  });

  test("spans lie in their parent's time", () => {
    const spans = ownSpansIn(collected);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const areInside = spans.map((span) => {
      const parent = byId.get(span.parentSpanId ?? "") ?? span;
      return (
        startOf(span) >= startOf(parent) &&
        endOf(span) <= endOf(parent) &&
        startOf(span) <= endOf(span)
      );
    });
    expect(areInside).toEqual([true, true, true, true, true]);
  });

  test("its resource is the router", () => {
    const [traces] = collected.traces.flatMap(({ resourceSpans }) => resourceSpans);
    const [metrics] = collected.metrics.flatMap(({ resourceMetrics }) => resourceMetrics);
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    const expected = { "service.name": "atlas-router", "service.version": version };
    expect(plainOf(traces?.resource.attributes)).toMatchObject(expected);
    expect(plainOf(metrics?.resource.attributes)).toMatchObject(expected);
  });

  test("counters are cumulative sums with the call in them", () => {
    const call = { "atlas.model": MODEL, "atlas.tier": "standard", "atlas.outcome": "success" };
    expect(metricOf(collected, "atlas.calls")).toMatchObject({
      unit: "{call}",
      sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true },
    });
    // Failures that alerts look at have series from the start, so that the first of them is a rise.
    const calls = pointsOf(collected, "atlas.calls", "sum");
    expect(calls.filter(([, value]) => value !== 0)).toEqual([[call, 1]]);
    expect(pointsOf(collected, "atlas.fallbacks", "sum")).toEqual([
      [{ "atlas.model": MODEL, "atlas.endpoint": FIRST, "error.type": "server-error" }, 1],
    ]);
  });

  test("gauges have a value for every endpoint of the model", () => {
    const points = pointsOf(collected, "atlas.endpoint.in_flight", "gauge");
    const idle = points.filter(([{ "atlas.endpoint": endpoint }]) =>
      [FIRST, ...OTHERS].includes(String(endpoint)),
    );
    expect(idle.map(([, value]) => value)).toEqual([0, 0, 0]);
  });

  test("histograms hold as long as the spans lasted, each in its bucket", () => {
    const attempts = ownSpansIn(collected).filter(({ kind }) => KINDS[kind] === "CLIENT");
    const { histogram, unit } = metricOf(collected, "gen_ai.client.operation.duration") ?? {};
    const points = histogram?.dataPoints ?? [];
    const seconds = points.map(({ sum = 0 }) => sum).sort((a, b) => a - b);
    const lasted = attempts
      .map((span) => Number(endOf(span) - startOf(span)) / 1e9)
      .sort((a, b) => a - b);
    expect(unit).toBe("s");
    expect(histogram?.aggregationTemporality).toBe(CUMULATIVE);
    // Spans are told to the nanosecond, and clocks run in quarters of a microsecond.
    expect(seconds).toEqual(lasted.map((length) => expect.closeTo(length, 5)));
    expect(points.map(({ bucketCounts }) => bucketCounts?.map(Number))).toEqual(
      points.map(({ sum = 0, explicitBounds = [] }) => onlyIn(sum, explicitBounds)),
    );
  });

  test("neither traces nor metrics hold a word of the prompt", () => {
    const told = JSON.stringify(collected);
    expect(told).toContain(MODEL);
    expect(told).not.toContain("canary");
  });
});
