/**
 * Requests of OTLP's `TraceService` from spans that are bytes already: what is in front of them is written
 * anew for each, because it holds their length, and they are copied behind it.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto
 */
import {
  type IExportTraceServiceResponse,
  type ISerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import {
  clear,
  countWritten,
  createReverseBuffer,
  type ReverseBuffer,
  writeBytes,
  writeVarint,
  written,
} from "../wire/reverse-writer.ts";
import {
  createAttributeKeys,
  type EncodedAttribute,
  writeAttributes,
} from "./encode-attributes.ts";
import type { PackedSpan } from "./packed-spans.ts";
import { LENGTH_DELIMITED, tagOf, writeText } from "./protobuf-fields.ts";
import type { SpanOrigin } from "./readable-span.ts";

const RESOURCE_SPANS = tagOf(1, LENGTH_DELIMITED);

const resourceSpansTags = {
  resource: tagOf(1, LENGTH_DELIMITED),
  scopeSpans: tagOf(2, LENGTH_DELIMITED),
  schemaUrl: tagOf(3, LENGTH_DELIMITED),
} as const;

const ATTRIBUTE = tagOf(1, LENGTH_DELIMITED);

const SCOPE = tagOf(1, LENGTH_DELIMITED);
const scopeTags = { name: tagOf(1, LENGTH_DELIMITED), version: tagOf(2, LENGTH_DELIMITED) };

/** Spans of one origin, packed by `createSpanPacking`. Answers are read by the library. */
export function createTraceSerializer(
  origin: SpanOrigin,
): ISerializer<PackedSpan[], IExportTraceServiceResponse> {
  const out = createReverseBuffer();
  const resource = resourceBytesOf(origin, out);
  const scope = scopeBytesOf(origin, out);
  const { schemaUrl = "" } = origin.resource;

  /** All that is in front of the spans. */
  function writeHead(spanBytes: number): void {
    clear(out);
    writeBytes(out, scope);
    writeVarint(out, SCOPE);
    writeVarint(out, countWritten(out) + spanBytes);
    writeVarint(out, resourceSpansTags.scopeSpans);
    writeText(out, schemaUrl, resourceSpansTags.schemaUrl);
    writeBytes(out, resource);
    writeVarint(out, resourceSpansTags.resource);
    writeVarint(out, countWritten(out) + spanBytes);
    writeVarint(out, RESOURCE_SPANS);
  }

  return {
    serializeRequest(spans) {
      let spanBytes = 0;
      for (const { start, end } of spans) {
        spanBytes += end - start;
      }
      writeHead(spanBytes);
      let at = countWritten(out);
      const request = Buffer.allocUnsafeSlow(at + spanBytes);
      out.bytes.copy(request, 0, out.at);
      for (const { chunk, start, end } of spans) {
        at += chunk.copy(request, at, start, end);
      }
      return request;
    },
    deserializeResponse: ProtobufTraceSerializer.deserializeResponse,
  };
}

function resourceBytesOf({ resource }: SpanOrigin, out: ReverseBuffer): Buffer {
  clear(out);
  const attributes: EncodedAttribute[] = [];
  for (const [key, value] of Object.entries(resource.attributes)) {
    if (value !== undefined) {
      attributes.push({ key, value });
    }
  }
  writeAttributes(out, attributes, ATTRIBUTE, createAttributeKeys());
  return written(out, 0);
}

function scopeBytesOf({ instrumentationScope }: SpanOrigin, out: ReverseBuffer): Buffer {
  clear(out);
  writeText(out, instrumentationScope.version ?? "", scopeTags.version);
  writeText(out, instrumentationScope.name, scopeTags.name);
  return written(out, 0);
}
