import { describe, expect, test } from "vitest";
import {
  percentileFigures,
  percentilesIn,
  resultsIn,
  tailFigures,
  type WindowCounts,
} from "../../../src/score/figures.ts";
import { createRollingWindow } from "../../../src/score/rolling-window.ts";
import { failureCells, firstTokenCells, SUCCESS_CELL } from "../../../src/score/window-cells.ts";

function windowOf(entries: readonly (readonly [cell: number, count: number])[]): WindowCounts {
  const window = createRollingWindow(0);
  for (const [cell, count] of entries) {
    window.add(0, cell, count);
  }
  return window;
}

const bucket = (index: number) => firstTokenCells.firstCell + index;

describe("resultsIn()", () => {
  test("sums provider faults, and rate limits apart", () => {
    const window = windowOf([
      [SUCCESS_CELL, 7],
      [failureCells.network, 1],
      [failureCells["server-error"], 2],
      [failureCells["rate-limited"], 4],
      [failureCells.canceled, 8],
    ]);
    expect(resultsIn(window)).toEqual({ successes: 7, failures: 3, rateLimited: 4 });
  });
});

describe("percentilesIn()", () => {
  test.each([
    { count: 4, hasMedian: false, hasTails: false },
    { count: 5, hasMedian: true, hasTails: false },
    { count: 19, hasMedian: true, hasTails: false },
    { count: 20, hasMedian: true, hasTails: true },
  ])("of $count samples", ({ count, hasMedian, hasTails }) => {
    const { p5, p50, p95, ...rest } = percentilesIn(
      windowOf([[bucket(0), count]]),
      firstTokenCells,
    );
    expect(rest).toEqual({ count });
    expect([p5, p50, p95].map((value) => value !== undefined)).toEqual([
      hasTails,
      hasMedian,
      hasTails,
    ]);
  });
});

describe("percentileFigures()", () => {
  test("are whole millionths", () => {
    expect(percentileFigures(20, [0.1, 1.0000004, 600_000])).toEqual({
      count: 20,
      p5Micro: 100_000,
      p50Micro: 1_000_000,
      p95Micro: 600_000_000_000,
    });
  });

  test.each([
    { count: 4, figures: { p5Micro: undefined, p50Micro: undefined, p95Micro: undefined } },
    { count: 5, figures: { p5Micro: undefined, p50Micro: 2_000_000, p95Micro: undefined } },
    { count: 19, figures: { p5Micro: undefined, p50Micro: 2_000_000, p95Micro: undefined } },
    { count: 20, figures: { p5Micro: 1_000_000, p50Micro: 2_000_000, p95Micro: 3_000_000 } },
  ])("are absent where $count samples are too few", ({ count, figures }) => {
    expect(percentileFigures(count, [1, 2, 3])).toEqual({ count, ...figures });
    expect(tailFigures(count, [1, 2, 3])).toEqual({ count, ...figures, p5Micro: undefined });
  });
});
