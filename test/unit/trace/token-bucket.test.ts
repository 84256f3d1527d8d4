import fc from "fast-check";
import { expect, test } from "vitest";
import { createTokenBucket } from "../../../src/trace/token-bucket.ts";

test("as many pass at once as pass in a second", () => {
  const bucket = createTokenBucket(() => 3);
  expect([0, 0, 0, 0, 100].map((at) => bucket.take(at))).toEqual([true, true, true, false, false]);
});

test("what was used comes back with time, and never more than a second's worth", () => {
  const bucket = createTokenBucket(() => 2);
  const passed = (atMs: number) => [1, 2, 3].map(() => bucket.take(atMs));
  expect(passed(0)).toEqual([true, true, false]);
  expect(passed(500)).toEqual([true, false, false]);
  expect(passed(1_000_000)).toEqual([true, true, false]);
});

test("nothing passes at 0, and a new rate holds at once", () => {
  let perSecond = 0;
  const bucket = createTokenBucket(() => perSecond);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.take(5_000)).toBe(false);
  perSecond = 1;
  expect(bucket.take(6_000)).toBe(true);
});

test("no second passes more than twice the rate, whatever the times", () => {
  const steps = fc.array(fc.integer({ min: -50, max: 300 }), { maxLength: 300 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 9 }), (gaps, rate) => {
      const bucket = createTokenBucket(() => rate);
      let nowMs = 0;
      let furthestMs = 0;
      let taken = 0;
      for (const gap of gaps) {
        nowMs = Math.max(0, nowMs + Math.max(0, gap));
        furthestMs = nowMs;
        taken += bucket.take(nowMs) ? 1 : 0;
      }
      expect(taken).toBeLessThanOrEqual(rate + (furthestMs / 1_000) * rate + 1e-6);
    }),
    { seed: 4 },
  );
});

test("a clock that goes back gives nothing", () => {
  const bucket = createTokenBucket(() => 1);
  expect([1_000, 500, 0].map((at) => bucket.take(at))).toEqual([true, false, false]);
});
