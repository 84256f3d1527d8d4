/** Middle of the values; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** `values` ascend; `ratio` is 0 to 1. NaN of none. */
export function percentile(values: readonly number[], ratio: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * ratio))] ?? Number.NaN;
}

/** NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How far the mean of `values` may be from that of endlessly many, once in three times; NaN of fewer than two. */
export function standardError(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

/**
 * Nanoseconds of one `run`, as the median of many batches. A batch is shorter than the turn a scheduler
 * gives, so that what else runs on the core spoils few of them and not the figure. (CPU time would not
 * do: kernels count it in ticks of several milliseconds.) `run` gets a number that counts up and returns
 * one, so that nothing can be left out as unused.
 */
export function nanosecondsOf(run: (index: number) => number): number {
  const batch = batchSizeOf(run);
  const batches: number[] = [];
  const endAtMs = performance.now() + MEASURED_MS;
  let index = 0;
  while (performance.now() < endAtMs) {
    const startedAtMs = performance.now();
    for (const last = index + batch; index < last; index += 1) {
      sink += run(index);
    }
    batches.push(((performance.now() - startedAtMs) * 1e6) / batch);
  }
  return sink === Number.MIN_VALUE ? 0 : median(batches);
}

const WARM_UP_MS = 1_000;
const MEASURED_MS = 1_500;
const BATCH_MS = 1;
let sink = 0;

/** Warms up on the way. */
function batchSizeOf(run: (index: number) => number): number {
  const startedAtMs = performance.now();
  let runs = 0;
  while (performance.now() - startedAtMs < WARM_UP_MS) {
    sink += run(runs);
    runs += 1;
  }
  return Math.max(1, Math.round((runs * BATCH_MS) / WARM_UP_MS));
}
