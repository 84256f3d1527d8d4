/**
 * A moment in epoch milliseconds as seconds and whole nanoseconds. A number that counts from 1970 holds
 * its microseconds; what is left of the nanoseconds is rounding.
 */

export function secondsOf(ms: number): number {
  return Math.floor(ms / 1_000);
}

/** 0 to 999,999,999: those that `secondsOf` leaves. */
export function nanosecondsOf(ms: number): number {
  return Math.min(999_999_999, Math.round((ms - secondsOf(ms) * 1_000) * 1_000_000));
}
