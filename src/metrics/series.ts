import { spanIdAt, type TraceContext } from "../domain/trace.ts";

/** What is known of one combination of label values. Plain objects, so that counting costs an addition. */

export type NumberSeries = {
  /** In the order of the metric's labels; an empty value leaves its label out. */
  readonly labels: readonly string[];
  /** Epoch milliseconds, from which on it was counted. */
  readonly startedAtMs: number;
  value: number;
};

/** A span that is kept, and when what it tells of ended, epoch milliseconds. */
export type Mark = {
  readonly traceId: string;
  readonly spanId: string;
  readonly atMs: number;
};

/** Where to look for one of the values that were counted. */
export type Exemplar = { readonly mark: Mark; readonly value: number };

export type HistogramSeries = {
  readonly labels: readonly string[];
  readonly startedAtMs: number;
  readonly bounds: readonly number[];
  /** Of each bucket alone; one longer than `bounds`, the last has no upper bound. */
  readonly counts: number[];
  sum: number;
  count: number;
  /** The newest of each bucket; empty until there is one. */
  readonly exemplars: (Exemplar | undefined)[];
};

export type Series = NumberSeries | HistogramSeries;

export function createNumberSeries(labels: readonly string[], startedAtMs: number): NumberSeries {
  return { labels, startedAtMs, value: 0 };
}

export function createHistogramSeries(
  labels: readonly string[],
  startedAtMs: number,
  bounds: readonly number[],
): HistogramSeries {
  return {
    labels,
    startedAtMs,
    bounds,
    counts: new Array<number>(bounds.length + 1).fill(0),
    sum: 0,
    count: 0,
    exemplars: [],
  };
}

/** The mark of values that a trace tells more of; absent when the trace is not kept. */
export function markOf(trace: TraceContext, slot: number, atMs: number): Mark | undefined {
  return trace.keep ? { traceId: trace.traceId, spanId: spanIdAt(trace, slot), atMs } : undefined;
}

/**
 * Counts a value in the first bucket whose bound it does not exceed.
 *
 * What is not a number says nothing and is left out: it would spoil the sum for ever. Negative values,
 * which only a clock that was set back can make, count as 0.
 */
export function observe(series: HistogramSeries, value: number, mark?: Mark): void {
  if (Number.isNaN(value)) {
    return;
  }
  const counted = value > 0 ? value : 0;
  const { bounds, counts } = series;
  let bucket = 0;
  while (bucket < bounds.length && counted > (bounds[bucket] as number)) {
    bucket += 1;
  }
  counts[bucket] = (counts[bucket] as number) + 1;
  series.sum += counted;
  series.count += 1;
  if (mark !== undefined) {
    series.exemplars[bucket] = { mark, value: counted };
  }
}
