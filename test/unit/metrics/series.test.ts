import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createHistogramSeries,
  createNumberSeries,
  markOf,
  observe,
} from "../../../src/metrics/series.ts";
import { exampleTrace } from "../../support/examples.ts";

const bounds = [1, 2, 5];
const fresh = () => createHistogramSeries(["a"], 7, bounds);

describe("createNumberSeries()", () => {
  test("begins at 0", () => {
    expect(createNumberSeries(["a"], 7)).toEqual({ labels: ["a"], startedAtMs: 7, value: 0 });
  });
});

describe("observe()", () => {
  test.each([
    { value: 0.5, counts: [1, 0, 0, 0] },
    { value: 1, counts: [1, 0, 0, 0] },
    { value: 1.1, counts: [0, 1, 0, 0] },
    { value: 5, counts: [0, 0, 1, 0] },
    { value: 5.1, counts: [0, 0, 0, 1] },
    { value: Number.POSITIVE_INFINITY, counts: [0, 0, 0, 1] },
  ])("counts $value in the first bucket that reaches it", ({ value, counts }) => {
    const series = fresh();
    observe(series, value);
    expect(series).toMatchObject({ counts, sum: value, count: 1 });
  });

  test("leaves out what is not a number", () => {
    const series = fresh();
    observe(series, Number.NaN, { traceId: "t", spanId: "s", atMs: 1 });
    expect(series).toEqual(fresh());
  });

  test("takes what is negative for 0", () => {
    const series = fresh();
    observe(series, -3);
    expect(series).toMatchObject({ counts: [1, 0, 0, 0], sum: 0, count: 1 });
  });

  test("keeps the newest mark of each bucket", () => {
    const series = fresh();
    const mark = (traceId: string) => ({ traceId, spanId: "s", atMs: 1 });
    observe(series, 4, mark("first"));
    observe(series, 3, mark("second"));
    observe(series, 9, mark("third"));
    observe(series, 3);
    expect(series.exemplars).toEqual([
      undefined,
      undefined,
      { mark: mark("second"), value: 3 },
      { mark: mark("third"), value: 9 },
    ]);
  });

  test("agrees with a naive recount", () => {
    const values = fc.array(fc.double({ min: 0, max: 10, noNaN: true }));
    fc.assert(
      fc.property(values, (drawn) => {
        const series = fresh();
        for (const value of drawn) {
          observe(series, value);
        }
        let below = 0;
        bounds.forEach((bound, bucket) => {
          below += series.counts[bucket] ?? Number.NaN;
          expect(below).toBe(drawn.filter((value) => value <= bound).length);
        });
        expect(below + (series.counts[bounds.length] ?? Number.NaN)).toBe(drawn.length);
        expect(series.count).toBe(drawn.length);
        expect(series.sum).toBeCloseTo(
          drawn.reduce((sum, value) => sum + value, 0),
          6,
        );
      }),
      { seed: 41, numRuns: 300 },
    );
  });
});

describe("markOf()", () => {
  test("is there for a trace that is kept, and names the span", () => {
    const trace = exampleTrace({ keep: true });
    expect(markOf(trace, 3, 9)).toEqual({
      traceId: trace.traceId,
      spanId: `${trace.spanPrefix}3`,
      atMs: 9,
    });
    expect(markOf(exampleTrace(), 3, 9)).toBeUndefined();
  });
});
