import type { ScorePosition } from "../domain/health.ts";

/** Negative: `left` is older. Algorithm, then stream, then sequence; the time is not compared. */
export function comparePositions(left: ScorePosition, right: ScorePosition): number {
  return (
    left.algorithmVersion - right.algorithmVersion ||
    left.streamEpoch - right.streamEpoch ||
    left.asOfSequence - right.asOfSequence
  );
}

/** Sequences of both belong to one stream and were folded alike. */
export function isSameSeries(left: ScorePosition, right: ScorePosition): boolean {
  return left.algorithmVersion === right.algorithmVersion && left.streamEpoch === right.streamEpoch;
}
