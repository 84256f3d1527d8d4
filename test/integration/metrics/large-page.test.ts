import { describe, expect, test } from "vitest";
import { failureKinds, SUCCESS } from "../../../src/domain/outcome.ts";
import type { Metrics } from "../../../src/metrics/create-metrics.ts";
import { textOf } from "../../../src/metrics/exposition.ts";
import type { NumberSeries } from "../../../src/metrics/series.ts";
import { createMetricProducer } from "../../../src/telemetry/metric-producer.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint, exampleTrace } from "../../support/examples.ts";
import { fastestOf } from "../../support/fastest-of.ts";
import {
  attemptAt,
  callEndOf,
  callTo,
  exampleMetrics,
  failureOf,
  observationOf,
} from "../../support/prometheus-load.ts";
import { exampleLive } from "../../support/prometheus-sources.ts";

/** Endpoints of a hundred providers. */
function fleetOf(size: number) {
  const models = Array.from({ length: 20 }, (_, number) => exampleModel(`acme/m${number}`));
  const endpoints = Array.from({ length: size }, (_, number) =>
    exampleEndpoint(`p${number % 100}/r${number}/m${number % 20}`, {
      model: `acme/m${number % 20}`,
    }),
  );
  const all = exampleCatalog(models, endpoints);
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const byModel = Map.groupBy(endpoints, ({ model }) => model);
  const catalog = {
    ...all,
    endpoint: (id: (typeof endpoints)[number]["id"]) => byId.get(id),
    endpointsOf: (model: string) => byModel.get(model) ?? [],
  };
  const { metrics } = exampleMetrics({ catalog: () => catalog });
  metrics.attach({ live: { of: () => exampleLive } });
  return { metrics, endpoints };
}

/** A thousand busy endpoints, each with failures of three kinds. */
function largeFleet() {
  const { metrics, endpoints } = fleetOf(1_000);
  const trace = exampleTrace({ keep: true });
  for (const endpoint of endpoints) {
    const attempt = attemptAt(endpoint);
    metrics.observe(observationOf(attempt, { trace }));
    metrics.finished(callTo(endpoint.model, { trace }), callEndOf([attempt]));
    for (const kind of ["overloaded", "rate-limited", "network"] as const) {
      metrics.observe(observationOf(attemptAt(endpoint, failureOf(kind)), { trace }));
    }
  }
  return metrics;
}

const LONGEST_MS = 20;

describe("a page of 1,000 endpoints", () => {
  test("is made in pieces of less than 20 ms", async () => {
    const metrics = largeFleet();
    let lines = 0;
    const longestMs = await fastestOf(5, async () => {
      let longest = 0;
      let startedAtMs = performance.now();
      for (const piece of textOf(metrics.collect(), "openmetrics")) {
        longest = Math.max(longest, performance.now() - startedAtMs);
        lines += piece.split("\n").length;
        startedAtMs = performance.now();
      }
      return longest;
    });
    expect(lines).toBeGreaterThan(5 * 20_000);
    expect(longestMs).toBeLessThan(LONGEST_MS);
  });

  test("is handed to an exporter in turns of less than 20 ms", async () => {
    const metrics = largeFleet();
    const longestMs = await fastestOf(5, async () => {
      let longest = 0;
      let startedAtMs = performance.now();
      const producer = createMetricProducer({
        collect: metrics.collect,
        nowMs: () => 0,
        async yieldTurn() {
          longest = Math.max(longest, performance.now() - startedAtMs);
          await new Promise((resolve) => setImmediate(resolve));
          startedAtMs = performance.now();
        },
        version: "1.2.3",
      });
      await producer.collect();
      return longest;
    });
    expect(longestMs).toBeLessThan(LONGEST_MS);
  });
});

describe("a page of more endpoints than a metric has room for", () => {
  const seriesOf = (metrics: Metrics, name: string): readonly NumberSeries[] => {
    const family = metrics.collect().find(({ definition }) => definition.name === name);
    // Counters and gauges have nothing else.
    return [...(family?.series() ?? [])] as NumberSeries[];
  };
  const sumOf = (series: readonly NumberSeries[]) =>
    series.reduce((sum, { value }) => sum + value, 0);

  test("has at most 20,000 series, loses no count, and tells what found no place", () => {
    const { metrics, endpoints } = fleetOf(2_000);
    const outcomes = [SUCCESS, ...failureKinds.map(failureOf)];
    for (const endpoint of endpoints) {
      for (const outcome of outcomes) {
        metrics.observe(observationOf(attemptAt(endpoint, outcome)));
      }
    }
    const attempts = seriesOf(metrics, "atlas.attempts");
    expect(attempts).toHaveLength(20_000);
    expect(sumOf(attempts)).toBe(2_000 * outcomes.length);
    expect(attempts.at(-1)).toMatchObject({
      labels: ["_overflow", "_overflow", "_overflow", "_overflow"],
      value: 2_000 * outcomes.length - 19_999,
    });
    expect(sumOf(seriesOf(metrics, "atlas.metrics.overflows"))).toBeGreaterThan(0);
  });

  test("has every one of 2,000 endpoints in its gauges", () => {
    const { metrics } = fleetOf(2_000);
    expect(seriesOf(metrics, "atlas.endpoint.limit")).toHaveLength(2_000);
    expect(sumOf(seriesOf(metrics, "atlas.metrics.overflows"))).toBe(0);
  });

  test("leaves gauges of more than 20,000 endpoints out, and counts them", () => {
    const { metrics } = fleetOf(20_500);
    expect(seriesOf(metrics, "atlas.endpoint.limit")).toHaveLength(20_000);
    expect(sumOf(seriesOf(metrics, "atlas.metrics.overflows"))).toBe(500);
  });
});
