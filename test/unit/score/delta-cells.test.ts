import { describe, expect, test } from "vitest";
import type { OutcomeDelta } from "../../../src/domain/health.ts";
import type { FailureKind } from "../../../src/domain/outcome.ts";
import { createCellCounts, MAX_DELTA_COUNT, readDelta } from "../../../src/score/delta-cells.ts";
import {
  durationCells,
  failureCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "../../../src/score/window-cells.ts";
import { makeDelta } from "./make-report.ts";

function read(delta: OutcomeDelta) {
  const into = createCellCounts();
  const isValid = readDelta(delta, into);
  const cells = [...into.cells.subarray(0, into.length)];
  return { isValid, entries: cells.map((cell, index) => [cell, into.counts[index]]), into };
}

function failuresOf(entries: readonly (readonly [string, number])[]) {
  return new Map(entries) as ReadonlyMap<FailureKind, number>;
}

describe("readDelta()", () => {
  test("lists all cells in ascending order", () => {
    const { isValid, entries, into } = read(
      makeDelta({
        successes: 2,
        failures: new Map([
          ["canceled", 9],
          ["rate-limited", 3],
          ["server-error", 4],
          ["network", 5],
        ]),
        firstToken: { buckets: [0, 667], counts: [1, 2] },
        throughput: { buckets: [3], counts: [6] },
        duration: { buckets: [756], counts: [MAX_DELTA_COUNT] },
      }),
    );
    expect(isValid).toBe(true);
    expect(entries).toEqual([
      [SUCCESS_CELL, 2],
      [failureCells["rate-limited"], 3],
      [failureCells.network, 5],
      [failureCells["server-error"], 4],
      [failureCells.canceled, 9],
      [firstTokenCells.firstCell, 1],
      [firstTokenCells.firstCell + 667, 2],
      [throughputCells.firstCell + 3, 6],
      [durationCells.firstCell + 756, MAX_DELTA_COUNT],
    ]);
    expect(into).toMatchObject({ successes: 2, failures: 9 });
  });

  test("leaves nothing of an earlier delta", () => {
    const into = createCellCounts();
    readDelta(makeDelta({ successes: 1, failures: new Map([["network", 1]]) }), into);
    expect(readDelta(makeDelta({ successes: 0 }), into)).toBe(true);
    expect(into).toMatchObject({ length: 0, successes: 0, failures: 0 });
  });

  test.each<{ name: string; changes: Partial<OutcomeDelta> }>([
    { name: "successes below 0", changes: { successes: -1 } },
    { name: "too many successes", changes: { successes: MAX_DELTA_COUNT + 1 } },
    { name: "a fraction of a success", changes: { successes: 0.5 } },
    { name: "successes that are not a number", changes: { successes: Number.NaN } },
    { name: "failures below 0", changes: { failures: failuresOf([["network", -1]]) } },
    { name: "an unknown failure", changes: { failures: failuresOf([["toString", 1]]) } },
    { name: "buckets that descend", changes: { firstToken: { buckets: [2, 1], counts: [1, 1] } } },
    { name: "a bucket twice", changes: { firstToken: { buckets: [2, 2], counts: [1, 1] } } },
    { name: "a bucket below 0", changes: { throughput: { buckets: [-1], counts: [1] } } },
    {
      name: "a bucket beyond its layout",
      changes: { throughput: { buckets: [578], counts: [1] } },
    },
    { name: "half a bucket", changes: { duration: { buckets: [0.5], counts: [1] } } },
    { name: "no bucket at all", changes: { duration: { buckets: [Number.NaN], counts: [1] } } },
    { name: "a bucket without a count", changes: { duration: { buckets: [1, 2], counts: [1] } } },
    { name: "a count without a bucket", changes: { duration: { buckets: [1], counts: [1, 1] } } },
    { name: "an empty bucket", changes: { duration: { buckets: [1], counts: [0] } } },
    { name: "a huge count", changes: { duration: { buckets: [1], counts: [2 ** 32 - 1] } } },
  ])("refuses $name", ({ changes }) => {
    expect(read(makeDelta(changes)).isValid).toBe(false);
  });
});
