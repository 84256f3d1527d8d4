/**
 * Spans on their way out: a bounded queue before the SDK's batches, and a count of what became of them.
 *
 * The SDK's own processor drops what exceeds its queue and tells nobody how much, so the queue is bounded
 * here by the same number: what waits is what was handed over less what the exporter was given.
 */
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import type { Span, SpanSink } from "../domain/trace.ts";

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

export type SpanPacking = {
  /** A span as it waits: something of the size of what is sent. */
  pack(span: Span): ReadableSpan;
  /** Spans of a batch, in their order, parted into exports that a collector has room for. */
  split(spans: ReadableSpan[]): ReadableSpan[][];
};

export type SpanQueueOptions = {
  readonly exporter: SpanExporter;
  readonly packing: SpanPacking;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  /** A batch that is not full waits so long. */
  readonly scheduleDelayMs: number;
  /** The next batch waits so long for one that does not end. */
  readonly exportTimeoutMs: number;
  /** Told of every export that failed. */
  readonly onError: (error: unknown) => void;
};

/** `ExportResultCode.SUCCESS` of the SDK. */
const SUCCESS = 0;

export function createSpanQueue(options: SpanQueueOptions): SpanQueue {
  const { exporter, packing, maxQueueSize, maxExportBatchSize, onError } = options;
  let waiting = 0;
  let exported = 0;
  let dropped = 0;
  let failed = 0;
  let failedExports = 0;
  /** Batches on their way. The exporter knows of none of their parts before its turn. */
  const running = new Set<Promise<void>>();

  /**
   * One after the other, because the exporter refuses what comes while many are on their way. When one fails,
   * so do those behind it: with a collector that hangs they would pile up, each for its timeout.
   */
  function exportEach(pieces: readonly ReadableSpan[][], at: number, done: () => void): void {
    const spans = pieces[at];
    if (spans === undefined) {
      done();
      return;
    }
    // The processor exports on the stack of whoever fills a batch, and copying one takes a while.
    setImmediate(() => {
      exporter.export(spans, (result) => {
        if (result.code === SUCCESS) {
          exported += spans.length;
          exportEach(pieces, at + 1, done);
        } else {
          failed += pieces.slice(at).flat().length;
          failedExports += 1;
          onError(result.error);
          done();
        }
      });
    });
  }

  const counting: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length;
      const { promise, resolve } = Promise.withResolvers<void>();
      running.add(promise);
      exportEach(packing.split(spans), 0, () => {
        running.delete(promise);
        resolve();
        // A failure would keep the processor from awaiting the other exports of its shutdown.
        done({ code: SUCCESS });
      });
    },
    async shutdown() {
      await Promise.all(running);
      await exporter.shutdown();
    },
    async forceFlush() {
      await Promise.all(running);
      await exporter.forceFlush?.();
    },
  };
  // With all of them it looks for none in the environment, where numbers are not checked.
  const processor = new BatchSpanProcessor(counting, {
    maxQueueSize,
    maxExportBatchSize,
    scheduledDelayMillis: options.scheduleDelayMs,
    exportTimeoutMillis: options.exportTimeoutMs,
  });

  return {
    processor,
    sink(span) {
      if (waiting >= maxQueueSize) {
        dropped += 1;
        return;
      }
      waiting += 1;
      processor.onEnd(packing.pack(span));
    },
    stats: () => ({ exported, dropped, failed, failedExports, waiting }),
  };
}
