import type {
  Candidate as WireCandidate,
  RouteDecision as WireDecision,
  RoutingPolicy as WirePolicy,
} from "../../gen/atlas/v1/routing_pb.ts";
import type {
  Attempt as WireAttempt,
  Cost as WireCost,
  Usage as WireUsage,
} from "../../gen/atlas/v1/types_pb.ts";
import type { AttemptRecord } from "../domain/call.ts";
import type { Cost } from "../domain/money.ts";
import type { Candidate, RouteDecision } from "../domain/plan.ts";
import type { RoutingPolicy } from "../domain/policy.ts";
import type { Usage } from "../domain/usage.ts";
import { durationFromMs, int64Of, timestampFromMs } from "../wire/wire-time.ts";
import {
  failureToWire,
  gateToWire,
  precisionToWire,
  priorityToWire,
  quantizationToWire,
  rejectionToWire,
  relaxationToWire,
  tierToWire,
  usageSourceToWire,
} from "./wire-enums.ts";

// Messages are written as literals: building them by `create` costs several times as much.

/** Which prices a cost is reckoned with. */
type Prices = Pick<RouteDecision, "catalogRevision" | "priceVersion">;

const NO_PRICES: Prices = { catalogRevision: 0, priceVersion: "" };

/** Without `prices` nothing was decided, and nothing is owed. */
export function encodeCost(
  { total, input, output, cache, request }: Cost,
  { catalogRevision, priceVersion }: Prices = NO_PRICES,
): WireCost {
  return {
    $typeName: "atlas.v1.Cost",
    totalNanoUsd: total === undefined ? undefined : int64Of(total),
    inputNanoUsd: int64Of(input),
    outputNanoUsd: int64Of(output),
    cacheNanoUsd: int64Of(cache),
    catalogRevision: int64Of(catalogRevision),
    requestNanoUsd: int64Of(request),
    priceVersion,
  };
}

export function encodeUsage(usage: Usage): WireUsage {
  return {
    $typeName: "atlas.v1.Usage",
    freshInputTokens: int64Of(usage.freshInput),
    cacheReadInputTokens: int64Of(usage.cacheRead),
    cacheWriteInputTokens: int64Of(usage.cacheWrite),
    visibleOutputTokens: int64Of(usage.visibleOutput),
    reasoningOutputTokens: int64Of(usage.reasoningOutput),
    source: usageSourceToWire[usage.source],
  };
}

export function encodeDecision(decision: RouteDecision): WireDecision {
  const { endpoint, prediction, catalogRevision } = decision;
  const { firstTokenP50Ms, tokensPerSecond } = prediction;
  return {
    $typeName: "atlas.v1.RouteDecision",
    decisionId: decision.decisionId,
    endpoint: endpoint.id,
    provider: endpoint.provider.id,
    model: endpoint.model,
    quantization: quantizationToWire[endpoint.quantization],
    tier: tierToWire[decision.tier],
    fallbacks: [...decision.fallbacks],
    estimatedCost: encodeCost(decision.estimatedCost, decision),
    estimatedInputTokens: BigInt(decision.estimatedInputTokens),
    predictedFirstToken: durationFromMs(firstTokenP50Ms),
    predictedTotal: durationFromMs(
      firstTokenP50Ms + (1_000 * decision.estimatedOutputTokens) / tokensPerSecond,
    ),
    catalogRevision: BigInt(catalogRevision),
    scoreRevision: int64Of(decision.scoreRevision),
    decideTime: timestampFromMs(decision.decidedAtMs),
    scoreAge: decision.scoreAgeMs === undefined ? undefined : durationFromMs(decision.scoreAgeMs),
    relaxations: decision.relaxations.map((relaxation) => relaxationToWire[relaxation]),
    explanation: decision.explanation,
    droppedParameters: [...decision.droppedParameters],
    operation: decision.operation,
  };
}

/** What Route answers when nothing is eligible: why, and nothing that could be taken for a choice. */
export function encodeNoDecision(about: {
  readonly decisionId: string;
  readonly policy: RoutingPolicy;
  readonly explanation: string;
  readonly catalogRevision: number;
  readonly scoreRevision: number;
  readonly nowMs: number;
}): WireDecision {
  return {
    $typeName: "atlas.v1.RouteDecision",
    decisionId: about.decisionId,
    endpoint: "",
    provider: "",
    model: "",
    quantization: 0,
    tier: tierToWire[about.policy.tier],
    fallbacks: [],
    estimatedInputTokens: 0n,
    catalogRevision: BigInt(about.catalogRevision),
    scoreRevision: BigInt(about.scoreRevision),
    decideTime: timestampFromMs(about.nowMs),
    relaxations: [],
    explanation: about.explanation,
    droppedParameters: [],
    operation: about.policy.operation,
  };
}

export function encodeCandidate(candidate: Candidate, prices: Prices): WireCandidate {
  const { endpoint } = candidate;
  return {
    $typeName: "atlas.v1.Candidate",
    endpoint: endpoint.id,
    eligible: candidate.eligible,
    rejections: candidate.rejections.map(({ reason, detail, soft }) => ({
      $typeName: "atlas.v1.Rejection",
      reason: rejectionToWire[reason],
      detail,
      soft,
    })),
    share: candidate.share,
    terms: { ...candidate.terms },
    estimatedCost: encodeCost(candidate.estimatedCost, prices),
    gate: gateToWire[candidate.gate],
    band: candidate.band,
    droppedParameters: [...candidate.droppedParameters],
    provider: endpoint.provider.id,
    model: endpoint.model,
    cold: candidate.cold,
    precision: precisionToWire[endpoint.precision],
    quantization: quantizationToWire[endpoint.quantization],
  };
}

export function encodePolicy(policy: RoutingPolicy): WirePolicy {
  const { maxInputPerMtok, maxOutputPerMtok, maxCost, preferredMaxFirstTokenMs } = policy;
  return {
    $typeName: "atlas.v1.RoutingPolicy",
    tier: tierToWire[policy.tier],
    operation: policy.operation,
    fallbackModels: [...policy.fallbackModels],
    onlyProviders: [...policy.onlyProviders],
    ignoreProviders: [...policy.ignoreProviders],
    quantizations: policy.quantizations.map((quantization) => quantizationToWire[quantization]),
    regions: [...policy.regions],
    maxInputNanoUsdPerMtok: maxInputPerMtok === undefined ? undefined : BigInt(maxInputPerMtok),
    maxOutputNanoUsdPerMtok: maxOutputPerMtok === undefined ? undefined : BigInt(maxOutputPerMtok),
    maxCostNanoUsd: maxCost === undefined ? undefined : BigInt(maxCost),
    requireAllParameters: policy.requireAllParameters,
    zeroDataRetention: policy.zeroDataRetention,
    disableFallbacks: policy.disableFallbacks,
    providerOrder: [...policy.providerOrder],
    preferredMaxFirstToken:
      preferredMaxFirstTokenMs === undefined ? undefined : durationFromMs(preferredMaxFirstTokenMs),
    preferredMinOutputTokensPerSecond: policy.preferredMinTokensPerSecond,
    weights: { $typeName: "atlas.v1.Weights", ...policy.weights },
    sessionAffinityKey: policy.sessionAffinityKey,
    maxAttempts: policy.maxAttempts,
    allowHedging: policy.allowHedging,
    priority: priorityToWire[policy.priority],
  };
}

/** Those of one call. `prices` are absent only where there are none. */
export function encodeAttempts(
  attempts: readonly AttemptRecord[],
  prices: Prices | undefined,
): WireAttempt[] {
  return attempts.map((attempt) => encodeAttempt(attempt, prices));
}

export function encodeAttempt(attempt: AttemptRecord, prices?: Prices): WireAttempt {
  const { endpoint, outcome, firstTokenMs, givenUpCost, usage } = attempt;
  const failed = outcome.kind !== "success";
  return {
    $typeName: "atlas.v1.Attempt",
    number: attempt.number,
    endpoint: endpoint.id,
    startTime: timestampFromMs(attempt.startedAtMs),
    duration: durationFromMs(attempt.durationMs),
    firstToken: firstTokenMs === undefined ? undefined : durationFromMs(firstTokenMs),
    failure: failed ? failureToWire[outcome.kind] : 0,
    httpStatus: attempt.httpStatus ?? 0,
    upstreamRequestId: attempt.upstreamRequestId ?? "",
    hedge: false,
    provider: endpoint.provider.id,
    errorMessage: failed ? outcome.message.toWellFormed() : "",
    droppedParameters: [...attempt.droppedParameters],
    model: endpoint.model,
    givenUpCost: givenUpCost === undefined ? undefined : encodeCost(givenUpCost, prices),
    givenUpUsage: givenUpCost === undefined || usage === undefined ? undefined : encodeUsage(usage),
  };
}
