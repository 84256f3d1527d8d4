import type { CallEvent, CallResult, CompletionCall } from "../../src/domain/call.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import type { RouteExplanation } from "../../src/domain/plan.ts";
import type { RouteRequest, Router } from "../../src/domain/ports.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import type { Usage } from "../../src/domain/usage.ts";
import { exampleEndpoint, examplePlan } from "./examples.ts";

/** Runs one call: emits what it likes and returns how the call ended. */
export type CallScript = (call: CompletionCall) => Promise<CallResult>;

export type ScriptedRouter = Router & {
  /** Every call in order. */
  readonly calls: readonly CompletionCall[];
  readonly plans: readonly RouteRequest[];
};

export const exampleUsage: Usage = {
  freshInput: 8,
  cacheRead: 0,
  cacheWrite: 0,
  visibleOutput: 3,
  reasoningOutput: 0,
  source: "provider",
};

/** A router without planner and upstream. By default it answers "Hello, world!" in two deltas. */
export function scriptedRouter(
  script: CallScript = answers("Hello, ", "world!"),
  explain: (request: RouteRequest) => RouteExplanation = explainExample,
): ScriptedRouter {
  const calls: CompletionCall[] = [];
  const plans: RouteRequest[] = [];
  return {
    calls,
    plans,
    route(request) {
      plans.push(request);
      return explain(request);
    },
    complete(call) {
      calls.push(call);
      return script(call);
    },
  };
}

/** Emits `started`, the events, and ends well. */
export function emits(...events: readonly CallEvent[]): CallScript {
  return async (call) => {
    call.emit({ kind: "started", decision: decisionOf(call) });
    for (const event of events) {
      call.emit(event);
    }
    return exampleResult(call);
  };
}

/** One text in pieces, then the end of the choice. */
export function answers(...texts: readonly string[]): CallScript {
  return emits(...texts.map((text) => ({ kind: "text-delta", choice: 0, text }) as const), {
    kind: "choice-end",
    choice: 0,
    reason: "stop",
    rawReason: "stop",
    stopSequence: "",
  });
}

/** Ends with the error after the events. */
export function fails(error: RouterError, ...events: readonly CallEvent[]): CallScript {
  return async (call) => {
    call.emit({ kind: "started", decision: decisionOf(call) });
    for (const event of events) {
      call.emit(event);
    }
    return exampleResult(call, {
      error,
      usage: { ...exampleUsage, source: "partial" },
      attempts: [attemptOf({ kind: "server-error", message: "boom" })],
    });
  };
}

/** Starts, says nothing more, and ends only by the signal, with its reason. */
export function hangs(): CallScript {
  return (call) => {
    call.emit({ kind: "started", decision: decisionOf(call) });
    return new Promise((resolve) => {
      const end = () => {
        const reason: unknown = call.signal.reason;
        const error =
          reason instanceof RouterError
            ? reason
            : new RouterError("canceled", "The caller has gone.");
        resolve(exampleResult(call, { error }));
      };
      if (call.signal.aborted) {
        end();
      } else {
        call.signal.addEventListener("abort", end);
      }
    });
  };
}

export function exampleResult(call: CompletionCall, changes: Partial<CallResult> = {}): CallResult {
  return {
    decision: decisionOf(call),
    attempts: [attemptOf({ kind: "success" })],
    error: undefined,
    partial: false,
    usage: exampleUsage,
    cost: { total: 3_000, input: 1_200, output: 1_800, cache: 0, request: 0 },
    timings: {
      queue: 0,
      plan: 1,
      failedAttempts: 0,
      upstreamFirstToken: 100,
      upstreamGeneration: 50,
      routerOverhead: 1,
      total: 152,
    },
    outputTokensPerSecond: 40,
    upstreamModel: "one-2026",
    ...changes,
  };
}

export function explainExample({ decisionId, policy }: RouteRequest): RouteExplanation {
  const endpoint = exampleEndpoint("acme/eu/one");
  const plan = examplePlan(endpoint);
  return {
    plan: {
      ...plan,
      decision: {
        ...plan.decision,
        decisionId,
        tier: policy.tier,
        operation: policy.operation,
        estimatedCost: { total: 250, input: 100, output: 150, cache: 0, request: 0 },
      },
    },
    candidates: [
      {
        endpoint,
        eligible: true,
        rejections: [],
        share: 1,
        terms: { cost: 1.5 },
        estimatedCost: { total: 250, input: 100, output: 150, cache: 0, request: 0 },
        gate: "native",
        band: 0,
        cold: false,
        droppedParameters: [],
      },
    ],
    effectivePolicy: policy,
  };
}

function decisionOf({ id, policy }: CompletionCall) {
  const { decision } = examplePlan(exampleEndpoint("acme/eu/one"));
  return { ...decision, decisionId: id, tier: policy.tier, operation: policy.operation };
}

function attemptOf(outcome: Outcome): CallResult["attempts"][0] {
  return {
    number: 1,
    endpoint: exampleEndpoint("acme/eu/one"),
    startedAtMs: 1_800_000_000_000,
    durationMs: 150,
    firstTokenMs: 100,
    outcome,
    httpStatus: 200,
    upstreamRequestId: "req-1",
    droppedParameters: [],
    streamed: true,
    upstreamModel: "",
  };
}
