import { type AttemptPorts, attemptPlan } from "./attempt/attempt-plan.ts";
import { callRefusalOf } from "./attempt/call-refusal.ts";
import { callResultOf } from "./attempt/call-result.ts";
import type { CallResult } from "./domain/call.ts";
import type { CatalogSnapshot } from "./domain/catalog.ts";
import type { GateView } from "./domain/gate.ts";
import type { RoutePlan } from "./domain/plan.ts";
import type { RoutingPolicy } from "./domain/policy.ts";
import type { CallSink, RouteRequest, Router } from "./domain/ports.ts";
import type { LiveView, ScoreSnapshot } from "./domain/score.ts";
import { narrowPolicy } from "./plan/effective-policy.ts";
import { createPlanner } from "./plan/plan-route.ts";

/** What a router reads anew for every call, so that a reload takes effect between two calls. */
export type RouterPorts = {
  readonly catalog: () => CatalogSnapshot;
  readonly scores: () => ScoreSnapshot;
  readonly live: LiveView;
  readonly gates: GateView;
  /** The operator's policy: requests can only narrow it. */
  readonly policy: () => RoutingPolicy;
  readonly attempt: AttemptPorts;
  readonly finished: CallSink;
};

/** The whole life of a call: plan, attempt, observe, score. */
export function createRouter(ports: RouterPorts): Router {
  const { nowMs } = ports.attempt;
  const planner = createPlanner();

  function planInput(
    { spec, policy, deadlineMs }: Omit<RouteRequest, "decisionId">,
    decisionId: string,
    atMs: number,
  ) {
    return {
      spec,
      policy: narrowPolicy(ports.policy(), policy),
      decisionId,
      catalog: ports.catalog(),
      scores: ports.scores(),
      live: ports.live,
      gates: ports.gates,
      nowMs: atMs,
      remainingMs: deadlineMs - atMs,
    };
  }

  return {
    route: (request) => planner.explain(planInput(request, request.decisionId, nowMs())),

    async complete(asked) {
      const planStartedAtMs = nowMs();
      let plannedAtMs: number | undefined;
      let call = asked;
      let plan: RoutePlan | undefined;
      let result: CallResult;
      try {
        const input = planInput(asked, asked.id, planStartedAtMs);
        call = { ...asked, policy: input.policy };
        plan = planner.plan(input);
        plannedAtMs = nowMs();
        call.emit({ kind: "started", decision: plan.decision });
        const end = await attemptPlan(plan, call, ports.attempt);
        const times = { planStartedAtMs, plannedAtMs, endedAtMs: nowMs() };
        result = callResultOf(call, plan, end, times);
      } catch (error) {
        const times = { planStartedAtMs, plannedAtMs, endedAtMs: nowMs() };
        ports.finished(call, callRefusalOf(call, error, plan?.decision, times));
        throw error;
      }
      ports.finished(call, result);
      return result;
    },
  };
}
