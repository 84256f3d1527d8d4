/**
 * Attempts that wait for their first content, by when they began.
 *
 * An endpoint that hangs gives no answers that could be measured: until its calls time out, it looks as it
 * did before. The one that has waited longest is a reason to suspect it. It may be a long prompt among short
 * ones; the suspicion ends with the wait, and costs no more than a call elsewhere.
 */
export type OpenWaits = {
  begin(startedAtMs: number): void;
  /** False: none is open that began then. */
  end(startedAtMs: number): boolean;
  /** How long the oldest has waited; 0 when none does. */
  oldestMs(nowMs: number): number;
};

export function createOpenWaits(): OpenWaits {
  /** How many began at a time. They begin in the order of time, and a map keeps that order. */
  const open = new Map<number, number>();
  return {
    begin(startedAtMs) {
      open.set(startedAtMs, (open.get(startedAtMs) ?? 0) + 1);
    },
    end(startedAtMs) {
      const count = open.get(startedAtMs);
      if (count === undefined) {
        return false;
      }
      if (count === 1) {
        open.delete(startedAtMs);
      } else {
        open.set(startedAtMs, count - 1);
      }
      return true;
    },
    oldestMs(nowMs) {
      for (const startedAtMs of open.keys()) {
        // Time going backwards is standing still.
        return Math.max(0, nowMs - startedAtMs);
      }
      return 0;
    },
  };
}
