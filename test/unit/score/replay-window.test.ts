import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createReplayWindow } from "../../../src/score/replay-window.ts";

const MINUTE_MS = 60_000;

function sourceOf(sequence: number, producer = "a", boot = 1n) {
  return { producer, boot, sequence };
}

function admitAll(sequences: readonly number[]): boolean[] {
  const window = createReplayWindow();
  return sequences.map((sequence) => window.admit(sourceOf(sequence), 0));
}

describe("createReplayWindow()", () => {
  test("takes each number once", () => {
    expect(admitAll([1, 2, 2, 1, 3])).toEqual([true, true, false, false, true]);
  });

  test("takes a number that comes after its successors", () => {
    expect(admitAll([4, 6, 5, 5, 6])).toEqual([true, true, true, false, false]);
  });

  test("takes a number below the first it saw", () => {
    expect(admitAll([9, 8, 8])).toEqual([true, true, false]);
  });

  test("tells the highest number of a producer and boot", () => {
    const window = createReplayWindow();
    expect(window.highestOf(sourceOf(7))).toBe(0);
    for (const sequence of [4, 6, 5]) {
      window.admit(sourceOf(sequence), 0);
    }
    expect(window.highestOf(sourceOf(1))).toBe(6);
    expect(window.highestOf(sourceOf(6, "b"))).toBe(0);
    expect(window.highestOf(sourceOf(6, "a", 2n))).toBe(0);
  });

  test("knows the 64 numbers below the highest, and refuses those beyond", () => {
    expect(admitAll([100, 36, 35])).toEqual([true, true, false]);
  });

  test.each([1, 2, 31, 32, 33, 40, 63, 64, 65, 200])("remembers across a step of %d", (step) => {
    const seen = [1, 3, 33, 40, 64];
    const window = createReplayWindow();
    for (const sequence of seen) {
      window.admit(sourceOf(sequence), 0);
    }
    const highest = 64 + step;
    window.admit(sourceOf(highest), 0);
    for (let sequence = 1; sequence <= highest; sequence += 1) {
      const isNew = sequence >= highest - 64 && sequence < highest && !seen.includes(sequence);
      expect([sequence, window.admit(sourceOf(sequence), 0)]).toEqual([sequence, isNew]);
    }
  });

  test("equals a set of numbers", () => {
    const walk = fc.array(fc.integer({ min: -70, max: 70 }), { maxLength: 60 });
    fc.assert(
      fc.property(walk, (steps) => {
        const window = createReplayWindow();
        const seen = new Set<number>();
        let highest = 0;
        for (const step of [1_000, ...steps]) {
          const sequence = Math.max(1, highest + step);
          const expected = sequence >= highest - 64 && !seen.has(sequence);
          expect(window.admit(sourceOf(sequence), 0)).toBe(expected);
          seen.add(sequence);
          highest = Math.max(highest, sequence);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("tells producers and their starts apart", () => {
    const window = createReplayWindow();
    expect(window.admit(sourceOf(1, "a", 1n), 0)).toBe(true);
    expect(window.admit(sourceOf(1, "b", 1n), 0)).toBe(true);
    expect(window.admit(sourceOf(1, "a", 2n), 0)).toBe(true);
    expect(window.admit(sourceOf(1, "a", 1n), 0)).toBe(false);
    expect(window.producers()).toBe(3);
  });

  test("counts the numbers that were skipped and have not come", () => {
    const window = createReplayWindow();
    const gapsAfter = (sequence: number) => {
      window.admit(sourceOf(sequence), 0);
      return window.gaps();
    };
    expect([10, 11, 14, 13, 13, 9, 12].map(gapsAfter)).toEqual([0, 0, 2, 1, 1, 1, 0]);
  });

  test("forgets a producer that was silent for more than 40 minutes", () => {
    const window = createReplayWindow();
    window.admit(sourceOf(1, "silent"), 0);
    window.admit(sourceOf(1, "busy"), 0);
    window.admit(sourceOf(2, "busy"), 40 * MINUTE_MS);
    window.forget(40 * MINUTE_MS);
    expect(window.producers()).toBe(2);
    window.forget(40 * MINUTE_MS + 1);
    expect(window.producers()).toBe(1);
    expect(window.admit(sourceOf(2, "busy"), 40 * MINUTE_MS + 1)).toBe(false);
    expect(window.admit(sourceOf(1, "silent"), 40 * MINUTE_MS + 1)).toBe(true);
  });

  test("takes a producer as new that comes back too late, unasked", () => {
    const window = createReplayWindow();
    window.admit(sourceOf(1), 0);
    expect(window.admit(sourceOf(1), 40 * MINUTE_MS + 1)).toBe(true);
    expect(window.producers()).toBe(1);
  });

  test("forgets the producer heard of least recently when there are too many", () => {
    const window = createReplayWindow(2);
    window.admit(sourceOf(1, "a"), 0);
    window.admit(sourceOf(1, "b"), 1);
    window.admit(sourceOf(2, "a"), 2);
    window.admit(sourceOf(1, "c"), 3);
    expect(window.producers()).toBe(2);
    expect(window.admit(sourceOf(2, "a"), 4)).toBe(false);
    expect(window.admit(sourceOf(1, "b"), 5)).toBe(true);
  });

  test("forgets everything when it is cleared", () => {
    const window = createReplayWindow();
    window.admit(sourceOf(1), 0);
    window.admit(sourceOf(3), 0);
    window.clear();
    expect([window.gaps(), window.producers()]).toEqual([0, 0]);
    expect(window.admit(sourceOf(1), 0)).toBe(true);
  });
});
