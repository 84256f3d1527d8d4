/**
 * A moving average that believes bad news at once and good news slowly.
 *
 * A mean needs many slow answers to notice that an endpoint became slow, and by then they were given.
 * A larger value replaces the average; a smaller one pulls it down by the time since the last one:
 *
 *     cost = value                              value > cost
 *     cost = cost * w + value * (1 - w)         otherwise, w = exp(-elapsed / TAU_MS)
 *
 * A read decays towards 0 without changing anything, so an endpoint that was avoided becomes
 * attractive again and is measured. From Finagle's Peak EWMA.
 */
export type PeakEwma = {
  /** Takes a value that is not negative. */
  observe(value: number, nowMs: number): void;
  /** Takes a value that is only known to be at least this: it can raise the average, never lower it. */
  observeAtLeast(value: number, nowMs: number): void;
  /** Absent before the first value. */
  read(nowMs: number): number | undefined;
};

/** Answers take seconds: three of Finagle's time constants, so that a pause between calls is no news. */
const TAU_MS = 30_000;

export function createPeakEwma(): PeakEwma {
  let cost: number | undefined;
  let stampMs = 0;

  function decay(nowMs: number): number {
    // Time going backwards is standing still.
    return Math.exp(-Math.max(0, nowMs - stampMs) / TAU_MS);
  }

  function set(value: number, nowMs: number): void {
    cost = value;
    stampMs = nowMs;
  }

  return {
    observe(value, nowMs) {
      if (cost === undefined || value > cost) {
        set(value, nowMs);
      } else {
        const weight = decay(nowMs);
        set(cost * weight + value * (1 - weight), Math.max(stampMs, nowMs));
      }
    },
    observeAtLeast(value, nowMs) {
      if (cost === undefined || value > cost * decay(nowMs)) {
        set(value, nowMs);
      }
    },
    read: (nowMs) => (cost === undefined ? undefined : cost * decay(nowMs)),
  };
}
