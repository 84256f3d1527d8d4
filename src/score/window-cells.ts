import { type FailureKind, failureKinds } from "../domain/outcome.ts";
import {
  durationLayout,
  firstTokenLayout,
  type HistogramLayout,
  throughputLayout,
} from "./log-histogram.ts";

/**
 * Numbers everything a window counts, so that a window is one vector of whole numbers.
 *
 * One vector has one way to be added, aged, packed and compared. The cells are: successes, one per
 * failure kind in the order of `failureKinds`, then the buckets of the three histograms.
 */
export type CellGroup = {
  readonly layout: HistogramLayout;
  /** Cell of bucket 0. */
  readonly firstCell: number;
  /** Position in `groupRanges`. */
  readonly group: number;
};

export const SUCCESS_CELL = 0;

// `Object.fromEntries` forgets which keys it was given.
export const failureCells = Object.fromEntries(
  failureKinds.map((kind, index) => [kind, index + 1]),
) as Readonly<Record<FailureKind, number>>;

const COUNTERS = 1 + failureKinds.length;

export const firstTokenCells: CellGroup = {
  layout: firstTokenLayout,
  firstCell: COUNTERS,
  group: 1,
};

export const throughputCells: CellGroup = {
  layout: throughputLayout,
  firstCell: endOf(firstTokenCells),
  group: 2,
};

export const durationCells: CellGroup = {
  layout: durationLayout,
  firstCell: endOf(throughputCells),
  group: 3,
};

export const CELLS = endOf(durationCells);

/** First cell of each group and the one after its last. */
export const groupRanges: readonly (readonly [number, number])[] = [
  [SUCCESS_CELL, COUNTERS],
  ...[firstTokenCells, throughputCells, durationCells].map(
    (cells) => [cells.firstCell, endOf(cells)] as const,
  ),
];

/** Group of every cell. */
export const cellGroups = Uint8Array.from(
  groupRanges.flatMap(([start, end], group) => new Array<number>(end - start).fill(group)),
);

function endOf({ firstCell, layout }: CellGroup): number {
  return firstCell + layout.buckets;
}
