import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EMPTY_SLICE,
  type PackedSlice,
  packSlice,
  unpackSlice,
} from "../../../src/score/packed-slice.ts";

function entriesOf(bytes: PackedSlice): [number, number][] {
  const entries: [number, number][] = [];
  unpackSlice(bytes, (cell, count) => entries.push([cell, count]));
  return entries;
}

function pack(entries: readonly (readonly [number, number])[]): PackedSlice {
  const counts = new Map(entries);
  return packSlice([...counts.keys()], (cell) => counts.get(cell) ?? 0);
}

describe("packSlice()", () => {
  test("gives back what it was given", () => {
    const entries = fc
      .uniqueArray(
        fc.tuple(
          fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 16_000 })),
          fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 0xffff_ffff })),
        ),
        { selector: ([cell]) => cell },
      )
      .map((unsorted) => unsorted.toSorted(([a], [b]) => a - b));
    fc.assert(
      fc.property(entries, (list) => {
        expect(entriesOf(pack(list))).toEqual(list);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test.each([1, 127, 128, 16_383, 16_384, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    "keeps a count of %d",
    (count) => {
      expect(entriesOf(pack([[3, count]]))).toEqual([[3, count]]);
    },
  );

  test("takes one byte for a small count of the next cell and two for one further on", () => {
    const neighbours = [100, 101, 102, 103].map((cell) => [cell, 63] as const);
    expect(pack([[0, 1]]).length).toBe(1);
    expect(pack([[99, 1]]).length).toBe(2);
    expect(pack(neighbours).length).toBe(5);
  });

  test("is empty without cells", () => {
    expect(pack([])).toEqual(EMPTY_SLICE);
    expect(entriesOf(EMPTY_SLICE)).toEqual([]);
  });
});
