import type { ScorePosition } from "../domain/health.ts";
import { MAX_SCORE_AGE_MS } from "../domain/score.ts";

/**
 * Negative: `left` is older. Algorithm, then stream, then sequence.
 *
 * But whichever is more than 3 min behind the other, by the stream's clock, is the older one whatever its
 * numbers say: no plan heeds it, and whoever made it has ended, as after an upgrade that was taken back.
 * Writers and readers ask this alone, so that readers take what a scorer was right to write.
 */
export function comparePositions(left: ScorePosition, right: ScorePosition): number {
  const laterMs = timeOf(left) - timeOf(right);
  return Math.abs(laterMs) > MAX_SCORE_AGE_MS
    ? laterMs
    : compareSeries(left, right) || left.asOfSequence - right.asOfSequence;
}

/** Negative: `left` is of an older algorithm, or of an older stream. 0: both count the same reports alike. */
export function compareSeries(left: ScorePosition, right: ScorePosition): number {
  return left.algorithmVersion - right.algorithmVersion || left.streamEpoch - right.streamEpoch;
}

/** Before its first report a stream has no time but that at which it was made. */
function timeOf({ asOfSequence, asOfMs, streamEpoch }: ScorePosition): number {
  return asOfSequence === 0 ? streamEpoch : asOfMs;
}
