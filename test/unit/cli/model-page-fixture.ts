import { create } from "@bufbuild/protobuf";
import {
  BenchmarkScore_Benchmark,
  type Endpoint,
  EndpointSchema,
  type GetModelResponse,
  GetModelResponseSchema,
  Intelligence_Kind,
} from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { GateState } from "../../../gen/atlas/v1/routing_pb.ts";
import { Precision, Quantization, Tier } from "../../../gen/atlas/v1/types_pb.ts";

/** Two published pages of models, figure by figure. */

type Figures = {
  readonly id: string;
  readonly provider: string;
  readonly regions?: readonly string[];
  readonly weights: readonly [Precision, Quantization];
  /** Nano-USD per million tokens. */
  readonly prices: readonly [input: bigint, output: bigint];
  readonly latencyMs?: readonly [p50: number, p95: number];
  readonly tokensPerSecond?: readonly [p50: number, p95: number];
  readonly uptime: number;
  readonly success?: number;
};

function endpointOf(figures: Figures): Endpoint {
  const {
    id,
    provider,
    regions = [],
    weights,
    prices,
    latencyMs,
    tokensPerSecond,
    uptime,
    success,
  } = figures;
  return create(EndpointSchema, {
    id,
    provider: provider.toLowerCase(),
    providerDisplayName: provider,
    regions: [...regions],
    precision: weights[0],
    quantization: weights[1],
    pricing: { inputNanoUsdPerMtok: prices[0], outputNanoUsdPerMtok: prices[1] },
    stats: {
      latencyMsP50: latencyMs?.[0],
      latencyMsP95: latencyMs?.[1],
      outputTokensPerSecondP50: tokensPerSecond?.[0],
      outputTokensPerSecondP95: tokensPerSecond?.[1],
      uptime,
      success,
    },
  });
}

const closed = [Precision.FULL, Quantization.UNKNOWN] as const;
const undisclosed = [Precision.UNDISCLOSED, Quantization.UNDISCLOSED] as const;

const azure = {
  provider: "Azure",
  weights: closed,
  prices: [150_000_000n, 600_000_000n],
  latencyMs: [2568, 8421],
  tokensPerSecond: [8, 16],
  success: 0.938,
} as const;

export function gpt4oMiniPage(): GetModelResponse {
  return create(GetModelResponseSchema, {
    model: {
      id: "openai/gpt-4o-mini",
      displayName: "OpenAI: GPT-4o-mini",
      contextLength: 128_000,
      maxOutputTokens: 16_384,
      intelligence: {
        kind: Intelligence_Kind.ESTIMATED,
        score: 66.6,
        reasons: ["openai mini family base", "top-16 by usage +1"],
      },
    },
    endpoints: [
      endpointOf({
        ...azure,
        id: "azure/eastus/gpt-4o-mini",
        regions: ["eastus"],
        uptime: 0.8982,
      }),
      endpointOf({
        ...azure,
        id: "azure/swedencentral/gpt-4o-mini",
        regions: ["swedencentral"],
        uptime: 0.9421,
      }),
      endpointOf({
        ...azure,
        id: "openai/gpt-4o-mini",
        provider: "OpenAI",
        latencyMs: [716, 4091],
        tokensPerSecond: [28, 67],
        uptime: 0.9941,
        success: 0.994,
      }),
    ],
    cheapestEndpoint: "azure/eastus/gpt-4o-mini",
    fastestEndpoint: "openai/gpt-4o-mini",
    tierRoutes: [
      {
        tier: Tier.REALTIME,
        endpoint: "openai/gpt-4o-mini",
        gate: GateState.NATIVE,
        reason: "best predicted tail",
      },
      { tier: Tier.BATCH, reason: "no batch worker runs" },
    ],
  });
}

export function llama4ScoutPage(): GetModelResponse {
  return create(GetModelResponseSchema, {
    model: {
      id: "meta-llama/llama-4-scout",
      displayName: "Meta: Llama 4 Scout",
      intelligence: {
        kind: Intelligence_Kind.COMPOSITE,
        score: 54.5,
        benchmarks: [
          { benchmark: BenchmarkScore_Benchmark.MMLU_PRO, score: 74.3, suite: "MMLU-Pro" },
          { benchmark: BenchmarkScore_Benchmark.CODE, score: 32.8, suite: "LiveCodeBench" },
          { benchmark: BenchmarkScore_Benchmark.MATH, score: 50.3 },
          { benchmark: BenchmarkScore_Benchmark.GPQA_DIAMOND, score: 57.2, suite: "GPQA Diamond" },
        ],
      },
    },
    endpoints: [
      endpointOf({
        id: "deepinfra/llama-4-scout",
        provider: "DeepInfra",
        weights: [Precision.Q8, Quantization.FP8],
        prices: [80_000_000n, 300_000_000n],
        uptime: 0.9999,
      }),
      endpointOf({
        id: "groq/llama-4-scout",
        provider: "Groq",
        weights: undisclosed,
        prices: [110_000_000n, 340_000_000n],
        uptime: 0.9991,
      }),
      endpointOf({
        id: "novita/llama-4-scout",
        provider: "Novita",
        weights: [Precision.FULL, Quantization.BF16],
        prices: [180_000_000n, 590_000_000n],
        uptime: 1,
      }),
      endpointOf({
        id: "4/llama-4-scout",
        provider: "",
        weights: undisclosed,
        prices: [250_000_000n, 700_000_000n],
        uptime: 1,
      }),
    ],
    cheapestEndpoint: "deepinfra/llama-4-scout",
  });
}
