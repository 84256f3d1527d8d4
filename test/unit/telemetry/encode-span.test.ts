import { inspect } from "node:util";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Span } from "../../../src/domain/trace.ts";
import { createSpanPacking, type PackedSpan } from "../../../src/telemetry/packed-spans.ts";
import { readableSpanOf } from "../../../src/telemetry/readable-span.ts";
import { createTraceSerializer } from "../../../src/telemetry/trace-request.ts";
import { type DecodedAttribute, decodeSpans } from "../../support/decode-traces.ts";
import { exampleSpan } from "../../support/example-span.ts";
import { anySpan } from "./any-span.ts";

const origin = {
  resource: resourceFromAttributes({ "service.name": "atlas-router" }),
  instrumentationScope: { name: "atlas-router", version: "1" },
};
const { pack } = createSpanPacking(origin.resource);
const { serializeRequest } = createTraceSerializer(origin);

function ours(...spans: readonly Span[]) {
  return decodeSpans(
    serializeRequest(spans.map((span) => pack(span) as PackedSpan)) ?? Buffer.of(),
  );
}

function theirs(...spans: readonly Span[]) {
  const readable = spans.map((span) => readableSpanOf(span, origin));
  return decodeSpans(ProtobufTraceSerializer.serializeRequest(readable) ?? Buffer.of());
}

type Attributed = { readonly attributes: readonly DecodedAttribute[] };

/** Keys that look like numbers have an order of their own in the objects of OpenTelemetry. */
function inOneOrder<One extends Attributed>({ attributes, ...rest }: One) {
  const options = { depth: null, maxStringLength: null, maxArrayLength: null };
  return { ...rest, attributes: attributes.map((one) => inspect(one, options)).sort() };
}

function comparable(spans: ReturnType<typeof ours>) {
  return spans.map((span) => ({ ...inOneOrder(span), events: span.events.map(inOneOrder) }));
}

describe("a span", () => {
  test("reads as OpenTelemetry would have written it, field by field", () => {
    fc.assert(
      fc.property(fc.array(anySpan, { minLength: 1, maxLength: 3 }), (spans) => {
        expect(comparable(ours(...spans))).toEqual(comparable(theirs(...spans)));
      }),
      { seed: 38, numRuns: 300 },
    );
  });

  test("has its attributes, events and links in their order", () => {
    const attributes = ["b", "2", "a", "1"].map((key) => ({ key, value: key }));
    const events = [3, 1, 2].map((atMs) => ({ name: `${atMs}`, atMs, attributes: [] }));
    const links = ["b", "a"].map((digit) => ({
      traceId: digit.repeat(32),
      spanId: digit.repeat(16),
    }));
    expect(ours(exampleSpan({ attributes, events, links }))).toMatchObject([
      {
        attributes: attributes.map(({ key }) => ({ key })),
        events: events.map(({ name }) => ({ name })),
        links: [{ flags: 0x101 }, { flags: 0x101 }],
      },
    ]);
  });

  test("knows its times to the microsecond", () => {
    const [span] = ours(exampleSpan({ startedAtMs: 1_800_000_000_000.001, endedAtMs: 4e12 - 0.5 }));
    const startedAtNs = BigInt(String(span?.["start_time_unix_nano"]));
    expect((startedAtNs + 500n) / 1_000n).toBe(1_800_000_000_000_001n);
    expect(span?.["end_time_unix_nano"]).toBe("3999999999999500000");
  });

  test("may tell of more keys than are remembered", () => {
    const keys = Array.from({ length: 1_100 }, (_, index) => `key-${index}`);
    const attributes = [...keys, "again"].map((key) => ({ key, value: true }));
    const span = exampleSpan({ attributes });
    expect(ours(span, span)).toEqual(theirs(span, span));
  });
});
