import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { TraceExporterMetricsHelper } from "@opentelemetry/otlp-transformer";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { OtlpProtocol } from "./otlp-env.ts";
import { createSpanPacking } from "./packed-spans.ts";
import { readableSpanOf, type SpanOrigin } from "./readable-span.ts";
import type { SpanPacking } from "./span-queue.ts";
import { createTraceSerializer } from "./trace-request.ts";

export type ExportTarget = {
  readonly protocol: OtlpProtocol;
  /** Absent: by the environment, or else the default. */
  readonly timeoutMs: number | undefined;
};

type ExporterConfig = { readonly timeoutMillis?: number };

export type SpanExport = {
  /** Takes what `packing` makes. */
  readonly exporter: SpanExporter;
  readonly packing: SpanPacking;
  /** Spans of one export, unless the environment says otherwise. */
  readonly batchSize: number;
};

/** The default of the specification: such a batch is copied together in a tenth of a millisecond. */
const PACKED_BATCH_SIZE = 512;

/** Fewer, because JSON is made of a whole batch in one turn, which calls wait for. */
const READABLE_BATCH_SIZE = 128;

/** Names of the library for its figures about itself, of which it keeps none here. */
const HTTP_EXPORTER = "otlp_http_span_exporter";
const GRPC_EXPORTER = "otlp_grpc_span_exporter";

/**
 * Requests are ours, all about sending them is the library's: addresses, headers, certificates, compression,
 * repetitions, and the timeout unless `timeoutMs` is one, by `OTEL_EXPORTER_OTLP_*` of the process when this is
 * called. Rejects when they cannot be used.
 */
export async function spanExportOf(
  { protocol, timeoutMs }: ExportTarget,
  origin: SpanOrigin,
): Promise<SpanExport> {
  const config = timeoutMs === undefined ? {} : { timeoutMillis: timeoutMs };
  switch (protocol) {
    case "grpc":
      return packedExport(await grpcExporterOf(config, origin), origin);
    case "http/protobuf":
      return packedExport(await httpExporterOf(config, origin), origin);
    case "http/json": {
      const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
      return {
        exporter: new OTLPTraceExporter(config),
        packing: { pack: (span) => readableSpanOf(span, origin), split: (spans) => [spans] },
        batchSize: READABLE_BATCH_SIZE,
      };
    }
  }
}

function packedExport(exporter: SpanExporter, { resource }: SpanOrigin): SpanExport {
  return { exporter, packing: createSpanPacking(resource), batchSize: PACKED_BATCH_SIZE };
}

async function httpExporterOf(config: ExporterConfig, origin: SpanOrigin): Promise<SpanExporter> {
  const { convertLegacyHttpOptions, createOtlpHttpExportDelegate } = await import(
    "@opentelemetry/otlp-exporter-base/node-http"
  );
  const headers = { "Content-Type": "application/x-protobuf" };
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(
      convertLegacyHttpOptions(config, "TRACES", "v1/traces", headers),
      createTraceSerializer(origin),
      HTTP_EXPORTER,
      TraceExporterMetricsHelper,
      undefined,
    ),
  );
}

async function grpcExporterOf(config: ExporterConfig, origin: SpanOrigin): Promise<SpanExporter> {
  const { convertLegacyOtlpGrpcOptions, createOtlpGrpcExportDelegate } = await import(
    "@opentelemetry/otlp-grpc-exporter-base"
  );
  return new OTLPExporterBase(
    createOtlpGrpcExportDelegate(
      convertLegacyOtlpGrpcOptions(config, "TRACES"),
      createTraceSerializer(origin),
      GRPC_EXPORTER,
      TraceExporterMetricsHelper,
      undefined,
      "TraceExportService",
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ),
  );
}
