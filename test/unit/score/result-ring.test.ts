import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createResultRing } from "../../../src/score/result-ring.ts";

describe("createResultRing()", () => {
  test("adds up results of one period and keeps periods apart", () => {
    const ring = createResultRing(3);
    ring.add(4, 1, 2);
    ring.add(4, 10, 20);
    ring.add(5, 100, 0);
    expect([ring.successes(4), ring.failures(4)]).toEqual([11, 22]);
    expect([ring.successes(5), ring.failures(5)]).toEqual([100, 0]);
    expect(ring.successes(3)).toBe(0);
  });

  test("takes what comes late while the ring holds its period", () => {
    const ring = createResultRing(3);
    expect(ring.add(10, 1, 0)).toBe(true);
    expect(ring.add(8, 1, 0)).toBe(true);
    expect(ring.add(7, 1, 0)).toBe(false);
    expect(ring.successes(8)).toBe(1);
    expect(ring.successes(7)).toBe(0);
  });

  test("reads a period that has left as empty although nothing took its place", () => {
    const ring = createResultRing(3);
    ring.add(1, 5, 5);
    ring.add(6, 1, 1);
    expect([ring.successes(1), ring.failures(1)]).toEqual([0, 0]);
  });

  test("refuses a period that is not a number", () => {
    expect(createResultRing(3).add(Number.NaN, 1, 1)).toBe(false);
  });

  test("is empty after it was cleared", () => {
    const ring = createResultRing(3);
    ring.add(1, 5, 5);
    ring.clear();
    expect(ring.successes(1)).toBe(0);
    ring.add(1, 2, 3);
    expect([ring.successes(1), ring.failures(1)]).toEqual([2, 3]);
  });

  test("takes 24 bytes per period", () => {
    expect(createResultRing(12).heldBytes()).toBe(288);
  });

  test("equals a recount, before and after 1970", () => {
    const result = fc.tuple(fc.integer({ min: -20, max: 20 }), fc.nat(9), fc.nat(9));
    fc.assert(
      fc.property(fc.array(result, { minLength: 1 }), (results) => {
        const ring = createResultRing(5);
        const expected = new Map<number, number>();
        let newest = Number.NEGATIVE_INFINITY;
        for (const [period, successes, failures] of results) {
          const isTaken = ring.add(period, successes, failures);
          expect(isTaken).toBe(period > newest - 5);
          newest = Math.max(newest, period);
          expected.set(period, (expected.get(period) ?? 0) + (isTaken ? successes : 0));
        }
        for (let period = newest - 4; period <= newest; period++) {
          expect(ring.successes(period)).toBe(expected.get(period) ?? 0);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
