import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createRollingWindow,
  type RollingWindow,
  SLICES,
  sliceOf,
} from "../../../src/score/rolling-window.ts";
import {
  CELLS,
  durationCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "../../../src/score/window-cells.ts";

const groups = [firstTokenCells, throughputCells, durationCells];

function totalsOf(window: RollingWindow): number[] {
  return Array.from({ length: CELLS }, (_, cell) => window.total(cell));
}

/** Everything a reader can tell. */
function readingOf(window: RollingWindow) {
  return {
    totals: totalsOf(window),
    samples: groups.map((group) => window.samples(group)),
    isEmpty: window.isEmpty(),
  };
}

type Addition = { readonly slice: number; readonly cell: number; readonly count: number };

const additions = fc.array(
  fc.record({
    slice: fc.integer({ min: -40, max: 100 }),
    cell: fc.oneof(fc.nat(20), fc.nat(CELLS - 1)),
    count: fc.integer({ min: 1, max: 1_000 }),
  }),
  { maxLength: 60 },
);

function foldAll(window: RollingWindow, list: readonly Addition[]): void {
  for (const { slice, cell, count } of list) {
    window.add(slice, cell, count);
  }
}

describe("sliceOf()", () => {
  test("changes every 30 seconds", () => {
    expect([0, 29_999.9, 30_000, -0.1].map(sliceOf)).toEqual([0, 0, 1, -1]);
  });
});

describe("createRollingWindow()", () => {
  test("starts empty", () => {
    const window = createRollingWindow(7);
    expect(window.isEmpty()).toBe(true);
    expect(totalsOf(window).every((total) => total === 0)).toBe(true);
  });

  test("keeps a slice until sixty later ones have closed", () => {
    const window = createRollingWindow(0);
    window.add(0, SUCCESS_CELL, 3);
    window.roll(SLICES);
    expect(window.total(SUCCESS_CELL)).toBe(3);
    window.roll(SLICES + 1);
    expect(window.total(SUCCESS_CELL)).toBe(0);
    expect(window.isEmpty()).toBe(true);
  });

  test("counts the samples of each histogram apart", () => {
    const window = createRollingWindow(0);
    window.add(0, firstTokenCells.firstCell, 1);
    window.add(0, firstTokenCells.firstCell + 667, 2);
    window.add(0, throughputCells.firstCell, 4);
    window.add(0, SUCCESS_CELL, 8);
    expect(groups.map((group) => window.samples(group))).toEqual([3, 4, 0]);
    expect(window.buckets(firstTokenCells)[667]).toBe(2);
    expect(window.buckets(throughputCells)[0]).toBe(4);
  });

  test("equals a recount of what lies within the window", () => {
    fc.assert(
      fc.property(additions, fc.integer({ min: 100, max: 200 }), (list, end) => {
        const window = createRollingWindow(-40);
        foldAll(window, list);
        window.roll(end);
        const expected = new Array<number>(CELLS).fill(0);
        // What was too late at its time has also left by the end.
        for (const { cell, count } of list.filter((one) => one.slice >= end - SLICES)) {
          expected[cell] = (expected[cell] ?? 0) + count;
        }
        expect(totalsOf(window)).toEqual(expected);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("does not depend on the order of additions", () => {
    const shuffled = additions.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 0, max: 70 }), ([list, permuted], later) => {
        const window = createRollingWindow(-40);
        const other = createRollingWindow(-40);
        foldAll(window, list);
        foldAll(other, permuted);
        // Late ones are dropped depending on when they come; at the same newest slice they have left.
        const end = Math.max(-40, ...list.map(({ slice }) => slice)) + later;
        window.roll(end);
        other.roll(end);
        expect(readingOf(other)).toEqual(readingOf(window));
        window.roll(end + 1);
        other.roll(end + 1);
        expect(readingOf(other)).toEqual(readingOf(window));
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  test("folds two lists into the sum of both", () => {
    fc.assert(
      fc.property(additions, additions, (a, b) => {
        const windows = [a, b, [...a, ...b]].map((list) => {
          const window = createRollingWindow(100);
          foldAll(window, list);
          return totalsOf(window);
        });
        const [totalsA = [], totalsB = [], both] = windows;
        expect(both).toEqual(totalsA.map((total, cell) => total + (totalsB[cell] ?? 0)));
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  test("adds a list like its parts one by one, into open and closed slices", () => {
    for (const slice of [10, 9, -50, -51]) {
      const single = createRollingWindow(10);
      const listed = createRollingWindow(10);
      const cells = [5, 0, 900];
      const counts = [1, 2, 300];
      const taken = cells.map((cell, index) => single.add(slice, cell, counts[index] ?? 0));
      expect(new Set(taken)).toEqual(new Set([listed.addAll(slice, cells, counts)]));
      expect(readingOf(listed)).toEqual(readingOf(single));
    }
  });

  test("refuses what is older than the window and what is not a number", () => {
    const window = createRollingWindow(60);
    expect(window.add(0, SUCCESS_CELL, 1)).toBe(true);
    expect(window.add(-1, SUCCESS_CELL, 1)).toBe(false);
    expect(window.add(Number.NaN, SUCCESS_CELL, 1)).toBe(false);
    expect(window.total(SUCCESS_CELL)).toBe(1);
  });

  test("is all zero after everything has expired, whatever the steps", () => {
    const steps = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(additions, steps, (list, jumps) => {
        const window = createRollingWindow(-40);
        foldAll(window, list);
        let slice = 100;
        for (const jump of jumps) {
          slice += jump;
          window.roll(slice);
        }
        window.roll(slice + SLICES + 1);
        expect(readingOf(window)).toEqual(readingOf(createRollingWindow(0)));
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  test("survives the clock jumping an hour ahead and back", () => {
    const window = createRollingWindow(1_000);
    window.add(1_000, SUCCESS_CELL, 1);
    window.roll(1_120);
    expect(window.isEmpty()).toBe(true);
    window.roll(1_000);
    expect(window.add(1_000, SUCCESS_CELL, 5)).toBe(false);
    expect(window.add(1_120, SUCCESS_CELL, 2)).toBe(true);
    expect(window.total(SUCCESS_CELL)).toBe(2);
    window.roll(1_181);
    expect(window.isEmpty()).toBe(true);
  });

  test("stops a total at 2^32 - 1 and still expires to zero", () => {
    const window = createRollingWindow(0);
    window.add(0, SUCCESS_CELL, 0xffff_fff0);
    window.add(1, SUCCESS_CELL, 0x10);
    window.add(1, SUCCESS_CELL, 1);
    window.add(0, SUCCESS_CELL, 1);
    expect(window.total(SUCCESS_CELL)).toBe(0xffff_ffff);
    window.roll(SLICES + 1);
    expect(window.total(SUCCESS_CELL)).toBe(0xf);
    window.roll(SLICES + 2);
    expect(window.isEmpty()).toBe(true);
  });

  test("tells how many bytes it holds", () => {
    const window = createRollingWindow(0);
    const empty = window.heldBytes();
    window.add(0, SUCCESS_CELL, 1);
    window.roll(1);
    expect(window.heldBytes()).toBe(empty + 1);
  });
});
