import type { CallRefusal, CompletionCall } from "../domain/call.ts";
import type { RouteDecision } from "../domain/plan.ts";
import { RouterError } from "../domain/router-error.ts";

/** Epoch milliseconds at the borders between the router's own stages. */
export type RefusalTimes = {
  readonly planStartedAtMs: number;
  /** Absent when there is no plan. */
  readonly plannedAtMs: number | undefined;
  readonly endedAtMs: number;
};

/** What a call came to whose plan or first attempt threw. Whatever is no `RouterError` is a defect. */
export function callRefusalOf(
  { receivedAtMs }: Pick<CompletionCall, "receivedAtMs">,
  thrown: unknown,
  decision: RouteDecision | undefined,
  { planStartedAtMs, plannedAtMs, endedAtMs }: RefusalTimes,
): CallRefusal {
  const total = endedAtMs - receivedAtMs;
  const plan = (plannedAtMs ?? endedAtMs) - planStartedAtMs;
  return {
    decision,
    attempts: [],
    error:
      thrown instanceof RouterError
        ? thrown
        : new RouterError("internal", "the router failed", { cause: thrown }),
    timings: {
      queue: 0,
      plan,
      failedAttempts: 0,
      upstreamFirstToken: 0,
      upstreamGeneration: 0,
      routerOverhead: total - plan,
      total,
    },
  };
}
