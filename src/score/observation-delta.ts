import type { OutcomeDelta, SparseHistogram } from "../domain/health.ts";
import { type FailureKind, failureKinds, failureTraits } from "../domain/outcome.ts";
import type { Observation } from "../domain/ports.ts";
import { tokensPerSecondOf } from "../domain/throughput.ts";
import { MAX_DELTA_COUNT } from "./delta-cells.ts";
import { bucketOf, HISTOGRAM_LAYOUT_VERSION } from "./log-histogram.ts";
import {
  type CellGroup,
  durationCells,
  failureCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "./window-cells.ts";

/**
 * What one attempt adds to a window, and many attempts to a report.
 *
 * A replica's own window and what it tells the others are counted by the same function, so the two
 * cannot disagree.
 */

/** Result, duration, throughput, first token. */
export const MAX_OBSERVATION_CELLS = 4;

/**
 * Writes the cells that one attempt counts once in, each at most once, and returns how many.
 *
 * Successes alone are timed, because a failure that comes fast is not a fast endpoint; an attempt that
 * the caller ended after its first token says as much about that token as any other. An answer that
 * came whole has no first token and no throughput. A value that is absent, negative or not a number is
 * no sample.
 */
export function cellsOf(observation: Observation, cells: Uint16Array): number {
  const { attempt, streamed } = observation;
  const { kind } = attempt.outcome;
  cells[0] = kind === "success" ? SUCCESS_CELL : failureCells[kind];
  let used = 1;
  if (kind === "success") {
    used = addSample(cells, used, durationCells, attempt.durationMs);
    used = addSample(cells, used, throughputCells, tokensPerSecond(observation));
  }
  if (streamed && timesFirstToken(kind)) {
    used = addSample(cells, used, firstTokenCells, attempt.firstTokenMs);
  }
  return used;
}

/** Whether it counts against the endpoint's uptime and success. */
export function isFault(kind: "success" | FailureKind): boolean {
  return kind !== "success" && failureTraits[kind].evidence === "bad";
}

/** Sums up attempts of one endpoint that ended in one slice. */
export type DeltaBuilder = {
  readonly slice: number;
  add(observation: Observation): void;
  /** Adds what another one of the same slice holds, which stays as it is. */
  addAll(other: DeltaBuilder): void;
  /** Hands out every cell with its count, in no order. */
  forEach(take: (count: number, cell: number) => void): void;
  /** A copy that later additions do not change. Counts stop at `MAX_DELTA_COUNT`. */
  build(): OutcomeDelta;
  isEmpty(): boolean;
};

/** `slice` is `floor(epoch ms / 30,000)` by the producer's clock. */
export function createDelta(slice: number): DeltaBuilder {
  const counts = new Map<number, number>();
  const cells = new Uint16Array(MAX_OBSERVATION_CELLS);

  function count(times: number, cell: number): void {
    counts.set(cell, Math.min((counts.get(cell) ?? 0) + times, MAX_DELTA_COUNT));
  }

  return {
    slice,
    add(observation) {
      const used = cellsOf(observation, cells);
      for (let index = 0; index < used; index++) {
        count(1, cells[index] as number);
      }
    },
    addAll(other) {
      other.forEach(count);
    },
    forEach(take) {
      counts.forEach(take);
    },
    build: () => buildDelta(slice, counts),
    isEmpty: () => counts.size === 0,
  };
}

function buildDelta(slice: number, counts: ReadonlyMap<number, number>): OutcomeDelta {
  const cells = new Uint16Array(counts.size);
  let used = 0;
  for (const cell of counts.keys()) {
    cells[used++] = cell;
  }
  cells.sort();
  return {
    kind: "outcomes",
    slice,
    layoutVersion: HISTOGRAM_LAYOUT_VERSION,
    successes: counts.get(SUCCESS_CELL) ?? 0,
    failures: failuresOf(cells, counts),
    firstToken: histogramOf(firstTokenCells, cells, counts),
    throughput: histogramOf(throughputCells, cells, counts),
    duration: histogramOf(durationCells, cells, counts),
  };
}

const NO_FAILURES: OutcomeDelta["failures"] = new Map();

function failuresOf(cells: Uint16Array, counts: ReadonlyMap<number, number>) {
  // Cells ascend: successes, the kinds of failures, the histograms.
  const lowest = cells[0] === SUCCESS_CELL ? cells[1] : cells[0];
  if (lowest === undefined || lowest >= firstTokenCells.firstCell) {
    return NO_FAILURES;
  }
  const failures = new Map<FailureKind, number>();
  for (const kind of failureKinds) {
    const count = counts.get(failureCells[kind]);
    if (count !== undefined) {
      failures.set(kind, count);
    }
  }
  return failures;
}

const NO_SAMPLES: SparseHistogram = { buckets: [], counts: [] };

/** Of those cells that are its own, which stand together. */
function histogramOf(
  { firstCell, layout }: CellGroup,
  cells: Uint16Array,
  counts: ReadonlyMap<number, number>,
): SparseHistogram {
  const first = placeOf(firstCell, cells, 0);
  const length = placeOf(firstCell + layout.buckets, cells, first) - first;
  if (length === 0) {
    return NO_SAMPLES;
  }
  const buckets = new Array<number>(length);
  const own = new Array<number>(length);
  for (let index = 0; index < length; index += 1) {
    const cell = cells[first + index] as number;
    buckets[index] = cell - firstCell;
    // Every cell is a key.
    own[index] = counts.get(cell) as number;
  }
  return { buckets, counts: own };
}

/** Of the first cell from `start` on that is not below `least`. */
function placeOf(least: number, cells: Uint16Array, start: number): number {
  let place = start;
  while (place < cells.length && (cells[place] as number) < least) {
    place += 1;
  }
  return place;
}

function timesFirstToken(kind: "success" | FailureKind): boolean {
  return kind === "success" || failureTraits[kind].evidence === "none";
}

/** Position after it. */
function addSample(
  cells: Uint16Array,
  position: number,
  { layout, firstCell }: CellGroup,
  value: number | undefined,
): number {
  // Stated so that a value which is not a number is refused.
  if (value === undefined || !(value >= 0)) {
    return position;
  }
  cells[position] = firstCell + bucketOf(layout, value);
  return position + 1;
}

function tokensPerSecond({
  streamed,
  generationMs,
  generatedTokens,
}: Observation): number | undefined {
  return streamed ? tokensPerSecondOf(generationMs, generatedTokens) : undefined;
}
