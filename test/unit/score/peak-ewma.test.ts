import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPeakEwma } from "../../../src/score/peak-ewma.ts";

const TAU_MS = 30_000;

describe("createPeakEwma()", () => {
  test("knows nothing before the first value", () => {
    expect(createPeakEwma().read(0)).toBeUndefined();
  });

  test("jumps to a larger value at once", () => {
    const ewma = createPeakEwma();
    ewma.observe(100, 0);
    ewma.observe(5_000, 1);
    expect(ewma.read(1)).toBe(5_000);
  });

  test("comes down by the time since the last value", () => {
    const ewma = createPeakEwma();
    ewma.observe(1_000, 0);
    ewma.observe(100, TAU_MS);
    expect(ewma.read(TAU_MS)).toBeCloseTo(100 + 900 * Math.exp(-1), 9);
  });

  test("decays while nothing is observed, and a read changes nothing", () => {
    const ewma = createPeakEwma();
    ewma.observe(1_000, 0);
    expect(ewma.read(TAU_MS)).toBeCloseTo(1_000 * Math.exp(-1), 9);
    expect(ewma.read(0)).toBe(1_000);
  });

  test("takes a lower bound only when it says more than is known", () => {
    const ewma = createPeakEwma();
    ewma.observeAtLeast(300, 0);
    expect(ewma.read(0)).toBe(300);
    ewma.observeAtLeast(200, 0);
    expect(ewma.read(0)).toBe(300);
    ewma.observeAtLeast(200, TAU_MS);
    expect(ewma.read(TAU_MS)).toBe(200);
  });

  test("treats time going backwards as standing still", () => {
    const ewma = createPeakEwma();
    ewma.observe(1_000, 3_600_000);
    ewma.observe(10, 0);
    expect(ewma.read(0)).toBe(1_000);
    expect(ewma.read(3_600_000)).toBe(1_000);
  });

  test("stays between 0 and the largest value", () => {
    const values = fc.array(fc.tuple(fc.nat(100_000), fc.nat(100_000)), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.nat(1_000_000), (list, laterMs) => {
        const ewma = createPeakEwma();
        let nowMs = 0;
        for (const [value, waitMs] of list) {
          nowMs += waitMs;
          ewma.observe(value, nowMs);
        }
        const largest = Math.max(...list.map(([value]) => value));
        expect(ewma.read(nowMs + laterMs)).toBeGreaterThanOrEqual(0);
        expect(ewma.read(nowMs + laterMs)).toBeLessThanOrEqual(largest);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
