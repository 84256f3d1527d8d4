import { type Attributes, ValueType } from "@opentelemetry/api";
import { type InstrumentationScope, millisToHrTime } from "@opentelemetry/core";
import { emptyResource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { NowMs } from "../domain/ports.ts";
import { type LabelKey, labels } from "../metrics/labels.ts";
import type { MetricDefinition } from "../metrics/metric-definition.ts";
import type { Family } from "../metrics/registry.ts";
import type { HistogramSeries, NumberSeries, Series } from "../metrics/series.ts";

export type MetricProducerOptions = {
  readonly collect: () => readonly Family[];
  readonly nowMs: NowMs;
  /** Lets others work after every 1,000 data points, and between two metrics. */
  readonly yieldTurn: () => Promise<void>;
  /** Of this program. */
  readonly version: string;
};

/**
 * Hands to an exporter what `/metrics` shows, under the names of OpenTelemetry.
 *
 * For `metricProducers` of a reader, which adds its own resource. Sums are cumulative. Exemplars are left
 * out: the data points of the SDK have no place for them.
 */
export function createMetricProducer(options: MetricProducerOptions): MetricProducer {
  const { collect, nowMs, yieldTurn, version } = options;
  const scope: InstrumentationScope = { name: "atlas-router", version };
  return {
    async collect() {
      const metrics: MetricData[] = [];
      for (const family of collect()) {
        const metric = await metricOf(family, nowMs(), yieldTurn);
        if (metric.dataPoints.length > 0) {
          metrics.push(metric);
          await yieldTurn();
        }
      }
      const scopeMetrics = metrics.length === 0 ? [] : [{ scope, metrics }];
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
    },
  };
}

/** Made in one turn. */
const PIECE = 1_000;

async function metricOf(
  { definition, series }: Family,
  atMs: number,
  yieldTurn: () => Promise<void>,
): Promise<MetricData> {
  const { name, meaning, unit, type } = definition;
  const shared = {
    descriptor: { name, description: meaning, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const numbers: DataPoint<number>[] = [];
  const histograms: DataPoint<Histogram>[] = [];
  for (const one of series()) {
    if ("counts" in one) {
      histograms.push({ ...pointOf(definition, one, atMs), value: histogramOf(one) });
    } else {
      numbers.push({ ...pointOf(definition, one, atMs), value: one.value });
    }
    if ((numbers.length + histograms.length) % PIECE === 0) {
      await yieldTurn();
    }
  }
  switch (type) {
    case "histogram":
      return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms };
    case "counter":
      return {
        ...shared,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: numbers,
      };
    case "gauge":
      return { ...shared, dataPointType: DataPointType.GAUGE, dataPoints: numbers };
  }
}

function pointOf(definition: MetricDefinition, series: Series, atMs: number) {
  return {
    startTime: millisToHrTime(series.startedAtMs),
    endTime: millisToHrTime(atMs),
    attributes: attributesOf(definition.labels, series),
  };
}

function attributesOf(keys: readonly LabelKey[], series: NumberSeries | HistogramSeries) {
  const attributes: Attributes = {};
  keys.forEach((key, index) => {
    const value = series.labels[index];
    if (value !== undefined && value !== "") {
      attributes[labels[key].name] = value;
    }
  });
  return attributes;
}

/** Copied: counting goes on while it is exported. */
function histogramOf({ bounds, counts, sum, count }: HistogramSeries): Histogram {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
