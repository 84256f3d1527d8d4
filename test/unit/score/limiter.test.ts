import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLimiter, type Limiter } from "../../../src/score/limiter.ts";

function succeed(limiter: Limiter, times: number, inflight: number): void {
  for (let time = 0; time < times; time++) {
    limiter.success(inflight);
  }
}

describe("createLimiter()", () => {
  test("starts at what the catalogue allows", () => {
    expect(createLimiter(500).limit).toBe(500);
  });

  test("falls to a share of what was in flight", () => {
    const limiter = createLimiter(500);
    limiter.overload(100, 0, undefined);
    expect(limiter.limit).toBe(70);
  });

  test("falls to a share of the limit when forced calls exceed it", () => {
    const limiter = createLimiter(10);
    limiter.overload(100, 0, undefined);
    expect(limiter.limit).toBe(7);
  });

  test("takes refusals within a second as one", () => {
    const limiter = createLimiter(100);
    limiter.overload(100, 0, undefined);
    limiter.overload(100, 999, 300);
    expect(limiter.limit).toBe(70);
    limiter.overload(100, 1_000, 300);
    expect(limiter.limit).toBe(49);
  });

  test("takes refusals within a usual first token as one", () => {
    const limiter = createLimiter(100);
    limiter.overload(100, 0, 4_000);
    limiter.overload(100, 3_999, 4_000);
    expect(limiter.limit).toBe(70);
    limiter.overload(100, 4_000, 4_000);
    expect(limiter.limit).toBe(49);
  });

  test("never falls below two", () => {
    const limiter = createLimiter(100);
    limiter.overload(1, 0, undefined);
    expect(limiter.limit).toBe(2);
  });

  test("stays at one where the catalogue allows one", () => {
    const limiter = createLimiter(1);
    limiter.overload(1, 0, undefined);
    expect(limiter.limit).toBe(1);
  });

  test("grows by one for a round of successes", () => {
    const limiter = createLimiter(100);
    limiter.overload(10, 0, undefined);
    succeed(limiter, 6, 7);
    expect(limiter.limit).toBe(7);
    succeed(limiter, 1, 7);
    expect(limiter.limit).toBe(8);
  });

  test("does not grow while less than half of it is used", () => {
    const limiter = createLimiter(100);
    limiter.overload(10, 0, undefined);
    succeed(limiter, 100, 3);
    expect(limiter.limit).toBe(7);
    succeed(limiter, 7, 4);
    expect(limiter.limit).toBe(8);
  });

  test("begins a round anew after a refusal", () => {
    const limiter = createLimiter(100);
    limiter.overload(10, 0, undefined);
    succeed(limiter, 6, 7);
    limiter.overload(10, 1_000, undefined);
    succeed(limiter, 3, 4);
    expect(limiter.limit).toBe(4);
  });

  test.each([
    { name: "raises a limit that was never lowered", refusedAt: [], next: 200, limit: 200 },
    { name: "keeps a learned limit", refusedAt: [10], next: 200, limit: 7 },
    { name: "lowers any limit", refusedAt: [10], next: 5, limit: 5 },
  ])("$name when the catalogue changes", ({ refusedAt, next, limit }) => {
    const limiter = createLimiter(100);
    for (const one of refusedAt) {
      limiter.overload(one, 0, undefined);
    }
    limiter.setMax(next);
    expect(limiter.limit).toBe(limit);
  });

  test("stays between its minimum and its maximum", () => {
    const step = fc.record({
      isRefusal: fc.boolean(),
      inflight: fc.nat(300),
      waitMs: fc.nat(3_000),
      times: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step), (max, steps) => {
        const limiter = createLimiter(max);
        let nowMs = 0;
        for (const { isRefusal, inflight, waitMs, times } of steps) {
          nowMs += waitMs;
          const before = limiter.limit;
          if (isRefusal) {
            limiter.overload(inflight, nowMs, undefined);
          } else {
            succeed(limiter, times, inflight);
          }
          expect(limiter.limit <= before).toBe(isRefusal || limiter.limit === before);
          expect(limiter.limit).toBeGreaterThanOrEqual(Math.min(2, max));
          expect(limiter.limit).toBeLessThanOrEqual(max);
          expect(Number.isInteger(limiter.limit)).toBe(true);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
