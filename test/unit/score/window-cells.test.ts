import { describe, expect, test } from "vitest";
import { failureKinds } from "../../../src/domain/outcome.ts";
import {
  CELLS,
  cellGroups,
  durationCells,
  failureCells,
  firstTokenCells,
  groupRanges,
  SUCCESS_CELL,
  throughputCells,
} from "../../../src/score/window-cells.ts";

describe("window cells", () => {
  test("have a number of their own for everything that is counted", () => {
    const histograms = [firstTokenCells, throughputCells, durationCells];
    const cells = [
      SUCCESS_CELL,
      ...failureKinds.map((kind) => failureCells[kind]),
      ...histograms.flatMap(({ firstCell, layout }) =>
        Array.from({ length: layout.buckets }, (_, bucket) => firstCell + bucket),
      ),
    ];
    expect(cells).toEqual(Array.from({ length: CELLS }, (_, cell) => cell));
  });

  test("belong to the group whose range holds them", () => {
    groupRanges.forEach(([start, end], group) => {
      expect(new Set(cellGroups.subarray(start, end))).toEqual(new Set([group]));
    });
    expect(cellGroups.length).toBe(CELLS);
  });

  test("fit the two bytes in which an open slice lists them", () => {
    expect(CELLS).toBeLessThanOrEqual(0x1_0000);
  });

  test.each([firstTokenCells, throughputCells, durationCells])("know their group", (cells) => {
    expect(groupRanges[cells.group]?.[0]).toBe(cells.firstCell);
  });
});
