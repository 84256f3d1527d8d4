/**
 * How far the bus's clock is from ours, learnt from positions that are seen to advance.
 *
 * A position carries the time at which the bus stored its newest report, and comes some time later: never
 * earlier. So the smallest difference between receipt and position is the skew and the shortest way, and
 * what arrives later than that is as much older. One that was held up for minutes by a broken connection
 * does not pass for fresh, because it is not the smallest. Only the last differences count, so that a
 * clock that is set, either one, is forgiven after as many advances.
 */
export type BusClock = {
  /** A position of that time was received at that moment, just published. */
  observe(busMs: number, receivedAtMs: number): void;
  /** The moment by our clock; the same while nothing was observed. */
  toOurs(busMs: number): number;
  toBus(ourMs: number): number;
  /** Ours less the bus's; absent while nothing was observed. */
  skewMs(): number | undefined;
};

/** Half a minute of publications, and less than three minutes of mere ticks. */
const OBSERVATIONS = 32;

export function createBusClock(): BusClock {
  const differences: number[] = [];
  let next = 0;
  let skewMs: number | undefined;
  return {
    observe(busMs, receivedAtMs) {
      differences[next] = receivedAtMs - busMs;
      next = (next + 1) % OBSERVATIONS;
      skewMs = Math.min(...differences);
    },
    toOurs: (busMs) => busMs + (skewMs ?? 0),
    toBus: (ourMs) => ourMs - (skewMs ?? 0),
    skewMs: () => skewMs,
  };
}
