import {
  BenchmarkScore_Benchmark,
  type EndpointHealth,
  EndpointHealth_Breaker,
  type EndpointStats,
  Intelligence_Kind,
  type Endpoint as WireEndpoint,
  type Intelligence as WireIntelligence,
  type Model as WireModel,
} from "../../gen/atlas/v1/catalog_service_pb.ts";
import type { Pricing as WirePricing } from "../../gen/atlas/v1/types_pb.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { OutsideClaim } from "../domain/health.ts";
import type { Benchmark, Intelligence, Model } from "../domain/model.ts";
import type { Pricing } from "../domain/money.ts";
import type { EndpointScore, LiveState } from "../domain/score.ts";
import { timestampFromMs } from "../wire/wire-time.ts";
import { standingOf } from "./standing.ts";
import { modalityToWire, precisionToWire, quantizationToWire } from "./wire-enums.ts";

/** What is known of an endpoint at one moment beside its entry. */
export type EndpointView = {
  readonly score: EndpointScore | undefined;
  readonly windowEndMs: number;
  readonly live: LiveState | undefined;
  /** The newest claim from outside that has not lapsed. */
  readonly outside: OutsideClaim | undefined;
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

export function encodeStats(score: EndpointScore, windowEndMs: number): EndpointStats {
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

function encodeHealth(endpoint: Endpoint, view: EndpointView): EndpointHealth {
  const block = view.live?.block(view.nowMs);
  const { state, reason } = standingOf(endpoint, { ...view, block });
  const waits = block?.reason === "breaker-open" || block?.reason === "rate-limited";
  return {
    $typeName: "atlas.v1.EndpointHealth",
    state,
    breaker: view.live === undefined ? 0 : breakerToWire[view.live.breaker],
    reason,
    retryTime: waits && Number.isFinite(block.untilMs) ? timestampFromMs(block.untilMs) : undefined,
  };
}

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
