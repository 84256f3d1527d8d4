import type { EndpointScore } from "../../src/domain/score.ts";

/** Nine good answers of ten, ten more refused for their rate. */
export function exampleScore(changes: Partial<EndpointScore> = {}): EndpointScore {
  return {
    successes: 9,
    failures: 1,
    rateLimited: 10,
    firstTokenMs: { count: 9, p50: 300, p95: undefined },
    tokensPerSecond: { count: 9, p5: 20, p50: 40, p95: 60 },
    durationMs: { count: 9, p50: 900, p95: undefined },
    success: 0.9,
    uptime: undefined,
    recent: { successes: 1, failures: 0 },
    degraded: false,
    ...changes,
  };
}
