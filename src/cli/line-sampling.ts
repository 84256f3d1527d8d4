/** Passes some lines a second and counts the others. */
export type LineSampling = {
  /**
   * Lines left out since the last one; absent: this one is left out too. A `certain` line passes
   * whatever the limit, and counts towards it.
   */
  pass(nowMs: number, certain?: boolean): number | undefined;
};

/** `perSecond` is read anew for each line; 0 leaves out all that are not certain. */
export function createLineSampling(perSecond: () => number): LineSampling {
  let second = Number.NEGATIVE_INFINITY;
  let written = 0;
  let suppressed = 0;
  return {
    pass(nowMs, certain = false) {
      const now = Math.floor(nowMs / 1_000);
      if (now !== second) {
        second = now;
        written = 0;
      }
      if (!certain && written >= perSecond()) {
        suppressed += 1;
        return undefined;
      }
      written += 1;
      const before = suppressed;
      suppressed = 0;
      return before;
    },
  };
}
