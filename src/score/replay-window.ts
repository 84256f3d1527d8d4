/**
 * Which reports of which producers have been folded, so that each counts once.
 *
 * A report may be stored twice, when its acknowledgement was lost, and later than its successors, when
 * several were on their way. A bare high-water mark would drop the second kind; a set of all numbers
 * would grow. So each producer has its mark and a bit for each of the 64 numbers below, which is why
 * producers never go 64 past the oldest report they have no acknowledgement of. Numbers that never come
 * are counted and not waited for.
 */
export type ReplayWindow = {
  /**
   * False: it was folded before, or lies too far back to tell.
   *
   * `sequence` is a whole number from 1. Producers that start again have another `boot`.
   */
  admit(source: ReportSource, storedAtMs: number): boolean;
  /** The highest sequence that was admitted of its producer and boot; 0: none is remembered. */
  highestOf(source: ReportSource): number;
  /** Forgets producers that have been silent for too long. */
  forget(nowMs: number): void;
  /** Numbers that were skipped and have not come. */
  gaps(): number;
  producers(): number;
  clear(): void;
};

export type ReportSource = {
  readonly producer: string;
  readonly boot: bigint;
  readonly sequence: number;
};

/** As long as the stream keeps reports: whoever reads it from its start cannot know more. */
const FORGET_MS = 40 * 60_000;

const MAX_PRODUCERS = 4_096;

const WORD_BITS = 32;
/** Sequences below the highest that are remembered: producers never go further past one that waits. */
export const REPLAY_WINDOW = 2 * WORD_BITS;

type Marks = {
  firstSequence: number;
  highest: number;
  /** Bit i: `highest` - 1 - i was seen. */
  near: number;
  /** Bit i: `highest` - 33 - i was seen. */
  far: number;
  lastStoredMs: number;
};

/** Beyond `maxProducers` the one that was heard of least recently is forgotten. Default 4,096. */
export function createReplayWindow(maxProducers = MAX_PRODUCERS): ReplayWindow {
  // Ordered by the time they were last heard of.
  const byBoot = new Map<string, Marks>();
  let gaps = 0;

  function marksOf(source: ReportSource, storedAtMs: number): Marks {
    const key = keyOf(source);
    const held = byBoot.get(key);
    byBoot.delete(key);
    if (held !== undefined && storedAtMs - held.lastStoredMs <= FORGET_MS) {
      byBoot.set(key, held);
      return held;
    }
    if (byBoot.size >= maxProducers) {
      const [oldest = key] = byBoot.keys();
      byBoot.delete(oldest);
    }
    const marks: Marks = {
      firstSequence: source.sequence,
      highest: source.sequence - 1,
      near: 0,
      far: 0,
      lastStoredMs: storedAtMs,
    };
    byBoot.set(key, marks);
    return marks;
  }

  return {
    admit(source, storedAtMs) {
      const marks = marksOf(source, storedAtMs);
      marks.lastStoredMs = storedAtMs;
      const ahead = source.sequence - marks.highest;
      if (ahead > 0) {
        raise(marks, ahead);
        gaps += ahead - 1;
        return true;
      }
      if (!fill(marks, -ahead)) {
        return false;
      }
      gaps -= source.sequence > marks.firstSequence ? 1 : 0;
      return true;
    },
    highestOf: (source) => byBoot.get(keyOf(source))?.highest ?? 0,
    forget(nowMs) {
      for (const [key, { lastStoredMs }] of byBoot) {
        if (nowMs - lastStoredMs <= FORGET_MS) {
          return;
        }
        byBoot.delete(key);
      }
    },
    gaps: () => gaps,
    producers: () => byBoot.size,
    clear() {
      byBoot.clear();
      gaps = 0;
    },
  };
}

function keyOf({ producer, boot }: ReportSource): string {
  // A number holds no space, so no two pairs meet.
  return `${boot} ${producer}`;
}

/** Moves the mark up; what was the mark is the bit `steps` - 1. */
function raise(marks: Marks, steps: number): void {
  const isFirst = marks.highest < marks.firstSequence;
  marks.highest += steps;
  if (isFirst) {
    return;
  }
  if (steps < WORD_BITS) {
    marks.far = (marks.far << steps) | (marks.near >>> (WORD_BITS - steps));
    marks.near = (marks.near << steps) | (1 << (steps - 1));
  } else if (steps <= REPLAY_WINDOW) {
    // Shifts count modulo 32.
    const beyond = steps - WORD_BITS;
    marks.far = beyond === WORD_BITS ? 0 : marks.near << beyond;
    marks.far |= beyond === 0 ? 0 : 1 << (beyond - 1);
    marks.near = beyond === 0 ? 1 << (WORD_BITS - 1) : 0;
  } else {
    marks.far = 0;
    marks.near = 0;
  }
}

/** False: seen, or too far below. `below` 0 is the mark itself. */
function fill(marks: Marks, below: number): boolean {
  if (below === 0 || below > REPLAY_WINDOW) {
    return false;
  }
  const word = below <= WORD_BITS ? "near" : "far";
  const bit = 1 << ((below - 1) % WORD_BITS);
  const isNew = (marks[word] & bit) === 0;
  marks[word] |= bit;
  return isNew;
}
