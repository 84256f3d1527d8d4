import type { CallEvent, CompletionCall } from "../../src/domain/call.ts";
import type { Endpoint } from "../../src/domain/catalog.ts";
import type { CompletionSpec } from "../../src/domain/completion.ts";
import type { EndpointId } from "../../src/domain/endpoint.ts";
import { UNKNOWN_COST } from "../../src/domain/money.ts";
import { parameters } from "../../src/domain/parameters.ts";
import type { PlannedEndpoint, Prediction, RoutePlan } from "../../src/domain/plan.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";
import type { TraceContext } from "../../src/domain/trace.ts";

/** A plain native endpoint: $0.15 in, $0.60 out. */
export function exampleEndpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    id: id as EndpointId,
    model: "acme/one",
    provider: { id: id.split("/")[0] ?? id, displayName: id },
    account: id,
    dialect: "openai-chat",
    upstreamModel: "one",
    quantization: "bf16",
    precision: "full",
    native: true,
    contextLength: 128_000,
    maxOutputTokens: 16_384,
    inputModalities: new Set(["text", "image"]),
    pricing: {
      inputPerMtok: 150_000_000,
      outputPerMtok: 600_000_000,
      cacheReadPerMtok: undefined,
      cacheWritePerMtok: undefined,
      reasoningPerMtok: undefined,
      perRequest: undefined,
      perImage: undefined,
      batchDiscountPercent: undefined,
      tiers: [],
    },
    parameters: new Set(parameters),
    regions: ["eu"],
    zeroDataRetention: false,
    supportsBatch: false,
    spot: false,
    maxConcurrency: 1_000,
    enabled: true,
    simulated: false,
    provenance: { source: "test", date: "2026-11-01" },
    ...changes,
  };
}

/** "hi" to `acme/one`. */
export function exampleSpec(changes: Partial<CompletionSpec> = {}): CompletionSpec {
  return {
    model: "acme/one",
    messages: [
      { role: "user", name: "", parts: [{ kind: "text", text: "hi", cacheBreakpoint: false }] },
    ],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    responseFormat: { kind: "text" },
    sampling: {
      temperature: undefined,
      topP: undefined,
      topK: undefined,
      minP: undefined,
      maxOutputTokens: undefined,
      stop: [],
      seed: undefined,
      frequencyPenalty: undefined,
      presencePenalty: undefined,
      repetitionPenalty: undefined,
      candidateCount: undefined,
      topLogprobs: undefined,
    },
    reasoning: undefined,
    providerExtensions: undefined,
    ...changes,
  };
}

export const examplePrediction: Prediction = {
  firstTokenP50Ms: 500,
  firstTokenP95Ms: 1_000,
  tokensPerSecond: 50,
  measured: true,
};

/** Begins here and is not sampled. */
export function exampleTrace(changes: Partial<TraceContext> = {}): TraceContext {
  return {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanPrefix: "b7ad6b716920333",
    parentSpanId: undefined,
    traceState: "",
    sampled: false,
    keep: false,
    ...changes,
  };
}

export function exampleCall(changes: Partial<CompletionCall> = {}): CompletionCall {
  return {
    id: "00000000-0000-4000-8000-000000000001",
    spec: exampleSpec(),
    policy: defaultPolicy,
    caller: { application: "", endUserHash: "", labels: {} },
    streaming: true,
    receivedAtMs: 1_800_000_000_000,
    deadlineMs: 1_800_000_000_000 + 300_000,
    heartbeatIntervalMs: 0,
    trace: exampleTrace(),
    signal: new AbortController().signal,
    emit: (_: CallEvent) => undefined,
    ...changes,
  };
}

/** A plan that tries the endpoints in this order. */
export function examplePlan(first: Endpoint, ...rest: readonly Endpoint[]): RoutePlan {
  const planned = (endpoint: Endpoint): PlannedEndpoint => ({
    endpoint,
    prediction: examplePrediction,
    droppedParameters: [],
  });
  return {
    order: [planned(first), ...rest.map(planned)],
    decision: {
      decisionId: "00000000-0000-4000-8000-000000000001",
      endpoint: first,
      tier: "standard",
      operation: "",
      fallbacks: rest.map(({ id }) => id),
      estimatedCost: UNKNOWN_COST,
      estimatedInputTokens: 8,
      estimatedOutputTokens: 256,
      prediction: examplePrediction,
      catalogRevision: 1,
      priceVersion: "0a1b2c3d4e5f",
      scoreRevision: 1,
      decidedAtMs: 1_800_000_000_000,
      scoreAgeMs: undefined,
      relaxations: [],
      explanation: "the test says so",
      droppedParameters: [],
    },
  };
}
