import { describe, expect, test } from "vitest";
import { comparePositions, isAbandoned, isSameSeries } from "../../../src/health/score-position.ts";
import { MAX_SCORE_AGE_MS } from "../../../src/plan/plan-route.ts";
import { positionOf, START_MS } from "./score-fixture.ts";

describe("comparePositions()", () => {
  test.each([
    { name: "a newer algorithm is beyond any sequence", algorithmVersion: 2, sign: 1 },
    { name: "an older algorithm is behind any sequence", algorithmVersion: 0, sign: -1 },
  ])("$name", ({ algorithmVersion, sign }) => {
    const other = positionOf(sign > 0 ? 1 : 99, { algorithmVersion });
    expect(Math.sign(comparePositions(other, positionOf(50)))).toBe(sign);
  });

  test("a newer stream is beyond any sequence of an older one", () => {
    const wiped = positionOf(1, { streamEpoch: positionOf(1).streamEpoch + 1 });
    expect(comparePositions(wiped, positionOf(50))).toBeGreaterThan(0);
  });

  test("times are not compared", () => {
    expect(comparePositions(positionOf(5, { asOfMs: 1 }), positionOf(5, { asOfMs: 2 }))).toBe(0);
    expect(comparePositions(positionOf(5, { asOfMs: 2 }), positionOf(6, { asOfMs: 1 }))).toBe(-1);
  });
});

describe("isAbandoned()", () => {
  const newer = positionOf(9, { algorithmVersion: 2 });

  test("a newer algorithm is, once no plan heeds its scores any more", () => {
    const atMs = (asOfMs: number) => positionOf(10, { asOfMs });
    expect(isAbandoned(newer, atMs(START_MS + MAX_SCORE_AGE_MS))).toBe(false);
    expect(isAbandoned(newer, atMs(START_MS + MAX_SCORE_AGE_MS + 1))).toBe(true);
  });

  test("an equal one never is, nor is a newer stream", () => {
    const late = positionOf(1, { asOfMs: START_MS + 10 * MAX_SCORE_AGE_MS });
    expect(isAbandoned(positionOf(9), late)).toBe(false);
    expect(isAbandoned(positionOf(9, { streamEpoch: START_MS + 1 }), late)).toBe(false);
  });
});

describe("isSameSeries()", () => {
  test("sequences alone may differ", () => {
    expect(isSameSeries(positionOf(1), positionOf(2))).toBe(true);
    expect(isSameSeries(positionOf(1), positionOf(1, { streamEpoch: 3 }))).toBe(false);
    expect(isSameSeries(positionOf(1), positionOf(1, { algorithmVersion: 2 }))).toBe(false);
  });
});
