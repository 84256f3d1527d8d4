import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  createHistogramLayout,
  durationLayout,
  firstTokenLayout,
  HISTOGRAM_LAYOUT_VERSION,
  type HistogramLayout,
  percentilesOf,
  RELATIVE_ERROR,
  throughputLayout,
} from "../../../src/score/log-histogram.ts";

const layouts = [
  { name: "first token", layout: firstTokenLayout, buckets: 668 },
  { name: "throughput", layout: throughputLayout, buckets: 578 },
  { name: "duration", layout: durationLayout, buckets: 757 },
];

/** A rounding error per multiplication, and hundreds of them. */
const ROUNDING = 1e-9;

function valuesIn({ low, high }: HistogramLayout) {
  return fc
    .double({ min: Math.log(low), max: Math.log(high), noNaN: true })
    .map((logarithm) => Math.min(high, Math.max(low, Math.exp(logarithm))));
}

function countsOf(layout: HistogramLayout, values: readonly number[]): Uint32Array {
  const counts = new Uint32Array(layout.buckets);
  for (const value of values) {
    counts[bucketOf(layout, value)] = (counts[bucketOf(layout, value)] ?? 0) + 1;
  }
  return counts;
}

/** The definition: the smallest sample that enough samples do not exceed. */
function exactPercentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((values.length * percent) / 100) - 1] ?? Number.NaN;
}

describe("createHistogramLayout()", () => {
  test.each(layouts)("gives $name the $buckets buckets of layout version 1", (row) => {
    expect(HISTOGRAM_LAYOUT_VERSION).toBe(1);
    expect(row.layout.buckets).toBe(row.buckets);
  });

  test("ends at the first bound that reaches the top", () => {
    const { bounds, high } = createHistogramLayout(1, 2);
    expect(bounds.at(-1)).toBeGreaterThanOrEqual(high);
    expect(bounds.at(-2)).toBeLessThan(high);
  });
});

describe("bucketOf()", () => {
  test.each(layouts)("finds what a search through the bounds of $name finds", ({ layout }) => {
    const anyValue = fc.oneof(
      valuesIn(layout),
      fc.double(),
      fc.nat(layout.bounds.length - 1).map((index) => layout.bounds[index] ?? 0),
    );
    fc.assert(
      fc.property(anyValue, (value) => {
        const found = layout.bounds.findIndex((bound) => value <= bound);
        const expected = found === -1 ? layout.bounds.length : found;
        expect(bucketOf(layout, value)).toBe(Number.isNaN(value) ? 0 : expected);
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });

  test.each(layouts)("puts every bound of $name into its own bucket", ({ layout }) => {
    layout.bounds.forEach((bound, index) => {
      expect(bucketOf(layout, bound)).toBe(index);
    });
  });

  test.each(layouts)("puts what barely exceeds a bound of $name into the next bucket", (row) => {
    row.layout.bounds.forEach((bound, index) => {
      expect(bucketOf(row.layout, bound * (1 + Number.EPSILON))).toBe(index + 1);
    });
  });

  test.each(layouts)("clamps what lies outside of $name into the end buckets", ({ layout }) => {
    const { low, high, buckets, representatives } = layout;
    expect(bucketOf(layout, -1)).toBe(0);
    expect(bucketOf(layout, low / 2)).toBe(0);
    expect(bucketOf(layout, high * 2)).toBe(buckets - 1);
    expect(bucketOf(layout, Number.POSITIVE_INFINITY)).toBe(buckets - 1);
    expect(representatives.at(0)).toBe(low);
    expect(representatives.at(-1)).toBe(high);
  });
});

describe("percentilesOf()", () => {
  test.each(layouts)("is within 1 % of exact sorting for any $name in range", ({ layout }) => {
    const data = fc.array(valuesIn(layout), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(data, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const [figure] = percentilesOf(layout, countsOf(layout, values), values.length, [percent]);
        const exact = exactPercentile(values, percent);
        const error = Math.abs((figure ?? Number.NaN) - exact) / exact;
        expect(error).toBeLessThanOrEqual(RELATIVE_ERROR + ROUNDING);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  test("ascends with the percent", () => {
    const data = fc.array(fc.double({ min: -10, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(data, (values) => {
        const counts = countsOf(firstTokenLayout, values);
        const figures = percentilesOf(firstTokenLayout, counts, values.length, [5, 50, 95]);
        expect(figures).toEqual(figures.toSorted((a, b) => a - b));
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test.each([
    { samples: 1, percent: 50, rank: 1 },
    { samples: 2, percent: 50, rank: 1 },
    { samples: 3, percent: 50, rank: 2 },
    { samples: 20, percent: 95, rank: 19 },
    { samples: 21, percent: 95, rank: 20 },
    { samples: 20, percent: 5, rank: 1 },
    { samples: 7, percent: 100, rank: 7 },
  ])("takes the sample of rank $rank for p$percent of $samples", ({ samples, percent, rank }) => {
    const counts = new Uint32Array(firstTokenLayout.buckets).fill(1, 0, samples);
    const [figure] = percentilesOf(firstTokenLayout, counts, samples, [percent]);
    expect(figure).toBe(firstTokenLayout.representatives[rank - 1]);
  });
});
