/** Lets through so many things a second, and as many at once. */
export type TokenBucket = {
  /** Whether one more may pass. */
  take(nowMs: number): boolean;
};

/** `perSecond` is read anew each time; 0 lets nothing through. */
export function createTokenBucket(perSecond: () => number): TokenBucket {
  let tokens = Number.POSITIVE_INFINITY;
  let filledAtMs = 0;
  return {
    take(nowMs) {
      const most = perSecond();
      const gained = Math.max(0, nowMs - filledAtMs) * (most / 1_000);
      tokens = Math.min(most, tokens + gained);
      filledAtMs = nowMs;
      if (tokens < 1) {
        return false;
      }
      tokens -= 1;
      return true;
    },
  };
}
