import {
  BenchmarkScore_Benchmark,
  type EndpointHealth,
  EndpointHealth_Breaker,
  EndpointHealth_State,
  type EndpointStats,
  Intelligence_Kind,
  type Endpoint as WireEndpoint,
  type Intelligence as WireIntelligence,
  type Model as WireModel,
} from "../../gen/atlas/v1/catalog_service_pb.ts";
import type { Pricing as WirePricing } from "../../gen/atlas/v1/types_pb.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { Benchmark, Intelligence, Model } from "../domain/model.ts";
import type { Pricing } from "../domain/money.ts";
import type { Block, EndpointScore, LiveState } from "../domain/score.ts";
import { modalityToWire, precisionToWire, quantizationToWire } from "./wire-enums.ts";
import { timestampFromMs } from "./wire-time.ts";

/** What is known of an endpoint at one moment beside its entry. */
export type EndpointView = {
  readonly score: EndpointScore | undefined;
  readonly windowEndMs: number;
  readonly live: LiveState | undefined;
  readonly nowMs: number;
};

export function encodeModel(model: Model): WireModel {
  const { releaseDate, deprecationDate, intelligence, provenance } = model;
  return {
    $typeName: "atlas.v1.Model",
    id: model.id,
    displayName: model.displayName,
    family: model.family,
    aliases: [...model.aliases],
    contextLength: model.contextLength,
    maxOutputTokens: model.maxOutputTokens,
    inputModalities: model.inputModalities.map((modality) => modalityToWire[modality]),
    outputModalities: model.outputModalities.map((modality) => modalityToWire[modality]),
    openWeights: model.openWeights,
    nativeQuantization: quantizationToWire[model.nativeQuantization],
    supportsTools: model.supportsTools,
    supportsStructuredOutput: model.supportsStructuredOutput,
    supportsReasoning: model.supportsReasoning,
    releaseTime: timeOfDay(releaseDate),
    deprecateTime: timeOfDay(deprecationDate),
    intelligence: intelligence === undefined ? undefined : encodeIntelligence(intelligence),
    source: provenance.source,
    updateTime: timeOfDay(provenance.date),
    popularityRank: model.popularityRank,
  };
}

export function encodeEndpoint(endpoint: Endpoint, view: EndpointView): WireEndpoint {
  return {
    $typeName: "atlas.v1.Endpoint",
    id: endpoint.id,
    model: endpoint.model,
    provider: endpoint.provider.id,
    providerDisplayName: endpoint.provider.displayName,
    upstreamModelId: endpoint.upstreamModel,
    quantization: quantizationToWire[endpoint.quantization],
    precision: precisionToWire[endpoint.precision],
    contextLength: endpoint.contextLength,
    maxOutputTokens: endpoint.maxOutputTokens,
    pricing: encodePricing(endpoint.pricing),
    supportedParameters: [...endpoint.parameters].sort(),
    regions: [...endpoint.regions],
    zeroDataRetention: endpoint.zeroDataRetention,
    supportsBatch: endpoint.supportsBatch,
    spot: endpoint.spot,
    stats: view.score === undefined ? undefined : encodeStats(view.score, view.windowEndMs),
    health: encodeHealth(endpoint, view),
    source: endpoint.provenance.source,
    updateTime: timeOfDay(endpoint.provenance.date),
    simulated: endpoint.simulated,
    native: endpoint.native,
    account: endpoint.account,
  };
}

function encodeIntelligence({ score, kind, benchmarks, reasons }: Intelligence): WireIntelligence {
  return {
    $typeName: "atlas.v1.Intelligence",
    score,
    kind: kind === "composite" ? Intelligence_Kind.COMPOSITE : Intelligence_Kind.ESTIMATED,
    benchmarks: benchmarks.map(({ benchmark, score: solved, suite, provenance }) => ({
      $typeName: "atlas.v1.BenchmarkScore",
      benchmark: benchmarkToWire[benchmark],
      score: solved,
      suite,
      source: provenance.source,
    })),
    reasons: [...reasons],
  };
}

const benchmarkToWire = {
  "mmlu-pro": BenchmarkScore_Benchmark.MMLU_PRO,
  code: BenchmarkScore_Benchmark.CODE,
  math: BenchmarkScore_Benchmark.MATH,
  "gpqa-diamond": BenchmarkScore_Benchmark.GPQA_DIAMOND,
} as const satisfies Record<Benchmark, BenchmarkScore_Benchmark>;

function encodePricing(pricing: Pricing): WirePricing {
  return {
    $typeName: "atlas.v1.Pricing",
    inputNanoUsdPerMtok: nanoUsd(pricing.inputPerMtok),
    outputNanoUsdPerMtok: nanoUsd(pricing.outputPerMtok),
    cacheReadNanoUsdPerMtok: nanoUsd(pricing.cacheReadPerMtok),
    cacheWriteNanoUsdPerMtok: nanoUsd(pricing.cacheWritePerMtok),
    reasoningNanoUsdPerMtok: nanoUsd(pricing.reasoningPerMtok),
    requestNanoUsd: nanoUsd(pricing.perRequest),
    imageNanoUsd: nanoUsd(pricing.perImage),
    batchDiscountPercent: pricing.batchDiscountPercent,
    tiers: pricing.tiers.map((tier) => ({
      $typeName: "atlas.v1.PricingTier",
      minInputTokens: BigInt(tier.minInputTokens),
      inputNanoUsdPerMtok: BigInt(tier.inputPerMtok),
      outputNanoUsdPerMtok: BigInt(tier.outputPerMtok),
      cacheReadNanoUsdPerMtok: nanoUsd(tier.cacheReadPerMtok),
    })),
  };
}

function nanoUsd(price: number | undefined): bigint | undefined {
  return price === undefined ? undefined : BigInt(price);
}

/** Below this many attempts a share says nothing. */
const MIN_ATTEMPTS = 5;

function encodeStats(score: EndpointScore, windowEndMs: number): EndpointStats {
  const { firstTokenMs, tokensPerSecond, successes, failures, rateLimited } = score;
  const attempts = successes + failures + rateLimited;
  return {
    $typeName: "atlas.v1.EndpointStats",
    latencyMsP50: firstTokenMs.p50,
    latencyMsP95: firstTokenMs.p95,
    outputTokensPerSecondP50: tokensPerSecond.p50,
    outputTokensPerSecondP95: tokensPerSecond.p95,
    outputTokensPerSecondP5: tokensPerSecond.p5,
    uptime: score.uptime,
    success: score.success,
    rateLimited: attempts < MIN_ATTEMPTS ? undefined : rateLimited / attempts,
    sampleCount: BigInt(successes + failures),
    windowEndTime: timestampFromMs(windowEndMs),
  };
}

type Standing = { readonly state: EndpointHealth_State; readonly reason: string };

const HEALTHY: Standing = { state: EndpointHealth_State.HEALTHY, reason: "" };

function encodeHealth(endpoint: Endpoint, view: EndpointView): EndpointHealth {
  const block = view.live?.block(view.nowMs);
  const { state, reason } = standingOf(endpoint, block, view);
  const waits = block?.reason === "breaker-open" || block?.reason === "rate-limited";
  return {
    $typeName: "atlas.v1.EndpointHealth",
    state,
    breaker: view.live === undefined ? 0 : breakerToWire[view.live.breaker],
    reason,
    retryTime: waits && Number.isFinite(block.untilMs) ? timestampFromMs(block.untilMs) : undefined,
  };
}

/** The worst of what the operator, this replica and the window of all replicas say. */
function standingOf(
  { enabled }: Endpoint,
  block: Block | undefined,
  { live, score }: EndpointView,
): Standing {
  if (!enabled) {
    return { state: EndpointHealth_State.DISABLED, reason: "switched off by the operator" };
  }
  if (block !== undefined && block.reason !== "at-concurrency-limit") {
    return blocked[block.reason];
  }
  if (live?.breaker === "half-open") {
    return { state: EndpointHealth_State.DEGRADED, reason: "recovering: one call at a time" };
  }
  if (score?.degraded === true) {
    return { state: EndpointHealth_State.DEGRADED, reason: "the last 30 s went badly" };
  }
  return live === undefined && score === undefined
    ? { state: EndpointHealth_State.UNSPECIFIED, reason: "no call was made yet" }
    : HEALTHY;
}

/** A full endpoint is not an ill one, so the concurrency limit has no entry. */
const blocked = {
  "breaker-open": { state: EndpointHealth_State.UNHEALTHY, reason: "circuit breaker open" },
  "rate-limited": { state: EndpointHealth_State.DEGRADED, reason: "rate limited by the provider" },
  credentials: {
    state: EndpointHealth_State.DISABLED,
    reason: "the provider refuses the credentials of its account",
  },
  "quota-exhausted": {
    state: EndpointHealth_State.DISABLED,
    reason: "its account with the provider is out of credit",
  },
  misconfigured: {
    state: EndpointHealth_State.DISABLED,
    reason: "the provider does not know the model",
  },
} as const satisfies Record<Exclude<Block["reason"], "at-concurrency-limit">, Standing>;

const breakerToWire = {
  closed: EndpointHealth_Breaker.CLOSED,
  open: EndpointHealth_Breaker.OPEN,
  "half-open": EndpointHealth_Breaker.PROBING,
} as const satisfies Record<LiveState["breaker"], EndpointHealth_Breaker>;

/** Midnight UTC of an ISO 8601 day; absent for anything else. */
function timeOfDay(day: string | undefined) {
  const atMs = day === undefined ? Number.NaN : Date.parse(day);
  return Number.isNaN(atMs) ? undefined : timestampFromMs(atMs);
}
