import type { MetricProducer } from "@opentelemetry/sdk-metrics";
import type { Log, NowMs } from "../domain/ports.ts";
import type { SpanSink } from "../domain/trace.ts";
import { type OtelEnv, otlpChoiceOf, otlpSecretsOf } from "./otlp-env.ts";
import type { SpanStats } from "./span-queue.ts";

export type TelemetryOptions = {
  /**
   * The environment of this process and no other: what is exported is decided from it here, and the SDK
   * reads addresses, headers, certificates and limits from `process.env` itself.
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

/** Starts what the environment asks for. The SDK is loaded only when something is to be exported. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, log, nowMs } = options;
  const traces = options.traces ? otlpChoiceOf(env, "TRACES") : undefined;
  const metrics = options.metricProducers.length > 0 ? otlpChoiceOf(env, "METRICS") : undefined;
  for (const problem of [...(traces?.problems ?? []), ...(metrics?.problems ?? [])]) {
    log("warn", "telemetry is not exported as it should be", { detail: problem });
  }
  if (traces?.protocol === undefined && metrics?.protocol === undefined) {
    return { spans: undefined, stats: () => NOTHING, close: () => Promise.resolve() };
  }
  const { startOtlpSdk } = await import("./otlp-sdk.ts");
  const sdk = await startOtlpSdk({
    traces: traces?.protocol,
    metrics: metrics?.protocol,
    metricProducers: options.metricProducers,
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
