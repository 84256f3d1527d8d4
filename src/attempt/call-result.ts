import type { AttemptRecord, CallResult, CompletionCall, Timings } from "../domain/call.ts";
import { type Cost, costOf, UNKNOWN_COST } from "../domain/money.ts";
import type { RoutePlan } from "../domain/plan.ts";
import { RouterError } from "../domain/router-error.ts";
import { tokensPerSecondOf } from "../domain/throughput.ts";
import { countImages } from "../domain/token-estimate.ts";
import { isBilled, outputTokensOf } from "../domain/usage.ts";
import type { PlanEnd } from "./attempt-plan.ts";
import { callErrorOf } from "./call-error.ts";

/** Epoch milliseconds at the borders between the router's own stages. */
export type CallTimes = {
  readonly planStartedAtMs: number;
  readonly plannedAtMs: number;
  readonly endedAtMs: number;
};

const NO_COST: Cost = { total: 0, input: 0, output: 0, cache: 0, request: 0 };

/** What a call came to, from the way it was walked. */
export function callResultOf(
  call: CompletionCall,
  plan: RoutePlan,
  end: PlanEnd,
  times: CallTimes,
): CallResult {
  const { last, attempts } = end;
  const { usage, committed } = last;
  const error = errorOf(call, end);
  const unpaid = error !== undefined && !isBilled(last.record);
  const images = countImages(call.spec);
  return {
    decision: plan.decision,
    attempts: attempts.length === 1 ? attempts : withGivenUpCosts(attempts, images),
    error,
    partial: error !== undefined && committed,
    usage: error === undefined ? usage : { ...usage, source: "partial" },
    cost: unpaid ? NO_COST : costOf(usage, last.record.endpoint.pricing, images),
    timings: timingsOf(call, end, times),
    outputTokensPerSecond: tokensPerSecondOf(last.generationMs, last.generatedTokens) ?? 0,
    upstreamModel: last.record.upstreamModel,
  };
}

/** An attempt may be billed although another one followed. */
function withGivenUpCosts(
  attempts: CallResult["attempts"],
  images: number,
): CallResult["attempts"] {
  const last = attempts.length - 1;
  const told = attempts.map((attempt, at) =>
    at === last || !isBilled(attempt)
      ? attempt
      : { ...attempt, givenUpCost: givenUpCostOf(attempt, images) },
  );
  // As many as there were.
  return told as [AttemptRecord, ...AttemptRecord[]];
}

/** Unknown where none of its tokens could be counted. */
function givenUpCostOf({ usage, endpoint }: AttemptRecord, images: number): Cost {
  return usage === undefined ? UNKNOWN_COST : costOf(usage, endpoint.pricing, images);
}

/**
 * Whoever ended the call through its signal says why; otherwise the last attempt does. It is no
 * `canceled` one when the call was ended because its time was up.
 */
function errorOf(
  call: CompletionCall,
  { failure, attempts, last }: PlanEnd,
): RouterError | undefined {
  if (failure === undefined) {
    return undefined;
  }
  const { reason } = call.signal;
  if (failure.kind === "canceled" && reason instanceof RouterError) {
    return reason;
  }
  return callErrorOf(failure, {
    attempts,
    endpoint: last.record.endpoint.id,
    committed: last.committed,
    outputTokens: outputTokensOf(last.usage),
  });
}

/** The parts are measured apart and the router's own share is what is left, so they always add up. */
function timingsOf(
  call: CompletionCall,
  { attempts, last, waitedMs, failure }: PlanEnd,
  times: CallTimes,
): Timings {
  const { record, committed } = last;
  const answered = failure === undefined || committed;
  const total = times.endedAtMs - call.receivedAtMs;
  const plan = times.plannedAtMs - times.planStartedAtMs;
  const firstStartMs = attempts[0].startedAtMs;
  const answerMs = answered ? record.durationMs : 0;
  const failedAttempts =
    record.startedAtMs + record.durationMs - answerMs - firstStartMs - waitedMs;
  const upstreamFirstToken = answered ? (record.firstTokenMs ?? record.durationMs) : 0;
  const upstreamGeneration = answerMs - upstreamFirstToken;
  return {
    queue: 0,
    plan,
    failedAttempts,
    upstreamFirstToken,
    upstreamGeneration,
    routerOverhead: total - plan - failedAttempts - upstreamFirstToken - upstreamGeneration,
    total,
  };
}
