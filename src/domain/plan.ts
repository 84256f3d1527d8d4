import type { CatalogSnapshot, Endpoint } from "./catalog.ts";
import type { CompletionSpec } from "./completion.ts";
import type { EndpointId } from "./endpoint.ts";
import type { GateState, GateView } from "./gate.ts";
import type { Cost } from "./money.ts";
import type { Parameter } from "./parameters.ts";
import type { RoutingPolicy, Tier } from "./policy.ts";
import type { LiveView, ScoreSnapshot } from "./score.ts";

/** Everything a decision depends on: equal inputs give the equal plan. */
export type PlanInput = {
  readonly spec: CompletionSpec;
  /** Already narrowed by the operator's policy and completed by the tier's defaults. */
  readonly policy: RoutingPolicy;
  /** Names the decision and seeds its sampling. */
  readonly decisionId: string;
  readonly catalog: CatalogSnapshot;
  readonly scores: ScoreSnapshot;
  readonly live: LiveView;
  readonly gates: GateView;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Until the caller's deadline. */
  readonly remainingMs: number;
};

export type RejectionReason =
  | "provider-not-allowed"
  | "quantization-not-allowed"
  | "not-native-precision"
  | "gate-not-green"
  | "price-above-limit"
  | "price-unknown"
  | "context-too-small"
  | "parameter-unsupported"
  | "modality-unsupported"
  | "region-not-allowed"
  | "data-retention"
  | "disabled"
  | "credentials"
  | "quota-exhausted"
  | "breaker-open"
  | "rate-limited"
  | "at-concurrency-limit"
  | "too-slow-for-deadline"
  | "misconfigured"
  | "capability-missing"
  | "cost-above-limit";

export type Rejection = {
  readonly reason: RejectionReason;
  /** For people: the figures that were compared. */
  readonly detail: string;
  /** Soft rejections are overruled when nothing else is left. */
  readonly soft: boolean;
};

/** A rule that was relaxed. Never silent: named in the decision. */
export type Relaxation = "panic" | "stale-scores" | "fallback-model" | "too-slow";

/** What an endpoint is expected to do with this call; shrunk towards its peers. */
export type Prediction = {
  readonly firstTokenP50Ms: number;
  readonly firstTokenP95Ms: number;
  readonly tokensPerSecond: number;
  /** False: a prior stands in for measurements. */
  readonly measured: boolean;
};

/** One endpoint that may be called, in the order to try. */
export type PlannedEndpoint = {
  readonly endpoint: Endpoint;
  readonly prediction: Prediction;
  /** Parameters of the call it cannot take and that are left out. */
  readonly droppedParameters: readonly Parameter[];
};

export type RouteDecision = {
  readonly decisionId: string;
  readonly endpoint: Endpoint;
  readonly tier: Tier;
  readonly operation: string;
  /** Tried next, best first. */
  readonly fallbacks: readonly EndpointId[];
  readonly estimatedCost: Cost;
  readonly estimatedInputTokens: number;
  readonly estimatedOutputTokens: number;
  readonly prediction: Prediction;
  readonly catalogRevision: number;
  /** `CatalogSnapshot.priceVersion` of the prices that the call is reckoned with. */
  readonly priceVersion: string;
  readonly scoreRevision: number;
  readonly decidedAtMs: number;
  /** Age of the scores used; absent when there were none. */
  readonly scoreAgeMs: number | undefined;
  readonly relaxations: readonly Relaxation[];
  /** One sentence for people. */
  readonly explanation: string;
  readonly droppedParameters: readonly Parameter[];
  /** What was held against endpoints, of fallback models that were looked at as well. Absent: nothing. */
  readonly refusals?: readonly Refusals[] | undefined;
};

/**
 * Endpoints of a model that one reason was held against: of hard ones the first, of soft ones also those
 * that were overruled. Each endpoint counts once.
 */
export type Refusals = {
  readonly model: string;
  readonly reason: RejectionReason;
  readonly endpoints: number;
};

export type RoutePlan = {
  readonly decision: RouteDecision;
  /** Never empty; the first is the decision's endpoint. At most 8, of which `maxAttempts` are called. */
  readonly order: readonly [PlannedEndpoint, ...PlannedEndpoint[]];
};

/** One endpoint as the planner saw it. */
export type Candidate = {
  readonly endpoint: Endpoint;
  readonly eligible: boolean;
  readonly rejections: readonly Rejection[];
  /** Probability of being picked first; shares of a plan add up to 1. */
  readonly share: number;
  /** Each term of the weight by name. */
  readonly terms: Readonly<Record<string, number>>;
  readonly estimatedCost: Cost;
  readonly gate: GateState;
  /** 0 preferred, 1 demoted by the last 30 s or full, 2 recovering, 3 misses a soft preference. */
  readonly band: number;
  readonly cold: boolean;
  readonly droppedParameters: readonly Parameter[];
};

/** A plan together with every reason for and against each endpoint. */
export type RouteExplanation = {
  readonly plan: RoutePlan;
  readonly candidates: readonly Candidate[];
  readonly effectivePolicy: RoutingPolicy;
};
