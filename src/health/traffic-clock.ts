import type { EndpointId } from "../domain/endpoint.ts";
import type { ObservationSink } from "../domain/ports.ts";
import type { EndpointScore, ScoreSnapshot } from "../domain/score.ts";

/**
 * Knows when an endpoint was last called, here or on any other replica.
 *
 * Own attempts are told. Those of others show in the shared scores: as results of the last 30 s, or as
 * counts that have grown, which is how calls show that were only rate limited. So it wants to be asked
 * at least every 30 s.
 */
export type TrafficClock = {
  /** Takes every own attempt. */
  readonly observe: ObservationSink;
  /** Epoch milliseconds; absent: no call is known. */
  lastTrafficMs(endpoint: EndpointId): number | undefined;
  /** Epoch milliseconds up to which calls of others are known: where the scores end. 0: there are none. */
  knownUntilMs(): number;
};

type Traffic = { atMs: number; attempts: number };

export function createTrafficClock(scores: () => ScoreSnapshot): TrafficClock {
  const known = new Map<EndpointId, Traffic>();

  function entryOf(endpoint: EndpointId): Traffic {
    let entry = known.get(endpoint);
    if (entry === undefined) {
      entry = { atMs: Number.NEGATIVE_INFINITY, attempts: 0 };
      known.set(endpoint, entry);
    }
    return entry;
  }

  return {
    observe({ attempt, endedAtMs }) {
      const entry = entryOf(attempt.endpoint.id);
      entry.atMs = Math.max(entry.atMs, endedAtMs);
    },
    lastTrafficMs(endpoint) {
      const { scores: byId, windowEndMs } = scores();
      const score = byId.get(endpoint);
      const entry = score === undefined ? known.get(endpoint) : entryOf(endpoint);
      if (entry !== undefined && score !== undefined) {
        const attempts = attemptsOf(score);
        if (attempts > entry.attempts || hasRecent(score)) {
          entry.atMs = Math.max(entry.atMs, windowEndMs);
        }
        entry.attempts = attempts;
      }
      return entry === undefined || entry.atMs === Number.NEGATIVE_INFINITY
        ? undefined
        : entry.atMs;
    },
    knownUntilMs: () => scores().windowEndMs,
  };
}

function attemptsOf({ successes, failures, rateLimited }: EndpointScore): number {
  return successes + failures + rateLimited;
}

function hasRecent({ recent }: EndpointScore): boolean {
  return recent.successes + recent.failures > 0;
}
