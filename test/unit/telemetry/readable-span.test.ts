import { resourceFromAttributes } from "@opentelemetry/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readableSpanOf } from "../../../src/telemetry/readable-span.ts";
import { exampleSpan } from "../../support/example-span.ts";

const origin = {
  resource: resourceFromAttributes({}),
  instrumentationScope: { name: "atlas-router", version: "1" },
};

describe("readableSpanOf()", () => {
  test("has its own ids, its caller's state, and is always to be exported", () => {
    const span = readableSpanOf(exampleSpan({ traceState: "a=1" }), origin);
    expect(span.spanContext()).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203330",
      traceFlags: 1,
    });
    expect(span.spanContext().traceState?.serialize()).toBe("a=1");
    expect(span.parentSpanContext).toMatchObject({ spanId: "00f067aa0ba902b7", isRemote: true });
  });

  test("has no parent where there is none", () => {
    const span = readableSpanOf(exampleSpan({ parentSpanId: undefined }), origin);
    expect("parentSpanContext" in span).toBe(false);
  });

  test("has its attributes by their keys", () => {
    expect(readableSpanOf(exampleSpan(), origin).attributes).toEqual({ "atlas.call.id": "c1" });
  });

  test("tells errors, and of the others nothing", () => {
    expect(readableSpanOf(exampleSpan(), origin).status).toEqual({ code: 0 });
    const failed = readableSpanOf(exampleSpan({ error: "" }), origin);
    expect(failed.status).toEqual({ code: 2, message: "" });
  });

  test("keeps times to the microsecond, and nanoseconds below a second", () => {
    const times = fc.double({ min: 0, max: 4e12, noNaN: true });
    fc.assert(
      fc.property(times, (atMs) => {
        const { startTime } = readableSpanOf(exampleSpan({ startedAtMs: atMs }), origin);
        const [seconds, nanos] = startTime;
        expect(Number.isInteger(seconds) && Number.isInteger(nanos)).toBe(true);
        expect(nanos).toBeGreaterThanOrEqual(0);
        expect(nanos).toBeLessThan(1e9);
        expect(Math.abs(seconds * 1_000 + nanos / 1e6 - atMs)).toBeLessThan(0.001);
      }),
      { seed: 4 },
    );
  });

  test("never lasts less than nothing", () => {
    const span = exampleSpan({ startedAtMs: 2_000, endedAtMs: 1_000 });
    expect(readableSpanOf(span, origin).duration).toEqual([0, 0]);
  });
});
