import type { MetricProducer } from "@opentelemetry/sdk-metrics";
import type { Log, NowMs } from "../domain/ports.ts";
import type { SpanSink } from "../domain/trace.ts";
import { isDisabled, otlpChoiceOf } from "./otlp-env.ts";
import { fileProblemsOf, type ReadFile } from "./otlp-files.ts";
import { metricReaderLimitsOf, requestTimeoutMsOf, spanQueueLimitsOf } from "./otlp-limits.ts";
import { otlpSecretsOf } from "./otlp-secrets.ts";
import type { OtelEnv, OtlpSignal } from "./otlp-variables.ts";
import type { ExportTarget } from "./span-export.ts";
import type { SpanStats } from "./span-queue.ts";
import { unheededProblemsOf } from "./unheeded-variables.ts";

export type TelemetryOptions = {
  /**
   * The environment of this process and no other: what is exported is decided from it here, and the SDK
   * reads addresses, headers and certificates from `process.env` itself.
   */
  readonly env: OtelEnv;
  /** False: no span is exported, whatever the environment says. */
  readonly traces: boolean;
  /** Exported on every interval of `OTEL_METRIC_EXPORT_INTERVAL`; none: no metric is. */
  readonly metricProducers: readonly MetricProducer[];
  readonly version: string;
  /** Name of this replica. */
  readonly instanceId: string;
  readonly log: Log;
  readonly nowMs: NowMs;
  /** Tries the files that the environment names. */
  readonly readFile: ReadFile;
};

export type Telemetry = {
  /** Absent: spans are exported nowhere, so none need be made. */
  readonly spans: SpanSink | undefined;
  /** Since the start. */
  readonly stats: () => SpanStats;
  /** Exports what waits, and resolves when it is out or the time is over. Never rejects. */
  close(timeoutMs: number): Promise<void>;
};

const NOTHING: SpanStats = { exported: 0, dropped: 0, failed: 0, failedExports: 0, waiting: 0 };

/**
 * Starts what the environment asks for, and tells what is wrong with it: a signal that cannot be exported is
 * left out, and never keeps the program from starting. The SDK is loaded only when something is to be exported.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, log, nowMs, metricProducers } = options;
  const traces = options.traces ? await targetOf("TRACES", options) : NO_TARGET;
  const metrics = metricProducers.length > 0 ? await targetOf("METRICS", options) : NO_TARGET;
  const spanLimits = spanQueueLimitsOf(env);
  const metricLimits = metricReaderLimitsOf(env);
  const problems = new Set([
    ...(isDisabled(env) ? [] : unheededProblemsOf(env, "ANY")),
    ...traces.problems,
    ...(traces.target === undefined ? [] : spanLimits.problems),
    ...metrics.problems,
    ...(metrics.target === undefined ? [] : metricLimits.problems),
  ]);
  for (const detail of problems) {
    log("warn", "telemetry is not exported as it should be", { detail });
  }
  if (traces.target === undefined && metrics.target === undefined) {
    return { spans: undefined, stats: () => NOTHING, close: () => Promise.resolve() };
  }
  const { startOtlpSdk } = await import("./otlp-sdk.ts");
  const sdk = await startOtlpSdk({
    traces: traces.target && { ...traces.target, limits: spanLimits.limits },
    metrics: metrics.target && { ...metrics.target, limits: metricLimits.limits },
    metricProducers,
    version: options.version,
    instanceId: options.instanceId,
    log,
    nowMs,
    secrets: otlpSecretsOf(env),
  });
  return {
    spans: sdk.queue?.sink,
    stats: sdk.queue?.stats ?? (() => NOTHING),
    close: sdk.close,
  };
}

type Targeted = {
  /** Absent: the signal is not exported. */
  readonly target: ExportTarget | undefined;
  readonly problems: readonly string[];
};

const NO_TARGET: Targeted = { target: undefined, problems: [] };

async function targetOf(
  signal: OtlpSignal,
  { env, readFile }: TelemetryOptions,
): Promise<Targeted> {
  const { protocol, problems } = otlpChoiceOf(env, signal);
  if (protocol === undefined) {
    return { target: undefined, problems };
  }
  const files = await fileProblemsOf(env, signal, readFile);
  return {
    target: { protocol, timeoutMs: requestTimeoutMsOf(env, signal) },
    problems: [...problems, ...files, ...unheededProblemsOf(env, signal)],
  };
}
