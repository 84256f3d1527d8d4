import type { EndpointId } from "../domain/endpoint.ts";
import { EMPTY_SCORES, type EndpointScore, type ScoreSnapshot } from "../domain/score.ts";

/** No figure counts, and yet it is tried after its peers. */
const CLAIMED: EndpointScore = {
  successes: 0,
  failures: 0,
  rateLimited: 0,
  firstTokenMs: { count: 0, p50: undefined, p95: undefined },
  tokensPerSecond: { count: 0, p5: undefined, p50: undefined, p95: undefined },
  durationMs: { count: 0, p50: undefined, p95: undefined },
  success: undefined,
  uptime: undefined,
  recent: { successes: 0, failures: 0 },
  claimed: true,
  degraded: true,
};

/**
 * What scores still say when they are too old to be believed: what is claimed from outside. The same object
 * for the same snapshot, so that what is kept of it between calls lasts as long.
 */
export function createOldScores(): (scores: ScoreSnapshot) => ScoreSnapshot {
  const kept = new WeakMap<ScoreSnapshot, ScoreSnapshot>();
  return (scores) => {
    let left = kept.get(scores);
    if (left === undefined) {
      left = claimsOf(scores);
      kept.set(scores, left);
    }
    return left;
  };
}

function claimsOf(snapshot: ScoreSnapshot): ScoreSnapshot {
  const scores = new Map<EndpointId, EndpointScore>();
  for (const [endpoint, { claimed }] of snapshot.scores) {
    if (claimed === true) {
      scores.set(endpoint, CLAIMED);
    }
  }
  return scores.size === 0 ? EMPTY_SCORES : { ...snapshot, scores };
}
