import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCanonicalBytes } from "../../../src/score/canonical-bytes.ts";
import { type CellCounts, createCellCounts } from "../../../src/score/delta-cells.ts";
import { percentilesOf } from "../../../src/score/log-histogram.ts";
import { createRollingWindow, SLICES } from "../../../src/score/rolling-window.ts";
import {
  createPackingTable,
  createSharedWindow,
  type SharedWindow,
} from "../../../src/score/shared-window.ts";
import {
  CELLS,
  type CellGroup,
  durationCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "../../../src/score/window-cells.ts";

const groups = [firstTokenCells, throughputCells, durationCells];
const PERCENTS = [5, 50, 95];

type Entries = readonly (readonly [cell: number, count: number])[];
type Addition = { readonly slice: number; readonly entries: Entries };

function countsOf(entries: Entries): CellCounts {
  const counts = createCellCounts();
  for (const [cell, count] of entries) {
    counts.cells[counts.length] = cell;
    counts.counts[counts.length] = count;
    counts.length += 1;
  }
  return counts;
}

/** Absent: there are no samples. */
function percentilesIn(window: SharedWindow, group: CellGroup): readonly number[] | undefined {
  const values = new Float64Array(PERCENTS.length);
  if (window.samples(group) === 0) {
    return undefined;
  }
  window.findPercentiles(group, { percents: PERCENTS, values });
  return [...values];
}

/** Everything a reader can tell. */
function readingOf(window: SharedWindow) {
  const bytes = createCanonicalBytes();
  window.write(bytes);
  return {
    totals: Array.from({ length: CELLS }, (_, cell) => window.total(cell)),
    samples: groups.map((group) => window.samples(group)),
    percentiles: groups.map((group) => percentilesIn(window, group)),
    bytes: Buffer.from(bytes.view()).toString("hex"),
    isEmpty: window.isEmpty(),
  };
}

function windowOf(additions: readonly Addition[], newest: number): SharedWindow {
  const window = createSharedWindow(newest, createPackingTable());
  for (const { slice, entries } of additions) {
    window.add(slice, countsOf(entries));
  }
  return window;
}

const anyEntries = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(fc.nat(20), fc.nat(CELLS - 1)),
      fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 1_000_000 })),
    ),
    { selector: ([cell]) => cell, maxLength: 12 },
  )
  .map((list) => list.toSorted(([a], [b]) => a - b));

const anyAdditions = fc.array(
  fc.record({ slice: fc.integer({ min: 0, max: 60 }), entries: anyEntries }),
  { maxLength: 40 },
);

describe("createSharedWindow()", () => {
  test("has cells that fit an entry of the log", () => {
    expect(CELLS).toBeLessThanOrEqual(2 ** 11);
  });

  test("starts empty", () => {
    const window = windowOf([], 0);
    expect(window.isEmpty()).toBe(true);
  });

  test("equals the window of one replica", () => {
    fc.assert(
      fc.property(anyAdditions, fc.nat(130), (additions, end) => {
        const window = windowOf(additions, 60);
        const other = createRollingWindow(60);
        for (const { slice, entries } of additions) {
          for (const [cell, count] of entries) {
            other.add(slice, cell, count);
          }
        }
        window.roll(end);
        other.roll(end);
        const { totals, samples, percentiles, isEmpty } = readingOf(window);
        expect(totals).toEqual(totals.map((_, cell) => other.total(cell)));
        expect(samples).toEqual(groups.map((group) => other.samples(group)));
        expect(percentiles).toEqual(
          groups.map((group, index) =>
            samples[index] === 0
              ? undefined
              : percentilesOf(group.layout, other.buckets(group), samples[index] ?? 0, PERCENTS),
          ),
        );
        expect(isEmpty).toBe(other.isEmpty());
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("depends neither on the order nor on what has expired", () => {
    const shuffled = anyAdditions.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 60, max: 121 }), ([list, permuted], end) => {
        const window = windowOf(list, 60);
        const left = permuted.filter(({ slice }) => slice >= end - SLICES);
        const other = windowOf(left, end);
        window.roll(end);
        expect(readingOf(window)).toEqual(readingOf(other));
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  test("keeps a slice until sixty later ones have begun", () => {
    const window = windowOf([{ slice: 0, entries: [[SUCCESS_CELL, 3]] }], 0);
    window.roll(SLICES);
    expect(window.total(SUCCESS_CELL)).toBe(3);
    window.roll(SLICES + 1);
    expect(readingOf(window)).toEqual(readingOf(windowOf([], 0)));
  });

  test("refuses what is older than the window and what is not a number", () => {
    const window = windowOf([], 60);
    const counts = countsOf([[SUCCESS_CELL, 1]]);
    expect(window.add(0, counts)).toBe(true);
    expect(window.add(-1, counts)).toBe(false);
    expect(window.add(Number.NaN, counts)).toBe(false);
    expect(window.total(SUCCESS_CELL)).toBe(1);
  });

  test("survives the clock jumping an hour ahead and back", () => {
    const window = windowOf([{ slice: 1_000, entries: [[5, 1]] }], 1_000);
    window.roll(1_120);
    expect(window.isEmpty()).toBe(true);
    window.roll(1_000);
    expect(window.add(1_000, countsOf([[5, 1]]))).toBe(false);
    expect(window.add(1_120, countsOf([[5, 2]]))).toBe(true);
    expect(window.total(5)).toBe(2);
  });

  test("counts beyond 32 bits and back without losing one", () => {
    const huge = 2 ** 31 + 5;
    const cell = firstTokenCells.firstCell + 2;
    const full: Addition[] = [1, 2, 2, 3].map((slice) => ({ slice, entries: [[cell, huge]] }));
    const window = windowOf(full, 3);
    const sums = [4, 3, 1, 0].map((parts) => parts * huge);
    for (const [step, sum] of sums.entries()) {
      window.roll(SLICES + 1 + step);
      expect(window.total(cell)).toBe(sum);
      expect(window.samples(firstTokenCells)).toBe(sum);
    }
    expect(readingOf(window)).toEqual(readingOf(windowOf([], 0)));
  });

  test("tells totals apart whose lowest 32 bits are 0", () => {
    const half = { slice: 0, entries: [[7, 2 ** 31]] } satisfies Addition;
    const window = windowOf([half, half], 0);
    expect(window.total(7)).toBe(2 ** 32);
    expect(readingOf(window).bytes).not.toBe(readingOf(windowOf([], 0)).bytes);
  });

  test("does not lose what lies in the log", () => {
    const window = windowOf([], 0);
    const every = countsOf(Array.from({ length: CELLS }, (_, cell) => [cell, cell + 1]));
    for (let slice = 0; slice <= SLICES; slice += 1) {
      window.add(slice, every);
    }
    window.add(0, every);
    expect(window.total(9)).toBe(10 * (SLICES + 2));
    window.roll(SLICES + 1);
    expect(window.total(9)).toBe(10 * SLICES);
    window.roll(2 * SLICES + 1);
    expect(window.isEmpty()).toBe(true);
  });

  test("leaves the table empty for the next window", () => {
    const table = createPackingTable();
    const window = createSharedWindow(0, table);
    window.add(0, countsOf([[1, 1]]));
    window.roll(1);
    expect(table.counts.every((count) => count === 0)).toBe(true);
  });

  test("tells how many bytes it holds", () => {
    const window = windowOf([{ slice: 0, entries: [[1, 1]] }], 0);
    const before = window.heldBytes();
    window.roll(1);
    expect(window.heldBytes()).toBe(before + 2);
  });
});
