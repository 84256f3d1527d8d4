import type { ScorePosition } from "../domain/health.ts";

/** Negative: `left` is older. Algorithm, then stream, then sequence; the time is not compared. */
export function comparePositions(left: ScorePosition, right: ScorePosition): number {
  return (
    left.algorithmVersion - right.algorithmVersion ||
    left.streamEpoch - right.streamEpoch ||
    left.asOfSequence - right.asOfSequence
  );
}

/** When plans stop to heed scores. */
const ABANDONED_MS = 180_000;

/**
 * Whether what is stored is of a newer algorithm that nobody runs any more, as after an upgrade that was taken
 * back: it is so old that no plan heeds it, by the stream's clock.
 */
export function isAbandoned(stored: ScorePosition, ours: ScorePosition): boolean {
  return (
    stored.algorithmVersion > ours.algorithmVersion && ours.asOfMs - stored.asOfMs > ABANDONED_MS
  );
}

/** Sequences of both belong to one stream and were folded alike. */
export function isSameSeries(left: ScorePosition, right: ScorePosition): boolean {
  return left.algorithmVersion === right.algorithmVersion && left.streamEpoch === right.streamEpoch;
}
