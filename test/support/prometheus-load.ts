import type { AttemptRecord, CallEnd, CompletionCall } from "../../src/domain/call.ts";
import type { Endpoint } from "../../src/domain/catalog.ts";
import { type Failure, type Outcome, SUCCESS } from "../../src/domain/outcome.ts";
import type { RouteDecision } from "../../src/domain/plan.ts";
import type { Observation, RpcEnd } from "../../src/domain/ports.ts";
import { RouterError, type RouterErrorCode } from "../../src/domain/router-error.ts";
import type { Usage } from "../../src/domain/usage.ts";
import {
  createMetrics,
  type Metrics,
  type MetricsOptions,
} from "../../src/metrics/create-metrics.ts";
import { exampleCatalog, exampleModel } from "./example-catalog.ts";
import {
  exampleCall,
  exampleEndpoint,
  examplePlan,
  exampleSpec,
  exampleTrace,
} from "./examples.ts";

export const startedAtMs = 1_800_000_000_000;

export const rpcMethods = [
  "atlas.v1.RouterService/Complete",
  "atlas.v1.RouterService/StreamComplete",
];

/** Two endpoints of `acme/one`, and a clock to move. */
export function exampleMetrics(changes: Partial<MetricsOptions> = {}) {
  const clock = { nowMs: startedAtMs };
  const endpoints = [exampleEndpoint("acme/eu/one"), exampleEndpoint("bolt/us/one")] as const;
  const catalog = exampleCatalog([exampleModel("acme/one", { aliases: ["one"] })], endpoints);
  const metrics = createMetrics({
    catalog: () => catalog,
    nowMs: () => clock.nowMs,
    providerName: (id) => id,
    rpcMethods,
    ...changes,
  });
  return { metrics, clock, endpoints, catalog };
}

const exampleUsage: Usage = {
  freshInput: 100,
  cacheRead: 20,
  cacheWrite: 0,
  visibleOutput: 40,
  reasoningOutput: 10,
  source: "provider",
};

export function failureOf(kind: Failure["kind"]): Failure {
  return { kind, message: "it failed" };
}

export function attemptAt(
  endpoint: Endpoint,
  outcome: Outcome = SUCCESS,
  changes: Partial<AttemptRecord> = {},
): AttemptRecord {
  return {
    number: 1,
    endpoint,
    startedAtMs,
    durationMs: 500,
    firstTokenMs: outcome.kind === "success" ? 100 : undefined,
    outcome,
    httpStatus: undefined,
    upstreamRequestId: undefined,
    droppedParameters: [],
    streamed: true,
    upstreamModel: "",
    ...changes,
  };
}

export function observationOf(
  attempt: AttemptRecord,
  changes: Partial<Observation> = {},
): Observation {
  const isAnswered = attempt.outcome.kind === "success";
  return {
    callId: "00000000-0000-4000-8000-000000000001",
    trace: exampleTrace(),
    attempt,
    endedAtMs: attempt.startedAtMs + attempt.durationMs,
    streamed: true,
    generationMs: isAnswered ? 390 : undefined,
    generatedTokens: isAnswered ? 40 : 0,
    usage: isAnswered ? exampleUsage : undefined,
    ...changes,
  };
}

/** How a call ended that these attempts were made for; `code` absent: well. */
export function callEndOf(
  attempts: readonly [AttemptRecord, ...AttemptRecord[]],
  changes: {
    readonly code?: RouterErrorCode;
    readonly costNanoUsd?: number | undefined;
    readonly decision?: Partial<RouteDecision>;
  } = {},
): CallEnd {
  const { code } = changes;
  const total = "costNanoUsd" in changes ? changes.costNanoUsd : 39_000;
  return {
    decision: { ...examplePlan(attempts[0].endpoint).decision, ...changes.decision },
    attempts,
    error: code === undefined ? undefined : new RouterError(code, "it failed"),
    partial: false,
    usage: exampleUsage,
    cost: { total, input: 0, output: 0, cache: 0, request: 0 },
    timings: {
      queue: 0,
      plan: 0.05,
      failedAttempts: attempts.length > 1 ? 200 : 0,
      upstreamFirstToken: 100,
      upstreamGeneration: 400,
      routerOverhead: 0.25,
      total: attempts.length > 1 ? 700.3 : 500.3,
    },
    outputTokensPerSecond: 100,
    upstreamModel: "one-2026-01-01",
  };
}

/** Refused before any plan. */
export function refusalOf(error: RouterError): CallEnd {
  return {
    decision: undefined,
    attempts: [],
    error,
    timings: {
      queue: 0,
      plan: 0.05,
      failedAttempts: 0,
      upstreamFirstToken: 0,
      upstreamGeneration: 0,
      routerOverhead: 0.25,
      total: 0.3,
    },
  };
}

export function callTo(model: string, changes: Partial<CompletionCall> = {}): CompletionCall {
  return exampleCall({ spec: exampleSpec({ model }), ...changes });
}

export function rpcEndOf(changes: Partial<RpcEnd> = {}): RpcEnd {
  return {
    system: "grpc",
    method: "atlas.v1.RouterService/Complete",
    trace: exampleTrace(),
    receivedAtMs: startedAtMs,
    endedAtMs: startedAtMs + 501,
    status: "OK",
    reason: undefined,
    callId: undefined,
    peer: "127.0.0.1:1234",
    ...changes,
  };
}

/**
 * Six calls: four answered at the first endpoint, one of them of unknown price and one of a kept trace;
 * one that fell back to the second; one that failed.
 */
export function playLoad(metrics: Metrics, [first, second]: readonly [Endpoint, Endpoint]): void {
  const kept = exampleTrace({ keep: true });
  for (const name of ["plain", "plain", "kept", "unpriced"]) {
    const attempt = attemptAt(first);
    const trace = name === "kept" ? kept : exampleTrace();
    metrics.observe(observationOf(attempt, { trace }));
    const cost = name === "unpriced" ? { costNanoUsd: undefined } : {};
    metrics.finished(callTo("acme/one", { trace }), callEndOf([attempt], cost));
    metrics.rpc(rpcEndOf({ trace }));
  }
  const failed = attemptAt(first, failureOf("overloaded"), { durationMs: 200 });
  const answered = attemptAt(second, SUCCESS, { number: 2 });
  metrics.observe(observationOf(failed));
  metrics.observe(observationOf(answered));
  metrics.finished(
    callTo("one"),
    callEndOf([failed, answered], { decision: { relaxations: ["panic"] } }),
  );
  metrics.rpc(rpcEndOf());
  metrics.observe(observationOf(failed));
  metrics.finished(callTo("acme/one"), callEndOf([failed], { code: "upstream-unavailable" }));
  metrics.rpc(rpcEndOf({ status: "UNAVAILABLE", reason: "UPSTREAM_UNAVAILABLE" }));
}
