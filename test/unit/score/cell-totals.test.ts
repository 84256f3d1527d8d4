import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCanonicalBytes } from "../../../src/score/canonical-bytes.ts";
import {
  addToTotals,
  type CellTotals,
  createCellTotals,
  findPercentiles,
  isEmpty,
  totalOf,
  totalsBytes,
  writeTotals,
} from "../../../src/score/cell-totals.ts";
import { percentilesOf } from "../../../src/score/log-histogram.ts";
import {
  CELLS,
  durationCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "../../../src/score/window-cells.ts";

const groups = [firstTokenCells, throughputCells, durationCells];
const PERCENTS = [5, 50, 95];

type Additions = readonly (readonly [cell: number, count: number])[];

function totalsOf(additions: Additions): CellTotals {
  const totals = createCellTotals();
  for (const [cell, count] of additions) {
    addToTotals(totals, cell, count);
  }
  return totals;
}

function bytesOf(totals: CellTotals): string {
  const bytes = createCanonicalBytes();
  writeTotals(totals, bytes);
  return Buffer.from(bytes.view()).toString("hex");
}

/** Everything a reader can tell. */
function readingOf(totals: CellTotals) {
  return {
    totals: Array.from({ length: CELLS }, (_, cell) => totalOf(totals, cell)),
    blocks: [...totals.blocks],
    samples: [...totals.samples],
    isEmpty: isEmpty(totals),
    bytes: bytesOf(totals),
  };
}

const anyCount = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.integer({ min: 2 ** 31, max: 2 ** 34 }),
);
const anyAdditions = fc.array(fc.tuple(fc.nat(CELLS - 1), anyCount), { maxLength: 60 });

describe("addToTotals()", () => {
  test("adds up exactly, beyond 32 bits too", () => {
    fc.assert(
      fc.property(anyAdditions, (additions) => {
        const expected = new Array<number>(CELLS).fill(0);
        for (const [cell, count] of additions) {
          expected[cell] = (expected[cell] ?? 0) + count;
        }
        const { totals, isEmpty: hasNothing } = readingOf(totalsOf(additions));
        expect(totals).toEqual(expected);
        expect(hasNothing).toBe(additions.length === 0);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("depends neither on the order nor on what was taken away", () => {
    fc.assert(
      fc.property(anyAdditions, anyAdditions, (left, gone) => {
        const taken = gone.map(([cell, count]) => [cell, -count] as const);
        const mixed = [...gone, ...left.toReversed(), ...taken];
        expect(readingOf(totalsOf(mixed))).toEqual(readingOf(totalsOf(left)));
      }),
      { seed: 2, numRuns: 200 },
    );
  });
});

describe("findPercentiles()", () => {
  test("finds what a walk over all buckets finds", () => {
    fc.assert(
      fc.property(anyAdditions, fc.constantFrom(...groups), fc.nat(500), (some, group, bucket) => {
        const { firstCell, layout } = group;
        const totals = totalsOf([...some, [firstCell + bucket, 3]]);
        const buckets = Float64Array.from({ length: layout.buckets }, (_, index) =>
          totalOf(totals, firstCell + index),
        );
        const samples = buckets.reduce((sum, count) => sum + count, 0);
        const values = new Float64Array(PERCENTS.length);
        findPercentiles(totals, group, { percents: PERCENTS, values });
        expect([...values]).toEqual(percentilesOf(layout, buckets, samples, PERCENTS));
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  test.each(groups)("finds a sample in any cell of group $group", (group) => {
    const { firstCell, layout } = group;
    const values = new Float64Array(1);
    const found = Array.from({ length: layout.buckets }, (_, bucket) => {
      findPercentiles(totalsOf([[firstCell + bucket, 1]]), group, { percents: [50], values });
      return values[0];
    });
    expect(found).toEqual([...layout.representatives]);
  });
});

describe("writeTotals()", () => {
  test("tells totals apart that differ in a count", () => {
    fc.assert(
      fc.property(anyAdditions, fc.nat(CELLS - 1), anyCount, (additions, cell, count) => {
        const other = totalsOf([...additions, [cell, count]]);
        expect(bytesOf(other)).not.toBe(bytesOf(totalsOf(additions)));
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  test("tells apart in which cell something was counted", () => {
    const written = Array.from({ length: CELLS }, (_, cell) => bytesOf(totalsOf([[cell, 1]])));
    expect(new Set(written).size).toBe(CELLS);
  });

  test("loses no count of a single cell, whatever its factors", () => {
    const nothing = bytesOf(totalsOf([]));
    const lost = Array.from({ length: CELLS }, (_, cell) => cell).filter(
      (cell) => bytesOf(totalsOf([[cell, 2 ** 31]])) === nothing,
    );
    expect(lost).toEqual([]);
  });

  test("gives every cell three weights of its own", () => {
    const weights = Array.from({ length: CELLS }, (_, cell) => [
      ...totalsOf([[cell, 1]]).fingerprint,
    ]).flat();
    expect(weights).toHaveLength(3 * CELLS);
    expect(new Set(weights).size).toBe(3 * CELLS);
  });

  test("tells where it ends", () => {
    const [bytes, other] = [createCanonicalBytes(), createCanonicalBytes()];
    writeTotals(totalsOf([[4, 2 ** 32]]), bytes);
    writeTotals(totalsOf([]), other);
    // What would be the excess, were it not written behind the end.
    other.number(5);
    other.number(1);
    expect(Buffer.from(bytes.view())).not.toEqual(Buffer.from(other.view()));
  });

  test("tells totals apart whose lowest 32 bits are equal", () => {
    const few = totalsOf([[SUCCESS_CELL, 1]]);
    const many = totalsOf([[SUCCESS_CELL, 1 + 2 ** 32]]);
    expect([...many.fingerprint]).toEqual([...few.fingerprint]);
    expect(bytesOf(many)).not.toBe(bytesOf(few));
  });

  test("writes what is beyond 32 bits in the order of cells", () => {
    const additions: Additions = [7, 3, 5].map((cell) => [cell, 2 ** 33]);
    expect(bytesOf(totalsOf(additions))).toBe(bytesOf(totalsOf(additions.toReversed())));
  });
});

describe("totalsBytes()", () => {
  test("is what the arrays take", () => {
    const { totals, blocks, samples, fingerprint } = createCellTotals();
    const arrays = [totals, blocks, samples, fingerprint];
    expect(totalsBytes(createCellTotals())).toBe(
      arrays.reduce((sum, { byteLength }) => sum + byteLength, 0),
    );
  });
});
