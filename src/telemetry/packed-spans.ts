/**
 * Spans on their way out, as the bytes that they take in a request.
 *
 * A span becomes bytes when it is told. Encoded when its batch is full, it would make every call wait for
 * hundreds of others, and until then dozens of objects of each would outlive the young ones that are cheap to
 * collect. The bytes lie one behind the other in chunks; a chunk is gone when the last of its spans is.
 */
import type { SpanContext } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { clear, countWritten, createReverseBuffer } from "../wire/reverse-writer.ts";
import { createSpanWriter } from "./encode-span.ts";
import { closeMessage, LENGTH_DELIMITED, tagOf } from "./protobuf-fields.ts";
import type { SpanPacking } from "./span-queue.ts";

export type PackedSpan = ReadableSpan & {
  readonly chunk: Buffer;
  /** Where in the chunk its field of `ScopeSpans` is, tag and length included. */
  readonly start: number;
  readonly end: number;
};

/** Holds about a hundred spans. */
const CHUNK_BYTES = 65_536;

/** What is larger has a chunk of its own, so that little of any other is left unused. */
const LARGE_BYTES = 8_192;

/** A quarter of what a collector takes over gRPC unless it is told to take more. */
const MAX_REQUEST_BYTES = 1_048_576;

const SPAN = tagOf(2, LENGTH_DELIMITED);

/** What the processor asks a span for: it is to be exported. */
const context: SpanContext = { traceId: "", spanId: "", traceFlags: 1 };
const spanContext = () => context;

/** For exporters with the serializer of `trace-request.ts`. `resource` has no attributes to wait for. */
export function createSpanPacking(resource: ReadableSpan["resource"]): SpanPacking {
  const out = createReverseBuffer();
  const writeSpan = createSpanWriter();
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let used = 0;

  function store(): Pick<PackedSpan, "chunk" | "start" | "end"> {
    const length = countWritten(out);
    if (length > LARGE_BYTES) {
      const own = Buffer.allocUnsafeSlow(length);
      out.bytes.copy(own, 0, out.at);
      return { chunk: own, start: 0, end: length };
    }
    if (used + length > CHUNK_BYTES) {
      chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      used = 0;
    }
    const start = used;
    used += out.bytes.copy(chunk, start, out.at);
    return { chunk, start, end: used };
  }

  return {
    pack(span) {
      clear(out);
      writeSpan(out, span);
      closeMessage(out, 0, SPAN);
      const { chunk, start, end } = store();
      // The processor reads these two, and hands it to the serializer, which reads the bytes.
      return { spanContext, resource, chunk, start, end } as PackedSpan;
    },
    split: splitBySize,
  };
}

/** Prompts make spans large, and a request that is too large for the collector loses all of its spans. */
function splitBySize(spans: PackedSpan[]): PackedSpan[][] {
  const pieces: PackedSpan[][] = [];
  let piece: PackedSpan[] = [];
  let bytes = 0;
  for (const span of spans) {
    const length = span.end - span.start;
    if (bytes > 0 && bytes + length > MAX_REQUEST_BYTES) {
      pieces.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(span);
    bytes += length;
  }
  pieces.push(piece);
  return pieces;
}
