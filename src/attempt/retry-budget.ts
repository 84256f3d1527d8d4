/**
 * How many retries the replica may add to its traffic.
 *
 * Retries hide single faults and multiply outages: when everything fails, three attempts a call are
 * three times the load on endpoints that are already down. So retries are paid from a bucket that
 * first attempts fill: a share of them, plus a reserve for replicas with little traffic. What is not
 * used within the time to live lapses, so a quiet hour saves nothing up for an outage.
 *
 * After Finagle's RetryBudget: 20 % of the requests plus 10 a second, 10 s to live.
 * Invariant: in any stretch of time, retries ≤ ratio × first attempts + reserve, counted over the
 * stretch and one time to live before it.
 */
export type RetryBudget = {
  /** Counts a first attempt. */
  deposit(nowMs: number): void;
  /** What `withdraw` answers at the same time, with nothing taken. */
  canWithdraw(nowMs: number): boolean;
  /** Takes one retry out; false when none is left. */
  withdraw(nowMs: number): boolean;
};

export type RetryBudgetOptions = {
  /** Retries per first attempt, 0 to 1. Default 0.2. */
  readonly ratio?: number;
  /** Retries a second that are always there, at least 0. Default 10. */
  readonly reservePerSecond?: number;
};

/** How long a deposit lives. Ten slices of a second each. */
const SLICES = 10;
const SLICE_MS = 1_000;

export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  const { ratio, reservePerSecond } = { ratio: 0.2, reservePerSecond: 10, ...options };
  const deposits = new Float64Array(SLICES);
  const withdrawals = new Float64Array(SLICES);
  let deposited = 0;
  let withdrawn = 0;
  let current = 0;

  function roll(nowMs: number): number {
    const slice = Math.floor(nowMs / SLICE_MS);
    const steps = Math.min(Math.max(slice - current, 0), SLICES);
    for (let step = 1; step <= steps; step++) {
      const index = (current + step) % SLICES;
      // Typed arrays are read within their length: `as number` tells the compiler.
      deposited -= deposits[index] as number;
      withdrawn -= withdrawals[index] as number;
      deposits[index] = 0;
      withdrawals[index] = 0;
    }
    current = Math.max(current, slice);
    return current % SLICES;
  }

  function hasRetry(): boolean {
    return withdrawn + 1 <= ratio * deposited + reservePerSecond * SLICES;
  }

  return {
    deposit(nowMs) {
      const index = roll(nowMs);
      deposits[index] = (deposits[index] as number) + 1;
      deposited += 1;
    },
    canWithdraw(nowMs) {
      roll(nowMs);
      return hasRetry();
    },
    withdraw(nowMs) {
      const index = roll(nowMs);
      if (!hasRetry()) {
        return false;
      }
      withdrawals[index] = (withdrawals[index] as number) + 1;
      withdrawn += 1;
      return true;
    },
  };
}
