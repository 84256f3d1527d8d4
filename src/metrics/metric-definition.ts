import type { LabelKey } from "./labels.ts";

/** Which version of the GenAI conventions names metrics: the released one, or the one in development. */
export type GenAiNames = "v1.41" | "latest";

/** One metric, as it is documented, counted and shown. */
export type MetricDefinition = {
  /** In OpenTelemetry. In Prometheus: `prometheusNameOf`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** UCUM: `s`, `By`; in braces what is counted. */
  readonly unit: string;
  /** Upper bounds, ascending, without infinity. Of histograms alone. */
  readonly buckets?: readonly number[];
  readonly labels: readonly LabelKey[];
  /** One sentence for people. */
  readonly meaning: string;
  /** Page that defines it; absent for our own. */
  readonly convention?: string;
  /** It exists only with these names. Absent: with both. */
  readonly names?: GenAiNames;
  /** It is counted in parts of the unit, this many to one, so that sums stay exact. Default 1. */
  readonly partsPerUnit?: number;
};

/** How units are written at the end of a name; what is counted is not. */
const unitNames: Readonly<Record<string, string>> = { s: "seconds", By: "bytes", USD: "usd" };

/**
 * Name of the metric's family in Prometheus, without the `_total` of its counters' samples.
 *
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
export function prometheusNameOf({ name, unit }: Pick<MetricDefinition, "name" | "unit">): string {
  const plain = name.replaceAll(".", "_");
  const suffix = unitNames[unit];
  return suffix === undefined || plain.endsWith(`_${suffix}`) ? plain : `${plain}_${suffix}`;
}

/** What OpenMetrics says of the unit; empty when the name does not end with one. */
export function prometheusUnitOf(unit: string): string {
  return unitNames[unit] ?? "";
}
