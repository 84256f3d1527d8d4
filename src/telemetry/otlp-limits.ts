/** The numbers among the standard variables, each checked and with its default. */
import { firstSet, namesOf, type OtelEnv, type OtlpSignal } from "./otlp-variables.ts";

export type SpanQueueLimits = {
  readonly maxQueueSize: number;
  /** Absent: by the transport. */
  readonly maxExportBatchSize: number | undefined;
  readonly scheduleDelayMs: number;
  readonly exportTimeoutMs: number;
};

export type MetricReaderLimits = {
  readonly exportIntervalMs: number;
  /** At most the interval. */
  readonly exportTimeoutMs: number;
};

type Checked<Limits> = {
  readonly limits: Limits;
  /** What is wrong with the variables, for the log. */
  readonly problems: readonly string[];
};

/**
 * What a timer can count, 24 days. It fires at once when it is to count further, so that whoever wants an
 * export never would get one after the other.
 */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Defaults of the specification. */
const spanDefaults = { queueSize: 2_048, scheduleDelayMs: 5_000, exportTimeoutMs: 30_000 };
const metricDefaults = { exportIntervalMs: 60_000, exportTimeoutMs: 30_000 };

export function spanQueueLimitsOf(env: OtelEnv): Checked<SpanQueueLimits> {
  const { problems, wholeOr } = createReader(env);
  const limits = {
    maxQueueSize: wholeOr(spanDefaults.queueSize, "OTEL_BSP_MAX_QUEUE_SIZE"),
    maxExportBatchSize: wholeOr(undefined, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    scheduleDelayMs: delayOf(
      wholeOr(spanDefaults.scheduleDelayMs, "OTEL_BSP_SCHEDULE_DELAY", { least: 0 }),
    ),
    exportTimeoutMs: delayOf(wholeOr(spanDefaults.exportTimeoutMs, "OTEL_BSP_EXPORT_TIMEOUT")),
  };
  return { limits, problems };
}

export function metricReaderLimitsOf(env: OtelEnv): Checked<MetricReaderLimits> {
  const { problems, wholeOr } = createReader(env);
  const exportIntervalMs = delayOf(
    wholeOr(metricDefaults.exportIntervalMs, "OTEL_METRIC_EXPORT_INTERVAL"),
  );
  const exportTimeoutMs = wholeOr(metricDefaults.exportTimeoutMs, "OTEL_METRIC_EXPORT_TIMEOUT");
  const limits = {
    exportIntervalMs,
    exportTimeoutMs: Math.min(exportTimeoutMs, exportIntervalMs),
  };
  return { limits, problems };
}

/**
 * How long an exporter waits for its collector, as far as its variables say so. The exporters tell of values
 * that are none; they take those that no timer can count.
 */
export function requestTimeoutMsOf(env: OtelEnv, signal: OtlpSignal): number | undefined {
  return namesOf(signal, "TIMEOUT")
    .map((name) => Number(firstSet(env, [name])?.value))
    .filter((value) => Number.isFinite(value) && value > 0)
    .map(delayOf)
    .at(0);
}

function delayOf(ms: number): number {
  return Math.min(ms, MAX_DELAY_MS);
}

function createReader(env: OtelEnv) {
  const problems: string[] = [];

  /** The specification wants a value that is none to be told and treated as absent. */
  function wholeOr<T extends number | undefined>(
    otherwise: T,
    name: string,
    { least } = { least: 1 },
  ): number | T {
    const variable = firstSet(env, [name]);
    const value = Number(variable?.value);
    if (variable === undefined) {
      return otherwise;
    }
    if (Number.isInteger(value) && value >= least) {
      return value;
    }
    problems.push(`${name} is no whole number from ${least}: the default is used`);
    return otherwise;
  }

  return { problems, wholeOr };
}
