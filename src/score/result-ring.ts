/**
 * Successes and failures by period of time, for the last periods.
 *
 * A period is a number that grows with time. The ring remembers which period each of its places holds,
 * so nothing has to be moved when time passes: a place that holds an older period reads as empty.
 */
export type ResultRing = {
  /** False: the period has left the ring. Time goes on with the newest period added. */
  add(period: number, successes: number, failures: number): boolean;
  /** 0 for a period outside the ring. */
  successes(period: number): number;
  failures(period: number): number;
  clear(): void;
  heldBytes(): number;
};

const NEVER = Number.NEGATIVE_INFINITY;

/** Period, successes, failures: side by side, so that a period is one line of the processor's cache. */
const FIELDS = 3;

/** `periods` is at least 1; the newest one counts among them. */
export function createResultRing(periods: number): ResultRing {
  const entries = new Float64Array(periods * FIELDS).fill(NEVER);
  let newest = NEVER;

  function read(period: number, field: number): number {
    const entry = entryOf(period, periods);
    // Typed arrays are read within their length: `as number` tells the compiler.
    return entries[entry] === period && period > newest - periods
      ? (entries[entry + field] as number)
      : 0;
  }

  return {
    add(period, successes, failures) {
      // Stated so that a period which is not a number is refused.
      if (!(period > newest - periods)) {
        return false;
      }
      newest = Math.max(newest, period);
      const entry = entryOf(period, periods);
      if (entries[entry] !== period) {
        entries[entry] = period;
        entries[entry + 1] = 0;
        entries[entry + 2] = 0;
      }
      entries[entry + 1] = (entries[entry + 1] as number) + successes;
      entries[entry + 2] = (entries[entry + 2] as number) + failures;
      return true;
    },
    successes: (period) => read(period, 1),
    failures: (period) => read(period, 2),
    clear() {
      entries.fill(NEVER);
    },
    heldBytes: () => entries.byteLength,
  };
}

/** Not `%` alone, which is negative for times before 1970. */
function entryOf(period: number, periods: number): number {
  const place = period % periods;
  return (place < 0 ? place + periods : place) * FIELDS;
}
