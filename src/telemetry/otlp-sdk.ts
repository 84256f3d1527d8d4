import { DiagLogLevel, diag } from "@opentelemetry/api";
import { getNumberFromEnv, setGlobalErrorHandler } from "@opentelemetry/core";
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
import type { Log, NowMs } from "../domain/ports.ts";
import type { OtlpProtocol } from "./otlp-env.ts";
import { createSdkLog } from "./sdk-log.ts";
import { spanExportOf } from "./span-export.ts";
import { createSpanQueue, type SpanQueue } from "./span-queue.ts";

export type OtlpSdkOptions = {
  /** Absent: spans are not exported. */
  readonly traces: OtlpProtocol | undefined;
  /** Absent: metrics are not exported. */
  readonly metrics: OtlpProtocol | undefined;
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

/** Default of the specification. */
const MAX_QUEUE_SIZE = 2_048;

/**
 * Data points of one request. An export of a large fleet has tens of thousands, each of which costs some
 * microseconds to encode, in one turn: it becomes several requests, one after the other.
 */
const METRIC_BATCH_SIZE = 1_000;

const METRIC_INTERVAL_MS = 60_000;
const METRIC_TIMEOUT_MS = 30_000;

/** Exporters read `OTEL_EXPORTER_OTLP_*` of the process when they are made. */
export async function startOtlpSdk(options: OtlpSdkOptions): Promise<OtlpSdk> {
  const { traces, metrics, metricProducers, version } = options;
  const sdkLog = createSdkLog(options.log, options.nowMs, options.secrets);
  const resource = resourceOf(options);
  // Else the first batch would wait for them, and be lost when the process ends before that.
  await resource.waitForAsyncAttributes?.();
  const origin = { resource, instrumentationScope: { name: SERVICE, version } };
  const spanExport = traces === undefined ? undefined : await spanExportOf(traces, origin);
  const queue =
    spanExport === undefined
      ? undefined
      : createSpanQueue({
          exporter: spanExport.exporter,
          packing: spanExport.packing,
          maxQueueSize: positiveOr(MAX_QUEUE_SIZE, "OTEL_BSP_MAX_QUEUE_SIZE"),
          maxExportBatchSize: positiveOr(spanExport.batchSize, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
          onError: sdkLog.onError,
        });
  const metricReaders =
    metrics === undefined ? [] : [metricReaderOf(await metricExporterOf(metrics), metricProducers)];
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    spanProcessors: queue === undefined ? [] : [queue.processor],
    metricReaders,
    logRecordProcessors: [],
    textMapPropagator: null,
  });
  // After the SDK was made, because it would install its console by OTEL_LOG_LEVEL.
  diag.setLogger(sdkLog.logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  setGlobalErrorHandler(sdkLog.onError);
  sdk.start();
  return { queue, close: (timeoutMs) => settledWithin(timeoutMs, sdk.shutdown(), sdkLog.onError) };
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

async function metricExporterOf(protocol: OtlpProtocol): Promise<PushMetricExporter> {
  switch (protocol) {
    case "grpc": {
      const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-grpc");
      return new OTLPMetricExporter();
    }
    case "http/json": {
      const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
      return new OTLPMetricExporter();
    }
    case "http/protobuf": {
      const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-proto");
      return new OTLPMetricExporter();
    }
  }
}

function metricReaderOf(
  exporter: PushMetricExporter,
  metricProducers: readonly MetricProducer[],
): PeriodicExportingMetricReader {
  const exportIntervalMillis = positiveOr(METRIC_INTERVAL_MS, "OTEL_METRIC_EXPORT_INTERVAL");
  const timeoutMs = positiveOr(METRIC_TIMEOUT_MS, "OTEL_METRIC_EXPORT_TIMEOUT");
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(timeoutMs, exportIntervalMillis),
    maxExportBatchSize: METRIC_BATCH_SIZE,
    metricProducers: [...metricProducers],
  });
}

function positiveOr(otherwise: number, variable: string): number {
  const value = getNumberFromEnv(variable);
  return value !== undefined && value > 0 ? value : otherwise;
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
