import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { type FailureKind, type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import type { Observation } from "../../../src/domain/ports.ts";
import { exampleTrace } from "../../support/examples.ts";

export function makeEndpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    id: id as EndpointId,
    model: "openai/gpt-4o-mini",
    provider: { id: "azure", displayName: "Azure" },
    account: "azure",
    dialect: "openai-chat",
    upstreamModel: "gpt-4o-mini",
    quantization: "unknown",
    precision: "full",
    native: true,
    contextLength: 128_000,
    maxOutputTokens: 16_384,
    inputModalities: new Set(["text"]),
    pricing: { tiers: [] } as unknown as Endpoint["pricing"],
    parameters: new Set(),
    regions: [],
    zeroDataRetention: false,
    supportsBatch: false,
    spot: false,
    maxConcurrency: 100,
    enabled: true,
    simulated: false,
    provenance: { source: "test", date: "2026-11-02" },
    ...changes,
  };
}

export type ObservationChanges = {
  readonly endpoint?: Endpoint;
  readonly outcome?: Outcome;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly durationMs?: number;
  readonly firstTokenMs?: number | undefined;
  readonly streamed?: boolean;
  readonly generationMs?: number | undefined;
  readonly outputTokens?: number | undefined;
};

/** A streamed success of 2 s: first token after 500 ms, then 101 tokens in 1 s. */
export function makeObservation(changes: ObservationChanges = {}): Observation {
  const complete = {
    endpoint: makeEndpoint("a"),
    outcome: SUCCESS,
    startedAtMs: changes.endedAtMs ?? 0,
    endedAtMs: 0,
    durationMs: 2_000,
    firstTokenMs: 500,
    streamed: true,
    generationMs: 1_000,
    outputTokens: 101,
    ...changes,
  };
  return {
    callId: "call",
    trace: exampleTrace(),
    attempt: {
      number: 1,
      endpoint: complete.endpoint,
      startedAtMs: complete.startedAtMs,
      durationMs: complete.durationMs,
      firstTokenMs: complete.firstTokenMs,
      outcome: complete.outcome,
      httpStatus: undefined,
      upstreamRequestId: undefined,
      droppedParameters: [],
      streamed: complete.streamed,
      upstreamModel: "",
    },
    endedAtMs: complete.endedAtMs,
    streamed: complete.streamed,
    generationMs: complete.generationMs,
    generatedTokens: complete.outputTokens ?? 0,
    usage:
      complete.outputTokens === undefined
        ? undefined
        : {
            freshInput: 10,
            cacheRead: 0,
            cacheWrite: 0,
            visibleOutput: complete.outputTokens,
            reasoningOutput: 0,
            source: "provider",
          },
  };
}

export function failed(kind: FailureKind, changes: { retryAfterMs?: number; sent?: boolean } = {}) {
  return { kind, message: kind, ...changes } satisfies Outcome;
}
