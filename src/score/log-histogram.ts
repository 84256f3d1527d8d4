/**
 * Buckets for quantities that span orders of magnitude.
 *
 * Percentiles of many producers cannot be averaged, and exact samples do not fit in memory. Counts per
 * bucket can be added in any order and still give one answer, so a quantity is counted into buckets
 * whose bounds grow by a constant factor; each stands for a value at most `RELATIVE_ERROR` off.
 *
 * Every replica must put a value into the same bucket. Logarithms differ between engines in the last
 * bit; multiplication does not, so the bounds are built by repeated multiplication and decide. A
 * logarithm only tells where to look first, which saves the ten steps of a search.
 *
 * Typed arrays are read within their length: `as number` tells the compiler.
 */
export type HistogramLayout = {
  /** Values up to it share the first bucket and are reported as it. */
  readonly low: number;
  /** Values beyond the last bound share the last bucket and are reported as it. */
  readonly high: number;
  readonly buckets: number;
  /** Largest value of each bucket but the last, ascending. */
  readonly bounds: Float64Array;
  /** What a bucket is reported as. */
  readonly representatives: Float64Array;
};

/** Producers and folders of histograms must agree on it. Grows with any change of bounds. */
export const HISTOGRAM_LAYOUT_VERSION = 1;

/** DDSketch's alpha: at most 1 % between a value and the figure that stands for it. */
export const RELATIVE_ERROR = 0.01;

const GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GROWTH = Math.log(GROWTH);

/** From a millisecond to the ten minutes after which every clock of an attempt has run out. */
export const firstTokenLayout = createHistogramLayout(1, 600_000);

/** Output tokens per second, from a stalled stream to hardware that does not exist yet. */
export const throughputLayout = createHistogramLayout(0.1, 10_000);

/** From a millisecond to the hour. */
export const durationLayout = createHistogramLayout(1, 3_600_000);

/** For 0 < `low` < `high`. */
export function createHistogramLayout(low: number, high: number): HistogramLayout {
  const bounds = [low];
  for (let bound = low; bound < high; ) {
    bound *= GROWTH;
    bounds.push(bound);
  }
  // The value between two bounds whose relative distance to both is the same.
  const representatives = bounds.map((bound) => (2 * bound) / (1 + GROWTH));
  representatives[0] = low;
  representatives.push(high);
  return {
    low,
    high,
    buckets: representatives.length,
    bounds: Float64Array.from(bounds),
    representatives: Float64Array.from(representatives),
  };
}

/** Index of the first bucket whose bound is not below the value. NaN falls into bucket 0. */
export function bucketOf({ low, bounds }: HistogramLayout, value: number): number {
  const last = bounds.length - 1;
  if (!(value > low)) {
    return 0;
  }
  if (value > (bounds[last] as number)) {
    return bounds.length;
  }
  let bucket = Math.min(last, Math.ceil(Math.log(value / low) / LOG_GROWTH));
  while (value > (bounds[bucket] as number)) {
    bucket += 1;
  }
  while (value <= (bounds[bucket - 1] as number)) {
    bucket -= 1;
  }
  return bucket;
}

/**
 * For each of `percents` the value at or below which that many percent of the samples lie.
 *
 * `percents` ascend within 1 to 100, so that one pass finds them all. `samples` is the sum of `counts`
 * and at least 1. Ranks are rounded up, in whole numbers.
 */
export function percentilesOf(
  { representatives }: HistogramLayout,
  counts: Uint32Array | Float64Array,
  samples: number,
  percents: readonly number[],
): readonly number[] {
  let bucket = 0;
  let cumulative = counts[0] as number;
  const values: number[] = [];
  // A loop and not a `map`: variables that a closure changes live in memory, and this walks most buckets.
  for (const percent of percents) {
    const rank = Math.floor((samples * percent + 99) / 100);
    while (cumulative < rank) {
      bucket += 1;
      cumulative += counts[bucket] as number;
    }
    values.push(representatives[bucket] as number);
  }
  return values;
}
