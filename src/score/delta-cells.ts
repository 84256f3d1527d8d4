import type { OutcomeDelta, SparseHistogram } from "../domain/health.ts";
import { failureKinds, failureTraits } from "../domain/outcome.ts";
import {
  CELLS,
  type CellGroup,
  durationCells,
  failureCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "./window-cells.ts";

/**
 * The most one report may count of anything: three times what a replica can see of one endpoint in a
 * slice at 10,000 calls a second. So bounded, 10^9 hostile reports in a window still add up exactly.
 */
export const MAX_DELTA_COUNT = 1_000_000;

/** A report as cells of a window, to be filled again and again. Cells ascend. */
export type CellCounts = {
  readonly cells: Uint16Array;
  readonly counts: Uint32Array;
  length: number;
  successes: number;
  /** Provider faults. */
  failures: number;
};

export function createCellCounts(): CellCounts {
  return {
    cells: new Uint16Array(CELLS),
    counts: new Uint32Array(CELLS),
    length: 0,
    successes: 0,
    failures: 0,
  };
}

/**
 * Fills `into` with a delta of the current layout. False: a count or a bucket is out of its bounds, and
 * nothing of the delta is to be used.
 */
export function readDelta(delta: OutcomeDelta, into: CellCounts): boolean {
  into.length = 0;
  into.successes = delta.successes;
  into.failures = 0;
  return (
    addCount(into, SUCCESS_CELL, delta.successes) &&
    readFailures(delta.failures, into) &&
    readHistogram(delta.firstToken, firstTokenCells, into) &&
    readHistogram(delta.throughput, throughputCells, into) &&
    readHistogram(delta.duration, durationCells, into)
  );
}

function readFailures(failures: OutcomeDelta["failures"], into: CellCounts): boolean {
  if (failures.size === 0) {
    return true;
  }
  let known = 0;
  for (const kind of failureKinds) {
    const count = failures.get(kind);
    if (count !== undefined) {
      known += 1;
      into.failures += failureTraits[kind].evidence === "bad" ? count : 0;
      if (!addCount(into, failureCells[kind], count)) {
        return false;
      }
    }
  }
  return known === failures.size;
}

function readHistogram(
  { buckets, counts }: SparseHistogram,
  { layout, firstCell }: CellGroup,
  into: CellCounts,
): boolean {
  let previous = -1;
  for (let index = 0; index < buckets.length; index++) {
    const bucket = buckets[index] as number;
    // Stated so that a bucket which is not a number is refused.
    if (!(bucket > previous && bucket < layout.buckets) || counts[index] === 0) {
      return false;
    }
    if (!Number.isInteger(bucket) || !addCount(into, firstCell + bucket, counts[index])) {
      return false;
    }
    previous = bucket;
  }
  return counts.length === buckets.length;
}

function addCount(into: CellCounts, cell: number, count: number | undefined): boolean {
  if (count === undefined || !Number.isInteger(count) || count < 0 || count > MAX_DELTA_COUNT) {
    return false;
  }
  if (count > 0) {
    into.cells[into.length] = cell;
    into.counts[into.length] = count;
    into.length += 1;
  }
  return true;
}
