import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { context, metrics, trace } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { metricTable } from "../../../src/metrics/metric-table.ts";
import { createMetricProducer } from "../../../src/telemetry/metric-producer.ts";
import { startTelemetry } from "../../../src/telemetry/start-telemetry.ts";
import { exampleSpan } from "../../support/example-span.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp-receiver.ts";

/** Memory under a load of spans and metrics of which nothing gets out. */

let hanging: OtlpReceiver;

beforeAll(async () => {
  hanging = await startOtlpReceiver();
  hanging.setMood("hang");
});

afterAll(() => hanging.close());

afterEach(() => {
  vi.unstubAllEnvs();
  for (const api of [context, metrics, trace]) {
    api.disable();
  }
});

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** With the buffers outside of the heap, in which spans wait. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The least of some looks, because an export of metrics that is on its way takes megabytes. */
async function heldBetweenExports(): Promise<number> {
  let least = heldBytes();
  for (let at = 0; at < 2; at += 1) {
    await turn();
    least = Math.min(least, heldBytes());
  }
  return least;
}

/** One turn of the event loop, in which exports fail and end. */
function turn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}

const SERIES = 2_000;

/** Tells how often it was asked, which is once for each export. */
function createProducer() {
  let asked = 0;
  const series = Array.from({ length: SERIES }, (_, index) => ({
    labels: ["acme/one", `acme/${index}`, "overloaded"],
    startedAtMs: 1_000,
    value: index,
  }));
  const producer = createMetricProducer({
    collect() {
      asked += 1;
      return [{ definition: metricTable.fallbacks, series: () => series }];
    },
    nowMs: Date.now,
    yieldTurn: turn,
    version: "1.2.3",
  });
  return { producer, asked: () => asked };
}

/** Bytes a minute: the median of the slopes between any two, which one minute that is odd does not change. */
function slopeOf(held: readonly number[]): number {
  const slopes = held.flatMap((bytes, minute) =>
    held.slice(0, minute).map((before, at) => (bytes - before) / (minute - at)),
  );
  slopes.sort((left, right) => left - right);
  return slopes[Math.floor(slopes.length / 2)] ?? Number.NaN;
}

async function startExports(env: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(env)) {
    vi.stubEnv(name, value);
  }
  const { producer, asked } = createProducer();
  const telemetry = await startTelemetry({
    env,
    traces: true,
    metricProducers: [producer],
    version: "1.2.3",
    instanceId: "replica-1",
    log: () => undefined,
    nowMs: Date.now,
    readFile,
  });
  return { ...telemetry, asked };
}

const WARM_UP_MINUTES = 2;
const MINUTES = 5;
/**
 * Thrice as many as the defaults make: metrics go out once in a minute, and a collector that hangs holds a batch
 * for 10 s.
 */
const METRIC_EXPORTS = 3;
const FAILED_BATCHES = 18;

// Nobody listens on the port of discard.
const away = () => "http://127.0.0.1:9";

test.each([
  { name: "is away, over HTTP", protocol: "http/protobuf", url: away },
  { name: "is away, over gRPC", protocol: "grpc", url: away },
  { name: "hangs, over HTTP", protocol: "http/protobuf", url: () => hanging.httpUrl },
  { name: "hangs, over gRPC", protocol: "grpc", url: () => hanging.grpcUrl },
])("memory does not grow while the collector $name", { timeout: 60_000 }, async (one) => {
  const { spans, stats, asked, close } = await startExports({
    OTEL_EXPORTER_OTLP_ENDPOINT: one.url(),
    OTEL_EXPORTER_OTLP_PROTOCOL: one.protocol,
    OTEL_EXPORTER_OTLP_TIMEOUT: "10",
    OTEL_BSP_SCHEDULE_DELAY: "20",
    OTEL_METRIC_EXPORT_INTERVAL: "50",
  });
  let told = 0;
  /** At least a minute of 1,000 spans a second, and until as many exports have failed as in one. */
  const minute = async () => {
    const { failedExports } = stats();
    const askedBefore = asked();
    const isOver = () =>
      stats().failedExports >= failedExports + FAILED_BATCHES &&
      asked() >= askedBefore + METRIC_EXPORTS;
    for (let second = 0; second < 60 || !isOver(); second += 1) {
      for (let at = 0; at < 1_000; at += 1) {
        spans?.(exampleSpan());
      }
      told += 1_000;
      await turn();
    }
    hanging.headers.length = 0;
    return heldBetweenExports();
  };
  // Buffers and compiled code come to stay in the first ones.
  for (let at = 0; at < WARM_UP_MINUTES; at += 1) {
    await minute();
  }
  const held: number[] = [];
  for (let at = 0; at < MINUTES; at += 1) {
    held.push(await minute());
  }
  await close(1_000);
  const { exported, dropped, failed, waiting } = stats();
  expect(slopeOf(held)).toBeLessThan(1e6);
  expect(exported).toBe(0);
  expect(dropped + failed + waiting).toBe(told);
  expect(failed).toBeGreaterThan(0);
});
