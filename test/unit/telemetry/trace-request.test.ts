import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { describe, expect, test } from "vitest";
import { createSpanPacking, type PackedSpan } from "../../../src/telemetry/packed-spans.ts";
import { readableSpanOf, type SpanOrigin } from "../../../src/telemetry/readable-span.ts";
import { createTraceSerializer } from "../../../src/telemetry/trace-request.ts";
import { decodeTraces } from "../../support/decode-traces.ts";
import { exampleSpan } from "../../support/example-span.ts";

const spans = Array.from({ length: 200 }, (_, at) => exampleSpan({ name: `${at}`, error: "why" }));

function ours(origin: SpanOrigin) {
  const { pack } = createSpanPacking(origin.resource);
  const packed = spans.map((span) => pack(span) as PackedSpan);
  return createTraceSerializer(origin).serializeRequest(packed) ?? Buffer.of();
}

function theirs(origin: SpanOrigin) {
  const readable = spans.map((span) => readableSpanOf(span, origin));
  return ProtobufTraceSerializer.serializeRequest(readable) ?? Buffer.of();
}

describe("a request", () => {
  test.each([
    {
      name: "of a process with attributes of every kind",
      resource: resourceFromAttributes(
        {
          "service.name": "atlas-rüuter",
          absent: undefined,
          "process.pid": 7,
          "is.test": true,
          "a.list": ["x", null, "y"],
          "of.numbers": [1, 0.5, undefined],
        },
        { schemaUrl: "https://schema.test/1" },
      ),
      instrumentationScope: { name: "atlas-router", version: "1.2.3" },
    },
    {
      name: "of one that nothing is known of",
      resource: resourceFromAttributes({}),
      instrumentationScope: { name: "atlas-router" },
    },
  ])("$name reads as that of OpenTelemetry", ({ name: _, ...origin }) => {
    expect(decodeTraces(ours(origin))).toEqual(decodeTraces(theirs(origin)));
  });
});

describe("an answer", () => {
  const { deserializeResponse } = createTraceSerializer({
    resource: resourceFromAttributes({}),
    instrumentationScope: { name: "atlas-router" },
  });

  test("may say that spans were rejected", () => {
    const partial = Buffer.from([0x08, 3, 0x12, 3, ...Buffer.from("why")]);
    const answer = Buffer.from([0x0a, partial.length, ...partial]);
    expect(deserializeResponse(answer)).toEqual({
      partialSuccess: { rejectedSpans: 3, errorMessage: "why" },
    });
  });
});
