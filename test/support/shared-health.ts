import type { EndpointId } from "../../src/domain/endpoint.ts";
import type { OutsideClaim } from "../../src/domain/health.ts";
import { EMPTY_SCORES, type EndpointScore, type ScoreSnapshot } from "../../src/domain/score.ts";
import type { OutsideSignal, SharedHealth } from "../../src/rpc/shared-health.ts";

export type Published = {
  readonly endpoint: string;
  readonly signal: OutsideSignal;
  readonly source: string;
};

/** Shared health that a test sets by hand. */
export function createSharedHealth() {
  const listeners = new Set<() => void>();
  const published: Published[] = [];
  let scores: ScoreSnapshot = EMPTY_SCORES;
  let claims: Readonly<Record<string, OutsideClaim>> = {};
  const health: SharedHealth = {
    algorithmVersion: 4,
    onScores(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    outside: (endpoint) => claims[endpoint],
    publish: (endpoint, signal, source) => published.push({ endpoint, signal, source }),
  };
  return {
    health,
    published,
    scores: () => scores,
    listeners: () => listeners.size,
    claim(next: Readonly<Record<string, OutsideClaim>>) {
      claims = next;
    },
    /** Another snapshot, told to everybody who listens. */
    setScores(revision: number, byId: Readonly<Record<string, EndpointScore>> = {}) {
      const entries = Object.entries(byId).map(([id, score]) => [id as EndpointId, score] as const);
      scores = { revision, windowEndMs: 1_800_000_000_000, scores: new Map(entries) };
      for (const listener of [...listeners]) {
        listener();
      }
    },
  };
}
