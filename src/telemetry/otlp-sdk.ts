import { DiagLogLevel, diag } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { AggregationTemporalityPreference } from "@opentelemetry/exporter-metrics-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace-base";
import type { Log, NowMs } from "../domain/ports.ts";
import type { MetricReaderLimits, SpanQueueLimits } from "./otlp-limits.ts";
import { createSdkLog, type SdkLog } from "./sdk-log.ts";
import { type ExportTarget, spanExportOf } from "./span-export.ts";
import { createSpanQueue, type SpanQueue } from "./span-queue.ts";

export type OtlpSdkOptions = {
  /** Absent: spans are not exported. */
  readonly traces: (ExportTarget & { readonly limits: SpanQueueLimits }) | undefined;
  /** Absent: metrics are not exported. */
  readonly metrics: (ExportTarget & { readonly limits: MetricReaderLimits }) | undefined;
  readonly metricProducers: readonly MetricProducer[];
  readonly version: string;
  readonly instanceId: string;
  readonly log: Log;
  readonly nowMs: NowMs;
  readonly secrets: readonly string[];
};

export type OtlpSdk = {
  readonly queue: SpanQueue | undefined;
  close(timeoutMs: number): Promise<void>;
};

const SERVICE = "atlas-router";

/**
 * Data points of one request. An export of a large fleet has tens of thousands, each of which costs some
 * microseconds to encode, in one turn: it becomes several requests, one after the other.
 */
const METRIC_BATCH_SIZE = 1_000;

/**
 * Exporters read `OTEL_EXPORTER_OTLP_*` of the process when they are made. A signal whose variables they cannot
 * use is told of, and not exported.
 */
export async function startOtlpSdk(options: OtlpSdkOptions): Promise<OtlpSdk> {
  const sdkLog = createSdkLog(options.log, options.nowMs, options.secrets);
  // Before anything reads a variable, and complains of it.
  setGlobalErrorHandler(sdkLog.onError);
  diag.setLogger(sdkLog.logger, LOGGING);
  const resource = resourceOf(options);
  // Else the first batch would wait for them, and be lost when the process ends before that.
  await resource.waitForAsyncAttributes?.();
  const queue = await madeOrTold("traces", () => spanQueueOf(options, resource, sdkLog), sdkLog);
  const reader = await madeOrTold("metrics", () => metricReaderOf(options), sdkLog);
  // The constructor installs a console by OTEL_LOG_LEVEL, and tells both loggers when there is one already.
  diag.disable();
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    // Nothing asks it; without one the SDK complains of variables that are ours to read.
    sampler: new AlwaysOnSampler(),
    spanProcessors: queue === undefined ? [] : [queue.processor],
    metricReaders: reader === undefined ? [] : [reader],
    logRecordProcessors: [],
    textMapPropagator: null,
  });
  diag.setLogger(sdkLog.logger, LOGGING);
  sdk.start();
  sdkLog.started();
  return { queue, close: (timeoutMs) => settledWithin(timeoutMs, sdk.shutdown(), sdkLog.onError) };
}

const LOGGING = { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true };

/** What the variables hold, such as a header that gRPC cannot send, must not keep the router from its work. */
async function madeOrTold<T>(
  signals: string,
  make: () => Promise<T | undefined>,
  { logger }: SdkLog,
): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    logger.error(
      `${signals} are not exported, because OTEL_EXPORTER_OTLP_* cannot be used:`,
      error,
    );
    return undefined;
  }
}

/**
 * `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` have the last word. What the SDK can tell of the process
 * is left out: its command line may hold an address with a password.
 */
function resourceOf({ version, instanceId }: OtlpSdkOptions): Resource {
  return defaultResource()
    .merge(detectResources({ detectors: [hostDetector] }))
    .merge(
      resourceFromAttributes({
        "service.name": SERVICE,
        "service.version": version,
        "service.instance.id": instanceId,
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }));
}

async function spanQueueOf(
  { traces, version }: OtlpSdkOptions,
  resource: Resource,
  { onError }: SdkLog,
): Promise<SpanQueue | undefined> {
  if (traces === undefined) {
    return undefined;
  }
  const origin = { resource, instrumentationScope: { name: SERVICE, version } };
  const { exporter, packing, batchSize } = await spanExportOf(traces, origin);
  const { maxQueueSize, maxExportBatchSize, ...limits } = traces.limits;
  return createSpanQueue({
    ...limits,
    exporter,
    packing,
    maxQueueSize,
    maxExportBatchSize: maxExportBatchSize ?? Math.min(batchSize, maxQueueSize),
    onError,
  });
}

async function metricReaderOf({
  metrics,
  metricProducers,
}: OtlpSdkOptions): Promise<PeriodicExportingMetricReader | undefined> {
  if (metrics === undefined) {
    return undefined;
  }
  const { exportIntervalMs, exportTimeoutMs } = metrics.limits;
  return new PeriodicExportingMetricReader({
    exporter: await metricExporterOf(metrics),
    exportIntervalMillis: exportIntervalMs,
    exportTimeoutMillis: exportTimeoutMs,
    maxExportBatchSize: METRIC_BATCH_SIZE,
    metricProducers: [...metricProducers],
  });
}

async function metricExporterOf({
  protocol,
  timeoutMs,
}: ExportTarget): Promise<PushMetricExporter> {
  const config = {
    // Producers are cumulative whatever the variable says, of which the exporter would complain as well.
    temporalityPreference: AggregationTemporalityPreference.CUMULATIVE,
    ...(timeoutMs === undefined ? {} : { timeoutMillis: timeoutMs }),
  };
  switch (protocol) {
    case "grpc": {
      const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-grpc");
      return new OTLPMetricExporter(config);
    }
    case "http/json": {
      const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
      return new OTLPMetricExporter(config);
    }
    case "http/protobuf": {
      const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-proto");
      return new OTLPMetricExporter(config);
    }
  }
}

/** The SDK's own flush lasts as long as the collector lets it. */
async function settledWithin(
  timeoutMs: number,
  work: Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  work.catch(onError).finally(resolve);
  await promise;
  clearTimeout(timer);
}
