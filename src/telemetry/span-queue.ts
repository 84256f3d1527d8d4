/**
 * Spans on their way out: a bounded queue before the SDK's batches, and a count of what became of them.
 *
 * The SDK's own processor drops what exceeds its queue and tells nobody how much, so the queue is bounded
 * here by the same number: what waits is what was handed over less what the exporter was given.
 */
import { BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { SpanSink } from "../domain/trace.ts";
import { readableSpanOf, type SpanOrigin } from "./readable-span.ts";

export type SpanStats = {
  /** Spans that the collector took. */
  readonly exported: number;
  /** Spans that found the queue full. */
  readonly dropped: number;
  /** Spans of exports that failed; they are not sent again. */
  readonly failed: number;
  /** Exports that failed. */
  readonly failedExports: number;
  /** Spans in the queue. */
  readonly waiting: number;
};

export type SpanQueue = {
  readonly sink: SpanSink;
  readonly stats: () => SpanStats;
  readonly processor: BatchSpanProcessor;
};

export type SpanQueueOptions = {
  readonly exporter: SpanExporter;
  readonly origin: SpanOrigin;
  /** The other limits are the SDK's, from `OTEL_BSP_*`. */
  readonly maxQueueSize: number;
  /** Absent: the SDK's, from `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`. */
  readonly maxExportBatchSize?: number | undefined;
  /** Told of every export that failed. */
  readonly onError: (error: unknown) => void;
};

/** `ExportResultCode.SUCCESS` of the SDK. */
const SUCCESS = 0;

export function createSpanQueue(options: SpanQueueOptions): SpanQueue {
  const { exporter, origin, maxQueueSize, maxExportBatchSize, onError } = options;
  let waiting = 0;
  let exported = 0;
  let dropped = 0;
  let failed = 0;
  let failedExports = 0;

  const counting: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length;
      // The processor exports on the stack of whoever fills a batch, and encoding one takes a while.
      setImmediate(() => {
        exporter.export(spans, (result) => {
          if (result.code === SUCCESS) {
            exported += spans.length;
          } else {
            failed += spans.length;
            failedExports += 1;
            onError(result.error);
          }
          // A failure would keep the processor from awaiting the other exports of its shutdown.
          done({ code: SUCCESS });
        });
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
  const processor = new BatchSpanProcessor(counting, {
    maxQueueSize,
    ...(maxExportBatchSize === undefined ? {} : { maxExportBatchSize }),
  });

  return {
    processor,
    sink(span) {
      if (waiting >= maxQueueSize) {
        dropped += 1;
        return;
      }
      waiting += 1;
      processor.onEnd(readableSpanOf(span, origin));
    },
    stats: () => ({ exported, dropped, failed, failedExports, waiting }),
  };
}
