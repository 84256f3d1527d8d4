import type { AttemptRecord, CallRefusal, CallResult, Timings } from "../../../src/domain/call.ts";
import { SUCCESS } from "../../../src/domain/outcome.ts";
import type { RpcEnd } from "../../../src/domain/ports.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { Usage } from "../../../src/domain/usage.ts";
import { exampleEndpoint, examplePlan, exampleTrace } from "../../support/examples.ts";

/** When the calls of the examples were received. */
export const RECEIVED_AT_MS = 1_800_000_000_000;

export const endpoint = exampleEndpoint("acme/eu/one");

export const usage: Usage = {
  freshInput: 100,
  cacheRead: 20,
  cacheWrite: 3,
  visibleOutput: 50,
  reasoningOutput: 7,
  source: "provider",
};

export const timings: Timings = {
  queue: 0,
  plan: 1,
  failedAttempts: 0,
  upstreamFirstToken: 100,
  upstreamGeneration: 300,
  routerOverhead: 4,
  total: 405,
};

/** Begins 3 ms after receipt and answers for 400 ms. */
export function exampleAttempt(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number: 1,
    endpoint,
    startedAtMs: RECEIVED_AT_MS + 3,
    durationMs: 400,
    firstTokenMs: 100,
    outcome: SUCCESS,
    httpStatus: 200,
    upstreamRequestId: "r-1",
    droppedParameters: [],
    usage,
    streamed: true,
    upstreamModel: "one-2026",
    ...changes,
  };
}

/** Answered by the first endpoint after 405 ms. */
export function exampleResult(changes: Partial<CallResult> = {}): CallResult {
  return {
    decision: examplePlan(endpoint).decision,
    attempts: [exampleAttempt()],
    error: undefined,
    partial: false,
    usage,
    cost: { total: 1_234, input: 1_000, output: 234, cache: 0, request: 0 },
    timings,
    outputTokensPerSecond: 50,
    upstreamModel: "one-2026",
    ...changes,
  };
}

/** Nothing satisfied its policy; it took 6 ms, of which 2 were planning. */
export function exampleRefusal(changes: Partial<CallRefusal> = {}): CallRefusal {
  return {
    decision: undefined,
    attempts: [],
    error: new RouterError("no-eligible-endpoint", "nothing is left"),
    timings: {
      queue: 0,
      plan: 2,
      failedAttempts: 0,
      upstreamFirstToken: 0,
      upstreamGeneration: 0,
      routerOverhead: 4,
      total: 6,
    },
    ...changes,
  };
}

export function exampleRpcEnd(changes: Partial<RpcEnd> = {}): RpcEnd {
  return {
    system: "grpc",
    method: "atlas.v1.RouterService/Complete",
    trace: exampleTrace(),
    receivedAtMs: RECEIVED_AT_MS,
    endedAtMs: RECEIVED_AT_MS + 406,
    status: "OK",
    reason: undefined,
    callId: "00000000-0000-4000-8000-000000000001",
    peer: "10.0.0.7:40000",
    server: { host: "10.0.0.9", port: 50_051 },
    ...changes,
  };
}
