import type { AttemptRecord, CallRefusal, CallResult } from "../../../src/domain/call.ts";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import { costOf } from "../../../src/domain/money.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { Usage } from "../../../src/domain/usage.ts";
import { exampleEndpoint, examplePlan } from "../../support/examples.ts";

export const START_MS = 1_800_000_000_000;

export const someUsage: Usage = {
  freshInput: 100,
  cacheRead: 0,
  cacheWrite: 0,
  visibleOutput: 10,
  reasoningOutput: 0,
  source: "provider",
};

export function timingsOf(total: number): CallResult["timings"] {
  return {
    queue: 0,
    plan: 1,
    failedAttempts: 0,
    upstreamFirstToken: total - 1,
    upstreamGeneration: 0,
    routerOverhead: 0,
    total,
  };
}

export function makeAttempt(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number: 1,
    endpoint: exampleEndpoint("a"),
    startedAtMs: START_MS + 1,
    durationMs: 99,
    firstTokenMs: 99,
    outcome: { kind: "success" },
    httpStatus: 200,
    upstreamRequestId: "req-1",
    droppedParameters: [],
    streamed: true,
    upstreamModel: "",
    ...changes,
  };
}

/** A success at `a` of 100 ms, 100 tokens in and 10 out. */
export function makeResult(changes: Partial<CallResult> = {}, endpoint?: Endpoint): CallResult {
  const served = endpoint ?? exampleEndpoint("a");
  return {
    decision: examplePlan(served).decision,
    attempts: [makeAttempt({ endpoint: served })],
    error: undefined,
    partial: false,
    usage: someUsage,
    cost: costOf(changes.usage ?? someUsage, served.pricing, 0),
    timings: timingsOf(100),
    outputTokensPerSecond: 0,
    upstreamModel: "one-2026",
    ...changes,
  };
}

export function makeRefusal(changes: Partial<CallRefusal> = {}): CallRefusal {
  return {
    decision: undefined,
    attempts: [],
    error: new RouterError("model-not-found", "The catalogue has no model x."),
    timings: timingsOf(1),
    ...changes,
  };
}
