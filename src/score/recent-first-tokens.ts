import type { CellCounts } from "./delta-cells.ts";
import { bucketOf } from "./log-histogram.ts";
import { firstTokenCells } from "./window-cells.ts";

/**
 * The time to first token of the latest answers, so that an endpoint that has become slow shows at once.
 *
 * The 95th percentile of a full window moves when the twentieth part of half an hour was slow, and the
 * median when half of it was. Sums of a second beside them show it within a few. As the recent failures they
 * may only demote: nothing else is computed from them.
 *
 * A bucket of the histogram is the logarithm of its values in whole numbers, so the mean bucket stands for
 * their geometric mean: sums of whole numbers, equal in whatever order answers came, in which a single
 * straggler weighs little.
 */
export type RecentFirstTokens = {
  /** Counts of a report; those of other figures are left out. Times do not go back by more than 30 s. */
  add(atMs: number, counts: CellCounts): void;
  /**
   * Of those latest seconds, of the last 30, that together speak most for an endpoint that has become slow: two
   * slow answers after many fast ones do, and so do twenty that are less so. `usualMs` is the median of the
   * window; absent: nobody knows, and any answer counts as slow.
   */
  read(nowMs: number, usualMs: number | undefined): FirstTokenSum;
  heldBytes(): number;
};

export type FirstTokenSum = {
  readonly samples: number;
  readonly bucketSum: number;
  /** Epoch milliseconds from which it is another one if nothing is added; `Infinity` without samples. */
  readonly untilMs: number;
};

/** The geometric mean in milliseconds. */
export type TypicalFirstToken = {
  readonly samples: number;
  readonly typicalMs: number | undefined;
};

/** As often as a replica tells of an endpoint. */
const BIN_MS = 1_000;

/** The newest of them is running, so that nothing older than 30 s counts. */
const RECENT_BINS = 30;

/** One alone is a straggler. An endpoint that hangs gets no third: whoever called it goes elsewhere. */
const MIN_SAMPLES = 2;

/** Twice the usual, and by as much as somebody notices. */
const SLOWER_BY = 2;
const MIN_DIFFERENCE_MS = 100;

/**
 * Means of few answers vary. One in three million is off by so many standard errors, by chance, where
 * times are log-normal; they are looked at often, and prompts are of unlike lengths.
 */
const STANDARD_ERRORS = 5;

/** 95 % of a normal distribution lie below its mean and so many standard deviations. */
const DEVIATIONS_OF_P95 = 1.645;

/** Bin, samples, sum of their buckets. */
const FIELDS = 3;

const NEVER = Number.NEGATIVE_INFINITY;

const NOTHING: FirstTokenSum = { samples: 0, bucketSum: 0, untilMs: Number.POSITIVE_INFINITY };

const { firstCell, layout } = firstTokenCells;
const { buckets, representatives } = layout;

/** Typed arrays are read within their length: `as number` tells the compiler. */
export function createRecentFirstTokens(): RecentFirstTokens {
  const entries = new Float64Array(RECENT_BINS * FIELDS).fill(NEVER);
  return {
    add(atMs, counts) {
      const bin = binOf(atMs);
      const { samples, bucketSum } = firstTokensIn(counts);
      const entry = entryOf(bin);
      if (samples === 0 || bin < (entries[entry] as number)) {
        return;
      }
      if (entries[entry] !== bin) {
        entries[entry] = bin;
        entries[entry + 1] = 0;
        entries[entry + 2] = 0;
      }
      entries[entry + 1] = (entries[entry + 1] as number) + samples;
      entries[entry + 2] = (entries[entry + 2] as number) + bucketSum;
    },
    read: (nowMs, usualMs = 0) => readMost(entries, binOf(nowMs), bucketOf(layout, usualMs)),
    heldBytes: () => entries.byteLength,
  };
}

function readMost(entries: Float64Array, newest: number, usual: number): FirstTokenSum {
  let samples = 0;
  let bucketSum = 0;
  let most = NOTHING;
  let mostEvidence = NEVER;
  for (let bin = newest; bin > newest - RECENT_BINS; bin--) {
    const entry = entryOf(bin);
    if (entries[entry] === bin) {
      samples += entries[entry + 1] as number;
      bucketSum += entries[entry + 2] as number;
      const evidence = evidenceOf(samples, bucketSum, usual);
      if (most.samples < MIN_SAMPLES || evidence > mostEvidence) {
        most = { samples, bucketSum, untilMs: (bin + RECENT_BINS) * BIN_MS };
        mostEvidence = evidence;
      }
    }
  }
  return most;
}

export function typicalOf({
  samples,
  bucketSum,
}: Pick<FirstTokenSum, "samples" | "bucketSum">): TypicalFirstToken {
  const typicalMs =
    samples < MIN_SAMPLES ? undefined : representatives[Math.floor(bucketSum / samples)];
  return { samples, typicalMs };
}

/**
 * Whether the latest answers began later than the window explains: at twice its median or more, and
 * further from it than chance takes so few, by the spread of the window.
 */
export function isSlow(
  { samples, typicalMs }: TypicalFirstToken,
  { p50, p95 }: { readonly p50: number | undefined; readonly p95: number | undefined },
): boolean {
  if (typicalMs === undefined || p50 === undefined || p95 === undefined) {
    return false;
  }
  const deviation = Math.log(p95 / p50) / DEVIATIONS_OF_P95;
  return (
    typicalMs >= SLOWER_BY * p50 &&
    typicalMs - p50 >= MIN_DIFFERENCE_MS &&
    Math.log(typicalMs / p50) >= (STANDARD_ERRORS * deviation) / Math.sqrt(samples)
  );
}

/**
 * Grows with the distance of the mean from the usual in standard errors: it is its square, with its sign. Made
 * of operations alone that are the same on every machine, as figures have to be.
 */
function evidenceOf(samples: number, bucketSum: number, usual: number): number {
  const excess = bucketSum - samples * usual;
  return (excess * Math.abs(excess)) / samples;
}

/** Cells ascend, and those of first tokens lie side by side. */
function firstTokensIn({ cells, counts, length }: CellCounts) {
  let samples = 0;
  let bucketSum = 0;
  for (let index = 0; index < length; index++) {
    const bucket = (cells[index] as number) - firstCell;
    if (bucket >= buckets) {
      break;
    }
    if (bucket >= 0) {
      const count = counts[index] as number;
      samples += count;
      bucketSum += count * bucket;
    }
  }
  return { samples, bucketSum };
}

function binOf(ms: number): number {
  return Math.floor(ms / BIN_MS);
}

function entryOf(bin: number): number {
  return (bin % RECENT_BINS) * FIELDS;
}
