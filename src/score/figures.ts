import type { PercentileFigures } from "../domain/health.ts";
import { type FailureKind, failureKinds, failureTraits } from "../domain/outcome.ts";
import { percentilesOf } from "./log-histogram.ts";
import { type CellGroup, failureCells, SUCCESS_CELL } from "./window-cells.ts";

/** What figures are read from: the window of one replica, or the one all share. */
export type WindowCounts = {
  total(cell: number): number;
  samples(group: CellGroup): number;
  buckets(group: CellGroup): Uint32Array | Float64Array;
};

/** Ordinary percentiles in the unit of their histogram; absent with too few samples. */
export type Percentiles = {
  readonly count: number;
  readonly p5: number | undefined;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
};

/** No sample lies beyond a 95th or below a 5th percentile of fewer. */
const MIN_SAMPLES_OF_TAIL = 20;
const MIN_SAMPLES_OF_MEDIAN = 5;

/** A ratio of fewer results would be a coin or two. */
const MIN_RESULTS = 5;

export const PERCENTS = [5, 50, 95];

const MICRO = 1_000_000;

const badKinds = failureKinds.filter((kind) => failureTraits[kind].evidence === "bad");
const rateKinds = failureKinds.filter((kind) => failureTraits[kind].evidence === "rate");

/** Failures are provider faults; rate limits stand beside them. */
export function resultsIn(window: Pick<WindowCounts, "total">) {
  return {
    successes: window.total(SUCCESS_CELL),
    failures: sumOf(window, badKinds),
    rateLimited: sumOf(window, rateKinds),
  };
}

/** 0 to 1; absent with too few results. */
export function successRatio(successes: number, failures: number): number | undefined {
  const results = successes + failures;
  return results < MIN_RESULTS ? undefined : successes / results;
}

export function percentilesIn(window: WindowCounts, group: CellGroup): Percentiles {
  const count = window.samples(group);
  if (count < MIN_SAMPLES_OF_MEDIAN) {
    return { count, p5: undefined, p50: undefined, p95: undefined };
  }
  const [p5, p50, p95] = percentilesOf(group.layout, window.buckets(group), count, PERCENTS);
  return count < MIN_SAMPLES_OF_TAIL
    ? { count, p5: undefined, p50, p95: undefined }
    : { count, p5, p50, p95 };
}

/**
 * In millionths, of `count` samples with these percentiles, which are those of `PERCENTS`. The values are
 * representatives of buckets, which are products of the same few constants on every machine, so rounding
 * gives every replica the same whole number. There is one for each of them: `as number` tells the compiler.
 */
export function percentileFigures(count: number, values: ArrayLike<number>): PercentileFigures {
  const hasTails = count >= MIN_SAMPLES_OF_TAIL;
  return {
    count,
    p5Micro: hasTails ? toMicro(values[0] as number) : undefined,
    p50Micro: count >= MIN_SAMPLES_OF_MEDIAN ? toMicro(values[1] as number) : undefined,
    p95Micro: hasTails ? toMicro(values[2] as number) : undefined,
  };
}

/** Without the 5th percentile, which is kept where the low end is the bad one. */
export function tailFigures(count: number, values: ArrayLike<number>): PercentileFigures {
  return {
    count,
    p5Micro: undefined,
    p50Micro: count >= MIN_SAMPLES_OF_MEDIAN ? toMicro(values[1] as number) : undefined,
    p95Micro: count >= MIN_SAMPLES_OF_TAIL ? toMicro(values[2] as number) : undefined,
  };
}

export function toMicro(value: number): number {
  return Math.round(value * MICRO);
}

function sumOf(window: Pick<WindowCounts, "total">, kinds: readonly FailureKind[]): number {
  let sum = 0;
  for (const kind of kinds) {
    sum += window.total(failureCells[kind]);
  }
  return sum;
}
