import type { EndpointId } from "./endpoint.ts";

/**
 * What the last 30 minutes say about one endpoint. An absent figure has too few samples behind it and
 * is neither zero nor best. Percentiles are ordinary: p95 of throughput is the fast end.
 */
export type EndpointScore = {
  /** Attempts that answered. */
  readonly successes: number;
  /** Provider faults; rate limits, caller's mistakes and cancellations excluded. */
  readonly failures: number;
  readonly rateLimited: number;
  /** Time to the first content of streamed attempts. */
  readonly firstTokenMs: {
    readonly count: number;
    readonly p50: number | undefined;
    readonly p95: number | undefined;
  };
  readonly tokensPerSecond: {
    readonly count: number;
    readonly p5: number | undefined;
    readonly p50: number | undefined;
    readonly p95: number | undefined;
  };
  /** Whole duration of successful attempts, streamed or not. */
  readonly durationMs: {
    readonly count: number;
    readonly p50: number | undefined;
    readonly p95: number | undefined;
  };
  /** successes / (successes + failures); absent below the minimum of samples. */
  readonly success: number | undefined;
  /** Good minutes / observed minutes; absent below the minimum of observed minutes. */
  readonly uptime: number | undefined;
  /** Last 30 seconds. May only lower an endpoint's standing. */
  readonly recent: {
    readonly successes: number;
    readonly failures: number;
    /** Geometric mean of the latest times to the first content; absent with fewer than 2. */
    readonly firstTokenMs?: number | undefined;
    /** That is far beyond what the window explains. Default: it is not. */
    readonly isSlow?: boolean;
  };
  /** Somebody outside claims that it is not up, which holds however old the figures are. Default: nobody does. */
  readonly claimed?: boolean;
  /** It is claimed, or the last 30 seconds are bad or slow enough to try it after its peers. */
  readonly degraded: boolean;
};

/** Frozen; shared by all calls until the next one. */
export type ScoreSnapshot = {
  /** Grows with every snapshot. 0: none was taken yet. */
  readonly revision: number;
  /** Epoch milliseconds of the newest observation it could hold; 0: of none, its age is unknown. */
  readonly windowEndMs: number;
  /** Endpoints without any evidence are absent. */
  readonly scores: ReadonlyMap<EndpointId, EndpointScore>;
};

/**
 * Older scores say nothing about this moment: their terms are left out and priors stand in for them. What
 * somebody outside claims stays, because it says by itself how long it holds.
 */
export const MAX_SCORE_AGE_MS = 180_000;

export const EMPTY_SCORES: ScoreSnapshot = { revision: 0, windowEndMs: 0, scores: new Map() };

/** Why an endpoint takes no call at this moment, and until when at the soonest. */
export type Block = {
  readonly reason:
    | "breaker-open"
    | "rate-limited"
    | "at-concurrency-limit"
    | "credentials"
    | "quota-exhausted"
    | "misconfigured";
  /** Epoch milliseconds; `Infinity` when only the operator can end it, now when a place may free up. */
  readonly untilMs: number;
};

/**
 * What this replica alone knows of an endpoint at this moment. Never shared between replicas, so that
 * one replica's broken network does not eject an endpoint for all.
 */
export type LiveState = {
  readonly inflight: number;
  /** Calls at a time it takes without pushing back, learnt; beyond it, it is tried after its peers. */
  readonly limit: number;
  readonly breaker: "closed" | "open" | "half-open";
  /** Fewer than 20 results ever, or the first ones less than 10 s ago. */
  readonly cold: boolean;
  block(nowMs: number): Block | undefined;
  /** Peak-sensitive moving average of time to first token, decayed to `nowMs`; absent before any. */
  firstTokenEwmaMs(nowMs: number): number | undefined;
  /** How long the oldest streamed attempt has waited for content; 0 when none waits. */
  waitingMs(nowMs: number): number;
  /** 0.1 right after recovery, growing to 1 over a minute. */
  slowStart(nowMs: number): number;
};

export type LiveView = {
  /** Absent for an endpoint it was never told of; then the same object for as long as the catalogue. */
  of(endpoint: EndpointId): LiveState | undefined;
};
