import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_SCORE_AGE_MS } from "../../../src/domain/score.ts";
import { comparePositions, compareSeries } from "../../../src/health/score-position.ts";
import { positionOf, START_MS } from "./score-fixture.ts";

const sign = (left: number) => Math.sign(left);

describe("comparePositions()", () => {
  test.each([
    { name: "a newer algorithm is beyond any sequence", algorithmVersion: 2, expected: 1 },
    { name: "an older algorithm is behind any sequence", algorithmVersion: 0, expected: -1 },
  ])("$name", ({ algorithmVersion, expected }) => {
    const other = positionOf(expected > 0 ? 1 : 99, { algorithmVersion });
    expect(sign(comparePositions(other, positionOf(50)))).toBe(expected);
  });

  test("a newer stream is beyond any sequence of an older one", () => {
    const wiped = positionOf(1, { streamEpoch: START_MS + 1 });
    expect(comparePositions(wiped, positionOf(50))).toBeGreaterThan(0);
  });

  test("times that are close do not count", () => {
    expect(comparePositions(positionOf(5, { asOfMs: 1 }), positionOf(5, { asOfMs: 2 }))).toBe(0);
    expect(comparePositions(positionOf(5, { asOfMs: 2 }), positionOf(6, { asOfMs: 1 }))).toBe(-1);
  });

  test.each([
    { name: "a newer algorithm", numbers: { algorithmVersion: 2 } },
    { name: "a newer stream", numbers: { streamEpoch: START_MS + 3_600_000 } },
    { name: "a sequence that the stream has lost", numbers: {} },
  ])("$name is older once no plan heeds it any more", ({ numbers }) => {
    const abandoned = positionOf(9, numbers);
    const later = (ms: number) => positionOf(1, { asOfMs: START_MS + ms });
    expect(comparePositions(abandoned, later(MAX_SCORE_AGE_MS))).toBeGreaterThan(0);
    expect(comparePositions(abandoned, later(MAX_SCORE_AGE_MS + 1))).toBeLessThan(0);
    expect(comparePositions(later(MAX_SCORE_AGE_MS + 1), abandoned)).toBeGreaterThan(0);
  });

  test("a stream that is empty is as old as the stream", () => {
    const emptyAt = (streamEpoch: number) => positionOf(0, { streamEpoch, asOfMs: 0 });
    expect(comparePositions(emptyAt(START_MS + 1), positionOf(50))).toBeGreaterThan(0);
    const late = positionOf(50, { asOfMs: START_MS + MAX_SCORE_AGE_MS + 2 });
    expect(comparePositions(emptyAt(START_MS + 1), late)).toBeLessThan(0);
  });

  test("of any two one is newer, and both ways tell the same one", () => {
    const position = fc.record({
      algorithmVersion: fc.integer({ min: 1, max: 3 }),
      streamEpoch: fc.integer({ min: START_MS, max: START_MS + 3 }),
      asOfSequence: fc.integer({ min: 0, max: 3 }),
      asOfMs: fc.integer({ min: START_MS, max: START_MS + 2 * MAX_SCORE_AGE_MS }),
    });
    const property = fc.property(position, position, (left, right) => {
      expect(sign(comparePositions(left, right)) + sign(comparePositions(right, left))).toBe(0);
    });
    fc.assert(property, { seed: 53, numRuns: 500 });
  });
});

describe("compareSeries()", () => {
  test("sequences and times may differ", () => {
    expect(compareSeries(positionOf(1), positionOf(2, { asOfMs: 1 }))).toBe(0);
    expect(compareSeries(positionOf(1, { streamEpoch: 3 }), positionOf(1))).toBeLessThan(0);
    const newer = positionOf(1, { algorithmVersion: 2, streamEpoch: 3 });
    expect(compareSeries(newer, positionOf(1))).toBeGreaterThan(0);
  });
});
