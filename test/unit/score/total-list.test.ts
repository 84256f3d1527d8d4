import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCanonicalBytes } from "../../../src/score/canonical-bytes.ts";
import { percentilesOf } from "../../../src/score/log-histogram.ts";
import { packingBytes, packSlice } from "../../../src/score/packed-slice.ts";
import {
  createTotalList,
  findPercentiles,
  type TotalList,
  writeTotals,
} from "../../../src/score/total-list.ts";
import {
  CELLS,
  durationCells,
  firstTokenCells,
  throughputCells,
} from "../../../src/score/window-cells.ts";

const groups = [firstTokenCells, throughputCells, durationCells];
const PERCENTS = [5, 50, 95];

type Totals = ReadonlyMap<number, number>;

function listOf(totals: Totals): TotalList {
  const list = createTotalList();
  for (const cell of [...totals.keys()].toSorted((a, b) => a - b)) {
    list.cells[list.length] = cell;
    list.counts[list.length] = totals.get(cell) ?? 0;
    list.length += 1;
  }
  return list;
}

const anyTotals = fc
  .array(
    fc.tuple(
      fc.nat(CELLS - 1),
      fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 ** 40 })),
    ),
    { maxLength: 60 },
  )
  .map((entries): Totals => new Map(entries));

describe("findPercentiles()", () => {
  test("finds what a walk over all buckets finds", () => {
    fc.assert(
      fc.property(anyTotals, fc.constantFrom(...groups), fc.nat(500), (totals, group, bucket) => {
        const { firstCell, layout } = group;
        const some = new Map(totals).set(firstCell + bucket, 3);
        const buckets = Float64Array.from(
          { length: layout.buckets },
          (_, index) => some.get(firstCell + index) ?? 0,
        );
        const samples = buckets.reduce((sum, count) => sum + count, 0);
        const values = new Float64Array(PERCENTS.length);
        findPercentiles(listOf(some), group, samples, { percents: PERCENTS, values });
        expect([...values]).toEqual(percentilesOf(layout, buckets, samples, PERCENTS));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe("writeTotals()", () => {
  test("writes a block that is packed as a slice is", () => {
    fc.assert(
      fc.property(anyTotals, (totals) => {
        const [bytes, expected] = [createCanonicalBytes(), createCanonicalBytes()];
        const list = listOf(totals);
        writeTotals(list, bytes, packingBytes(CELLS));
        expected.block(
          packSlice(list.cells.subarray(0, list.length), (cell) => totals.get(cell) ?? 0),
        );
        expect(Buffer.from(bytes.view())).toEqual(Buffer.from(expected.view()));
      }),
      { seed: 2, numRuns: 200 },
    );
  });
});
