import type { EndpointId } from "./endpoint.ts";
import type { FailureKind } from "./outcome.ts";

/**
 * What producers tell each other about endpoints. One report, one endpoint, one signal.
 *
 * `producer`, `boot` and `sequence` make a report unique: sequences of one producer and boot ascend from
 * 1, and a report that is sent again keeps its own.
 */
export type HealthReport = {
  /** Name of the process that learnt it, 1 to 64 characters; unique in the deployment. */
  readonly producer: string;
  /** Random at start, unsigned 64 bits. */
  readonly boot: bigint;
  readonly sequence: number;
  /** Empty on a tick alone. */
  readonly endpoint: EndpointId;
  /** Id of the endpoint's model; empty when the producer does not know it. */
  readonly model: string;
  /** Epoch milliseconds by the producer's clock; 0: not told, which means when it was stored. */
  readonly observedAtMs: number;
  readonly signal: HealthSignal;
};

export type HealthSignal =
  | OutcomeDelta
  | StateSignal
  | RateLimitSignal
  | BreakerSignal
  | LoadSignal
  | ProbeSignal
  | TickSignal;

/**
 * Counts to add to one slice of the window. Whole numbers alone, so that adding commutes and every
 * replica comes to the same window.
 */
export type OutcomeDelta = {
  readonly kind: "outcomes";
  /** `floor(epoch ms / 30,000)`. */
  readonly slice: number;
  /** Layout of the histograms; a folder that does not know it leaves the report aside. */
  readonly layoutVersion: number;
  readonly successes: number;
  /** By kind; absent kinds are 0. */
  readonly failures: ReadonlyMap<FailureKind, number>;
  readonly firstToken: SparseHistogram;
  readonly throughput: SparseHistogram;
  readonly duration: SparseHistogram;
};

/** Counts of the buckets that are not empty, in parallel lists; buckets ascend strictly. */
export type SparseHistogram = {
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
};

export const outsideStates = ["up", "degraded", "down", "draining"] as const;

export type OutsideState = (typeof outsideStates)[number];

/** A claim from outside: a provider's status page, an operator, a deployment. Lapses after `ttlMs`. */
export type StateSignal = {
  readonly kind: "state";
  readonly state: OutsideState;
  /** For people; at most 200 characters. */
  readonly reason: string;
  readonly ttlMs: number;
};

export type RateLimitSignal = {
  readonly kind: "rate-limit";
  readonly requestsRemaining: number | undefined;
  readonly tokensRemaining: number | undefined;
  readonly retryAfterMs: number | undefined;
};

/** A replica's own breaker changed. Told for people and metrics: no other replica acts on it. */
export type BreakerSignal = {
  readonly kind: "breaker";
  readonly state: "closed" | "open" | "half-open";
};

/** From a self-hosted engine's metrics. */
export type LoadSignal = {
  readonly kind: "load";
  readonly runningRequests: number;
  readonly waitingRequests: number;
  /** 0 to 1; absent when the engine does not say. */
  readonly kvCacheUsage: number | undefined;
  readonly prefixCacheHitRate: number | undefined;
};

export type ProbeSignal = {
  readonly kind: "probe";
  readonly passed: boolean;
  /** For people who read the stream: part of no score and no latency. */
  readonly firstTokenMs: number | undefined;
};

/** Time passes although nothing else is reported: from a scorer that publishes, or waits until it may. */
export type TickSignal = { readonly kind: "tick" };

/**
 * A place in the stream of reports, and what made the scores of it. Compared in this order, unless their
 * times are minutes apart (`health/score-position.ts`).
 */
export type ScorePosition = {
  readonly algorithmVersion: number;
  /** When the stream was created, epoch milliseconds: a stream that was wiped counts from 1 again. */
  readonly streamEpoch: number;
  readonly asOfSequence: number;
  /** Time at which the stream stored the newest report folded, epoch milliseconds; 0 before any. */
  readonly asOfMs: number;
};

/** Scores of the endpoints of one model, in whole numbers: equal positions have equal tables. */
export type ModelScoreTable = {
  readonly position: ScorePosition;
  readonly model: string;
  /** Those with any evidence, ordered by endpoint id (UTF-16 units). */
  readonly endpoints: readonly EndpointFigures[];
  /** SHA-256 of what stands for the window's counts behind the figures, and of `asOfMs`. */
  readonly stateSha256: Uint8Array;
};

/** Percentiles in millionths of their unit; absent with too few samples. */
export type PercentileFigures = {
  readonly count: number;
  readonly p5Micro: number | undefined;
  readonly p50Micro: number | undefined;
  readonly p95Micro: number | undefined;
};

export type EndpointFigures = {
  readonly endpoint: EndpointId;
  readonly successes: number;
  /** Provider faults. */
  readonly failures: number;
  readonly rateLimited: number;
  readonly firstTokenMs: PercentileFigures;
  readonly tokensPerSecond: PercentileFigures;
  readonly durationMs: PercentileFigures;
  readonly goodMinutes: number;
  /** With a result, a probe or an outside report; 0 to 30. */
  readonly observedMinutes: number;
  /** Of the last 30 s. */
  readonly recentSuccesses: number;
  readonly recentFailures: number;
  /** Newest answers of the last 30 s, as many as speak most for an endpoint that has become slow. */
  readonly recentFirstTokens: number;
  /** Geometric mean of their times to first token, millionths of a millisecond; absent of fewer than 2. */
  readonly recentFirstTokenMicro: number | undefined;
  /** The newest claim from outside that has not lapsed. */
  readonly outside: OutsideClaim | undefined;
};

export type OutsideClaim = {
  readonly state: OutsideState;
  readonly reason: string;
  /** Epoch milliseconds by the stream's clock. */
  readonly untilMs: number;
};

/** Written after the tables of all models: tells a reader that it missed some. */
export type PublishedVersion = {
  readonly position: ScorePosition;
  readonly modelCount: number;
  /** SHA-256 over the state hashes of all models in the order of their ids. */
  readonly stateSha256: Uint8Array;
  /** Name of the scorer. */
  readonly publisher: string;
};
