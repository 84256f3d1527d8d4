import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import { describe, expect, test } from "vitest";
import { metricTable } from "../../../src/metrics/metric-table.ts";
import { createMetricProducer } from "../../../src/telemetry/metric-producer.ts";
import { exampleMetrics, playLoad, startedAtMs } from "../../support/prometheus-load.ts";

async function produced() {
  const { metrics, clock, endpoints } = exampleMetrics();
  playLoad(metrics, endpoints);
  clock.nowMs = startedAtMs + 60_000;
  let turns = 0;
  const producer = createMetricProducer({
    collect: metrics.collect,
    nowMs: () => clock.nowMs,
    yieldTurn: async () => {
      turns += 1;
    },
    version: "1.2.3",
  });
  const { resourceMetrics, errors } = await producer.collect();
  const [scopeMetrics] = resourceMetrics.scopeMetrics;
  const all: readonly MetricData[] = scopeMetrics?.metrics ?? [];
  const metric = (name: string) => all.find(({ descriptor }) => descriptor.name === name);
  return { errors, scope: scopeMetrics?.scope, all, metric, turns };
}

describe("createMetricProducer()", () => {
  test("says whose metrics they are, and lets others work after each", async () => {
    const { scope, errors, all, turns } = await produced();
    expect(scope).toEqual({ name: "atlas-router", version: "1.2.3" });
    expect(errors).toEqual([]);
    expect(turns).toBe(all.length);
  });

  test("hands out counters as sums since they began", async () => {
    const { metric } = await produced();
    expect(metric("atlas.spend")).toMatchObject({
      descriptor: { unit: "USD" },
      dataPointType: DataPointType.SUM,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      isMonotonic: true,
      dataPoints: [
        {
          attributes: {
            "atlas.model": "acme/one",
            "atlas.endpoint": "acme/eu/one",
            "atlas.tier": "standard",
          },
          startTime: [startedAtMs / 1_000, 0],
          endTime: [startedAtMs / 1_000 + 60, 0],
          value: 0.000156,
        },
        { value: 0.000039 },
      ],
    });
  });

  test("hands out gauges", async () => {
    const { metric } = await produced();
    expect(metric("atlas.catalog.revision")).toMatchObject({
      dataPointType: DataPointType.GAUGE,
      dataPoints: [{ attributes: {}, value: 1 }],
    });
  });

  test("hands out histograms, without the labels that are left out", async () => {
    const { metric } = await produced();
    const [point] = metric("gen_ai.client.operation.duration")?.dataPoints ?? [];
    expect(point).toMatchObject({
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "acme",
        "gen_ai.request.model": "acme/one",
      },
      value: { sum: 2, count: 4, buckets: { boundaries: expect.any(Array) } },
    });
    expect(point?.attributes).not.toHaveProperty(["error.type"]);
    expect(point?.value).toHaveProperty(
      "buckets.counts",
      [0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0],
    );
  });

  test("says nothing of metrics without series", async () => {
    const { all, metric } = await produced();
    expect(all.every(({ dataPoints }) => dataPoints.length > 0)).toBe(true);
    expect(metric("atlas.scorer.lag")).toBeUndefined();
  });

  test("lets others work after every 1,000 points of a large metric", async () => {
    const series = Array.from({ length: 2_500 }, (_, index) => ({
      labels: [`${index}`],
      startedAtMs,
      value: index,
    }));
    let turns = 0;
    const producer = createMetricProducer({
      collect: () => [{ definition: metricTable.fallbacks, series: () => series }],
      nowMs: () => startedAtMs,
      yieldTurn: async () => {
        turns += 1;
      },
      version: "1.2.3",
    });
    const { resourceMetrics } = await producer.collect();
    const points = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
    expect([points.length, turns]).toEqual([2_500, 3]);
    expect(points.map(({ value }) => value)).toEqual(series.map(({ value }) => value));
  });

  test("has no scope when there is nothing to tell", async () => {
    const producer = createMetricProducer({
      collect: () => [],
      nowMs: () => 0,
      yieldTurn: async () => undefined,
      version: "1.2.3",
    });
    const { resourceMetrics } = await producer.collect();
    expect(resourceMetrics.scopeMetrics).toEqual([]);
  });

  test("a reader of the SDK takes it beside its own", async () => {
    const { metrics, endpoints } = exampleMetrics();
    playLoad(metrics, endpoints);
    class TestReader extends MetricReader {
      protected async onForceFlush() {}
      protected async onShutdown() {}
    }
    const producer = createMetricProducer({
      collect: metrics.collect,
      nowMs: () => 0,
      yieldTurn: async () => undefined,
      version: "1.2.3",
    });
    const reader = new TestReader({ metricProducers: [producer] });
    reader.setMetricProducer(
      createMetricProducer({
        collect: () => [],
        nowMs: () => 0,
        yieldTurn: async () => undefined,
        version: "1.2.3",
      }),
    );
    const { resourceMetrics } = await reader.collect();
    expect(resourceMetrics.scopeMetrics).toHaveLength(1);
  });
});
