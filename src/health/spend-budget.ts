/**
 * Keeps spending below a cap in every 24 hours, whoever spends.
 *
 * A count of what was spent today would be lost whenever another process takes over, and each would
 * spend the day's money again. So the allowance accrues with time instead: it starts empty, grows evenly,
 * and little of it can be saved up. Whoever takes over starts empty as well, and the sum of all
 * stays below the cap: `cap / 25` saved up at the beginning of the 24 hours, and `24 / 25` of it within
 * them.
 */
export type SpendBudget = {
  /** Books the amount if it is there. Nothing can always be spent. */
  take(nanoUsd: number, nowMs: number): boolean;
  /** What was booked has turned out to be another amount, above it or below. */
  settle(bookedNanoUsd: number, actualNanoUsd: number): void;
};

const HOUR_MS = 3_600_000;
/** Hours whose allowance adds up to the cap: 24 that pass, and one that was saved up. */
const PARTS = 25;

/** `capNanoUsd` is for 24 hours, 0 or more. Time must not go back. */
export function createSpendBudget(capNanoUsd: number, startMs: number): SpendBudget {
  const most = capNanoUsd / PARTS;
  let available = 0;
  let accruedUntilMs = startMs;
  return {
    take(nanoUsd, nowMs) {
      available = Math.min(most, available + (most * (nowMs - accruedUntilMs)) / HOUR_MS);
      accruedUntilMs = nowMs;
      if (nanoUsd > 0 && nanoUsd > available) {
        return false;
      }
      available -= nanoUsd;
      return true;
    },
    settle(booked, actual) {
      available = Math.min(most, available + booked - actual);
    },
  };
}
