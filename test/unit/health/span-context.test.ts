import { describe, expect, it, test } from "vitest";
import { reportProblem } from "../../../src/domain/bus-rules.ts";
import {
  hasTraceparent,
  newSpanId,
  sampledSpanOf,
  traceHeadersOf,
} from "../../../src/health/span-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const GOOD = `00-${TRACE}-${SPAN}-01`;

describe("newSpanId()", () => {
  test.each([
    { random: 0, expected: "0000000000000001" },
    { random: 0.5, expected: "8000000080000000" },
    { random: 1 - 2 ** -53, expected: "ffffffffffffffff" },
  ])("has 16 digits and is never 0: $expected", ({ random, expected }) => {
    expect(newSpanId(() => random)).toBe(expected);
  });
});

describe("traceHeadersOf()", () => {
  it("says that the trace is kept, with the vendors' state only if there is some", () => {
    const span = { traceId: TRACE, spanId: SPAN, traceState: "" };
    expect(traceHeadersOf(span)).toEqual({ traceparent: GOOD });
    expect(traceHeadersOf({ ...span, traceState: "a=1,b=2" })).toEqual({
      traceparent: GOOD,
      tracestate: "a=1,b=2",
    });
  });

  test.each([
    { what: "ends in spaces", traceState: "a=1  ", expected: { tracestate: "a=1" } },
    { what: "holds nothing but spaces", traceState: "   ", expected: {} },
    { what: "is too long", traceState: "a".repeat(513), expected: {} },
    { what: "holds control characters", traceState: "a=\r\nb: c", expected: {} },
    { what: "is not ASCII", traceState: "a=é", expected: {} },
  ])("a state that $what makes no report that a bus refuses", ({ traceState, expected }) => {
    const headers = traceHeadersOf({ traceId: TRACE, spanId: SPAN, traceState });
    expect(headers).toEqual({ traceparent: GOOD, ...expected });
    const report = { token: "a", id: "p:1:1", bytes: new Uint8Array(), headers };
    expect(reportProblem(report)).toBeUndefined();
  });
});

describe("sampledSpanOf()", () => {
  it("reads what was written", () => {
    const span = { traceId: TRACE, spanId: SPAN, traceState: "a=1" };
    expect(sampledSpanOf(traceHeadersOf(span))).toEqual(span);
  });

  it("does not mind the case of names", () => {
    const headers = { "X-Other": "1", TraceParent: GOOD, TRACESTATE: "a=1" };
    expect(hasTraceparent(headers)).toBe(true);
    expect(sampledSpanOf(headers)).toEqual({ traceId: TRACE, spanId: SPAN, traceState: "a=1" });
  });

  it("takes other flags beside the one that says the trace is kept", () => {
    expect(sampledSpanOf({ traceparent: `00-${TRACE}-${SPAN}-ff` })).toMatchObject({
      traceId: TRACE,
    });
  });

  test.each([
    { what: "nothing", traceparent: "" },
    { what: "a trace that is not kept", traceparent: `00-${TRACE}-${SPAN}-00` },
    { what: "a trace of zeros", traceparent: `00-${"0".repeat(32)}-${SPAN}-01` },
    { what: "a span of zeros", traceparent: `00-${TRACE}-${"0".repeat(16)}-01` },
    { what: "capitals", traceparent: GOOD.toUpperCase() },
    { what: "another version", traceparent: `01${GOOD.slice(2)}` },
    { what: "a version that is forbidden", traceparent: `ff${GOOD.slice(2)}` },
    { what: "more fields", traceparent: `${GOOD}-00` },
    { what: "a line of its own", traceparent: `${GOOD}\n` },
    { what: "spaces", traceparent: ` ${GOOD}` },
    { what: "letters that are no digits", traceparent: GOOD.replace("0af", "xyz") },
    { what: "60 KB", traceparent: GOOD.repeat(1_100) },
  ])("ignores $what", ({ traceparent }) => {
    expect(sampledSpanOf({ traceparent, tracestate: "a=1" })).toBeUndefined();
  });

  it("finds none in other headers", () => {
    expect(hasTraceparent({ traceparents: GOOD, raceparent: GOOD })).toBe(false);
    expect(sampledSpanOf({ tracestate: "a=1" })).toBeUndefined();
  });

  test.each(["a".repeat(8_192), "a=\u0000", "\u{1f600}"])(
    "goes on without a state that nobody may pass on",
    (tracestate) => {
      expect(sampledSpanOf({ traceparent: GOOD, tracestate })).toEqual({
        traceId: TRACE,
        spanId: SPAN,
        traceState: "",
      });
    },
  );
});
