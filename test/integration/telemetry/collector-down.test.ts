import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { startTelemetry } from "../../../src/telemetry/start-telemetry.ts";
import { exampleSpan } from "../../support/example-span.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** With the buffers outside of the heap, in which spans wait. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** One turn of the event loop, in which exports fail and end. */
function turn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}

test("memory does not grow while the collector is down", { timeout: 60_000 }, async () => {
  const env = {
    // Nobody listens on the port of discard.
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "64",
    OTEL_EXPORTER_OTLP_TIMEOUT: "20",
  };
  for (const [name, value] of Object.entries(env)) {
    vi.stubEnv(name, value);
  }
  const { spans, stats, close } = await startTelemetry({
    env,
    traces: true,
    metricProducers: [],
    version: "1.2.3",
    instanceId: "replica-1",
    log: () => undefined,
    nowMs: Date.now,
  });
  /** A minute of 1,000 spans a second. */
  const minute = async () => {
    for (let second = 0; second < 60; second += 1) {
      for (let at = 0; at < 1_000; at += 1) {
        spans?.(exampleSpan());
      }
      await turn();
    }
  };
  // Buffers and compiled code come to stay in the first ones.
  await minute();
  await minute();
  const before = heldBytes();
  for (let at = 0; at < 5; at += 1) {
    await minute();
  }
  const slope = (heldBytes() - before) / 5;
  await close(1_000);
  const { exported, dropped, failed, waiting } = stats();
  expect(slope).toBeLessThan(1e6);
  expect(exported).toBe(0);
  expect(dropped + failed + waiting).toBe(7 * 60_000);
  expect(failed).toBeGreaterThan(0);
});
