import { callSeconds, generationSeconds, partSeconds, tokenCounts } from "./buckets.ts";
import type { LabelKey } from "./labels.ts";
import type { MetricDefinition } from "./metric-definition.ts";

const GEN_AI =
  "https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-metrics.md";
const GEN_AI_LATEST =
  "https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md";
const RPC = "https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/";

/** Costs are whole nano-USD. */
const NANO_USD = 1_000_000_000;

const model: readonly LabelKey[] = ["operation", "providerName", "requestModel"];
const attempt: readonly LabelKey[] = [...model, "failure"];

const attemptDuration = {
  type: "histogram",
  unit: "s",
  buckets: generationSeconds,
  labels: attempt,
  meaning: "One attempt at a provider, from its start to the end of its answer.",
} as const;

const firstChunk = {
  type: "histogram",
  unit: "s",
  buckets: generationSeconds,
  labels: attempt,
  meaning: "From the start of an attempt to its first content; streamed attempts alone.",
} as const;

const perChunk = {
  type: "histogram",
  unit: "s",
  buckets: generationSeconds,
  labels: attempt,
  meaning:
    "Mean time between two tokens of one streamed attempt, once an attempt, where 8 tokens or more came over 50 ms or more: a provider's chunk is taken for a token.",
} as const;

const latestCounter = {
  type: "counter",
  unit: "{token}",
  labels: model,
  convention: GEN_AI_LATEST,
  names: "latest",
} as const;

const tokensOfCall = {
  type: "histogram",
  unit: "{token}",
  buckets: tokenCounts,
  labels: model,
  convention: GEN_AI_LATEST,
  names: "latest",
} as const;

/** By the GenAI conventions: one attempt at one endpoint. */
export const generationMetrics = {
  operationDuration: {
    ...attemptDuration,
    name: "gen_ai.client.operation.duration",
    convention: GEN_AI,
    names: "v1.41",
  },
  operationFirstChunk: {
    ...firstChunk,
    name: "gen_ai.client.operation.time_to_first_chunk",
    convention: GEN_AI,
    names: "v1.41",
  },
  operationPerChunk: {
    ...perChunk,
    name: "gen_ai.client.operation.time_per_output_chunk",
    convention: GEN_AI,
    names: "v1.41",
  },
  tokenUsage: {
    name: "gen_ai.client.token.usage",
    type: "histogram",
    unit: "{token}",
    buckets: tokenCounts,
    labels: [...model, "tokenType"],
    meaning: "Tokens of one attempt, those from a cache and hidden reasoning included.",
    convention: GEN_AI,
    names: "v1.41",
  },
  inferenceDuration: {
    ...attemptDuration,
    name: "gen_ai.client.inference.duration",
    convention: GEN_AI_LATEST,
    names: "latest",
  },
  inferenceFirstChunk: {
    ...firstChunk,
    name: "gen_ai.client.inference.time_to_first_chunk",
    convention: GEN_AI_LATEST,
    names: "latest",
  },
  inferencePerChunk: {
    ...perChunk,
    name: "gen_ai.client.inference.time_per_output_chunk",
    convention: GEN_AI_LATEST,
    names: "latest",
  },
  inputTokens: {
    ...latestCounter,
    name: "gen_ai.client.inference.usage.input_tokens",
    meaning: "Tokens of prompts, those from and into a cache included.",
  },
  outputTokens: {
    ...latestCounter,
    name: "gen_ai.client.inference.usage.output_tokens",
    meaning: "Tokens of answers, reasoning included.",
  },
  cacheReadTokens: {
    ...latestCounter,
    name: "gen_ai.client.inference.usage.cache_read.input_tokens",
    meaning: "Tokens of prompts that the provider had in its cache.",
  },
  cacheWriteTokens: {
    ...latestCounter,
    name: "gen_ai.client.inference.usage.cache_write.input_tokens",
    meaning: "Tokens of prompts that the provider put into its cache.",
  },
  reasoningTokens: {
    ...latestCounter,
    name: "gen_ai.client.inference.usage.reasoning.output_tokens",
    meaning: "Tokens of reasoning.",
  },
  inputTokensOfCall: {
    ...tokensOfCall,
    name: "gen_ai.client.inference.operation.input_tokens",
    meaning: "Tokens of the prompt of one attempt.",
  },
  outputTokensOfCall: {
    ...tokensOfCall,
    name: "gen_ai.client.inference.operation.output_tokens",
    meaning: "Tokens of the answer of one attempt.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** What callers see of the router, and what it decides for them. */
export const callMetrics = {
  rpcDuration: {
    name: "rpc.server.call.duration",
    type: "histogram",
    unit: "s",
    buckets: callSeconds,
    labels: ["rpcSystem", "rpcMethod", "rpcStatus", "rpcFault"],
    meaning:
      "One RPC of any service, from when its request was there whole to the end of its answer.",
    convention: RPC,
  },
  openCalls: {
    name: "atlas.calls.open",
    type: "gauge",
    unit: "{call}",
    labels: [],
    meaning: "RPCs that run at the moment.",
  },
  calls: {
    name: "atlas.calls",
    type: "counter",
    unit: "{call}",
    labels: ["model", "tier", "callOutcome", "errorSource"],
    meaning: "Completions that have ended, by the model that was asked for.",
  },
  overdue: {
    name: "atlas.calls.overdue",
    type: "counter",
    unit: "{call}",
    labels: ["model", "tier", "deadline"],
    meaning:
      "Completions whose deadline passed, or whose caller hung up at that moment, when an endpoint had been asked and no part of an answer had come from it: of one that is sent whole nobody knows whether it had begun.",
  },
  callDuration: {
    name: "atlas.call.duration",
    type: "histogram",
    unit: "s",
    buckets: callSeconds,
    labels: ["model", "tier"],
    meaning: "Completions that were answered or broke off, from receipt to the last event.",
  },
  latency: {
    name: "atlas.call.latency",
    type: "histogram",
    unit: "s",
    buckets: partSeconds,
    labels: ["part", "tier"],
    meaning: "Where the time of a completion went; every completion counts once in every part.",
  },
  plans: {
    name: "atlas.plans",
    type: "counter",
    unit: "{plan}",
    labels: ["tier", "planOutcome"],
    meaning: "Plans that were made, and those that could not be.",
  },
  rejections: {
    name: "atlas.rejections",
    type: "counter",
    unit: "{rejection}",
    labels: ["model", "rejection"],
    meaning:
      "Endpoints that a plan left out, or took for want of others, by the first reason against each: of every call.",
  },
  relaxations: {
    name: "atlas.relaxations",
    type: "counter",
    unit: "{plan}",
    labels: ["tier", "relaxation"],
    meaning: "Plans that relaxed a rule.",
  },
  firstAttempts: {
    name: "atlas.first_attempts",
    type: "counter",
    unit: "{attempt}",
    labels: ["model", "endpoint", "tier"],
    meaning: "Calls whose first attempt went to the endpoint: its share of the model's traffic.",
  },
  attempts: {
    name: "atlas.attempts",
    type: "counter",
    unit: "{attempt}",
    labels: ["model", "endpoint", "provider", "attemptOutcome"],
    meaning: "Attempts that have ended.",
  },
  fallbacks: {
    name: "atlas.fallbacks",
    type: "counter",
    unit: "{attempt}",
    labels: ["model", "endpoint", "failure"],
    meaning: "Attempts that failed and were followed by another one.",
  },
  spend: {
    name: "atlas.spend",
    type: "counter",
    unit: "USD",
    partsPerUnit: NANO_USD,
    labels: ["model", "endpoint", "tier"],
    meaning:
      "What completions cost by the catalogue's prices; those of unknown price are not in it.",
  },
  unknownPrices: {
    name: "atlas.spend.unknown_price",
    type: "counter",
    unit: "{call}",
    labels: ["model", "endpoint", "tier"],
    meaning: "Completions whose cost is not known because a price is missing.",
  },
} as const satisfies Record<string, MetricDefinition>;
