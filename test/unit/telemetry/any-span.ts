import fc from "fast-check";
import type { AttributeValue, Span, SpanAttributes } from "../../../src/domain/trace.ts";

/** Of any code units: surrogates need not be pairs. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ maxLength: 200 }),
  fc
    .array(fc.integer({ min: 0xd700, max: 0xe0ff }), { maxLength: 60 })
    .map((units) => String.fromCharCode(...units)),
);

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53) - 2, 1e300, Number.NaN),
  fc.constantFrom(2 ** 63, 2 ** 63 - 1_024, -(2 ** 63), -(2 ** 63) - 2_048),
);

const anyValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  anyText,
  anyNumber,
  fc.boolean(),
  fc.array(anyText, { maxLength: 4 }),
);

const anyAttributes: fc.Arbitrary<SpanAttributes> = fc.uniqueArray(
  fc.record({ key: anyText, value: anyValue }),
  { selector: ({ key }) => key, maxLength: 12 },
);

const hex = (digits: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((values) => values.map((value) => value.toString(16)).join(""));

/** Until 2096. */
const anyTime = fc.double({ min: 0, max: 4e12, noNaN: true });

const anyState = fc.oneof(
  fc.constantFrom("", "a=1", " a=1 , b=2,,c", "a=1,a=2", "A=1", "a=b=c", "x@y=ok"),
  fc.string({ maxLength: 600 }),
);

export const anySpan: fc.Arbitrary<Span> = fc.record({
  name: anyText,
  kind: fc.constantFrom("internal", "server", "client", "producer", "consumer"),
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.option(hex(16), { nil: undefined }),
  parentIsRemote: fc.boolean(),
  traceState: anyState,
  startedAtMs: anyTime,
  endedAtMs: anyTime,
  attributes: anyAttributes,
  events: fc.array(fc.record({ name: anyText, atMs: anyTime, attributes: anyAttributes }), {
    maxLength: 3,
  }),
  links: fc.array(fc.record({ traceId: hex(32), spanId: hex(16) }), { maxLength: 3 }),
  error: fc.option(anyText, { nil: undefined }),
});
