import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { describe, expect, test } from "vitest";
import { readableSpanOf } from "../../../src/telemetry/readable-span.ts";
import { createSpanQueue } from "../../../src/telemetry/span-queue.ts";
import { exampleSpan } from "../../support/example-span.ts";

const origin = {
  resource: resourceFromAttributes({}),
  instrumentationScope: { name: "atlas-router" },
};

/** Batches of four spans, each in exports of `pieceSize`. */
function start({ pieceSize = 4, maxQueueSize = 100 } = {}) {
  const exports: string[][] = [];
  const errors: unknown[] = [];
  const failing = new Set<string>();
  let running = 0;
  let mostRunning = 0;
  const exporter: SpanExporter = {
    export(spans, done) {
      const names = spans.map(({ name }) => name);
      exports.push(names);
      running += 1;
      mostRunning = Math.max(running, mostRunning);
      setImmediate(() => {
        running -= 1;
        const hasFailed = names.some((name) => failing.has(name));
        done(hasFailed ? { code: 1, error: new Error(names.join()) } : { code: 0 });
      });
    },
    shutdown: async () => undefined,
  };
  const queue = createSpanQueue({
    exporter,
    packing: {
      pack: (span) => readableSpanOf(span, origin),
      split: (spans) => piecesOf(spans, pieceSize),
    },
    maxQueueSize,
    maxExportBatchSize: 4,
    scheduleDelayMs: 600_000,
    exportTimeoutMs: 600_000,
    onError: (error) => errors.push(error),
  });
  return {
    ...queue,
    exports,
    errors,
    failing,
    mostRunning: () => mostRunning,
    tell(...names: readonly string[]) {
      for (const name of names) {
        queue.sink(exampleSpan({ name }));
      }
    },
  };
}

function piecesOf(spans: ReadableSpan[], size: number): ReadableSpan[][] {
  const count = Math.ceil(spans.length / size);
  return Array.from({ length: count }, (_, at) => spans.slice(at * size, (at + 1) * size));
}

describe("createSpanQueue()", () => {
  test("exports what waits in batches, and not on the stack of who tells", async () => {
    const { tell, exports, stats, processor } = start();
    tell("a", "b", "c", "d", "e");
    expect(exports).toEqual([]);
    expect(stats()).toMatchObject({ exported: 0, waiting: 1 });
    await processor.shutdown();
    expect(exports).toEqual([["a", "b", "c", "d"], ["e"]]);
    expect(stats()).toEqual({ exported: 5, dropped: 0, failed: 0, failedExports: 0, waiting: 0 });
  });

  test("exports the parts of a batch one after the other, and a shutdown waits for all", async () => {
    const { tell, exports, stats, processor, mostRunning } = start({ pieceSize: 1 });
    tell("a", "b", "c");
    await processor.shutdown();
    expect(exports).toEqual([["a"], ["b"], ["c"]]);
    expect(mostRunning()).toBe(1);
    expect(stats()).toMatchObject({ exported: 3, waiting: 0 });
  });

  test("gives up a batch with the first part that fails, and goes on with the next batch", async () => {
    const { tell, failing, errors, exports, stats, processor } = start({ pieceSize: 1 });
    failing.add("b");
    tell("a", "b", "c", "d", "e");
    await processor.shutdown();
    expect(exports.flat().sort()).toEqual(["a", "b", "e"]);
    expect(stats()).toEqual({ exported: 2, dropped: 0, failed: 3, failedExports: 1, waiting: 0 });
    expect(errors).toEqual([new Error("b")]);
  });

  test("waits in a shutdown for a batch that was on its way by then", async () => {
    const { tell, stats, processor } = start({ pieceSize: 1 });
    tell("a", "b", "c", "d");
    await processor.shutdown();
    expect(stats()).toMatchObject({ exported: 4, waiting: 0 });
  });

  test("drops and counts what the queue has no room for", async () => {
    const { tell, exports, stats, processor } = start({ maxQueueSize: 3 });
    tell("a", "b", "c", "d", "e", "f", "g", "h");
    // Three are a batch by then, and on their way.
    expect(stats()).toMatchObject({ dropped: 2, waiting: 3 });
    await processor.shutdown();
    expect(exports.flat()).toHaveLength(6);
  });
});
