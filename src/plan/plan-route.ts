/**
 * Decides where a call goes: hard rules, soft rules, weights by tier, a draw.
 *
 * Everything is decided by the input. The draw is seeded by the decision's id, so a logged decision can be
 * replayed, and `plan` and `explain` run the same functions on the same input and cannot disagree.
 */
import type { Model } from "../domain/model.ts";
import type {
  PlanInput,
  PlannedEndpoint,
  Relaxation,
  RouteExplanation,
  RoutePlan,
} from "../domain/plan.ts";
import { RouterError } from "../domain/router-error.ts";
import { MAX_SCORE_AGE_MS } from "../domain/score.ts";
import type { Usable } from "./arrange.ts";
import { arrange, sharesOf } from "./arrange.ts";
import { candidatesOf } from "./candidates.ts";
import { type Contender, createRosters, type Rosters } from "./contender.ts";
import { demandOf } from "./demand.ts";
import { createOldScores } from "./old-scores.ts";
import { MAX_ORDER } from "./pick.ts";
import { createRandom } from "./random.ts";
import { type Deliberation, routeDecision, toPlanned } from "./route-decision.ts";
import { routeFailure } from "./route-failure.ts";
import { createActiveRules, type Survey, surveyModel } from "./survey.ts";

export type Planner = {
  /** Throws a `RouterError`. */
  plan(input: PlanInput): RoutePlan;
  /** The same plan with the reasons for and against every endpoint. Throws a `RouterError`. */
  explain(input: PlanInput): RouteExplanation;
};

/**
 * Keeps what depends only on the catalogue and the scores between calls, for as long as the caller keeps
 * those snapshots. It changes no decision. Not re-entrant: live states and gates must not call back.
 */
export function createPlanner(): Planner {
  const kept: Kept = {
    rosters: createRosters(),
    activeRules: createActiveRules(),
    oldScores: createOldScores(),
  };
  return {
    plan(input) {
      return toPlan(input, deliberate(input, kept));
    },
    explain(input) {
      const deliberation = deliberate(input, kept);
      const { demand, surveys, chosen, arrangement } = deliberation;
      const shares = sharesOf(arrangement, input.nowMs);
      return {
        plan: toPlan(input, deliberation),
        candidates: surveys.flatMap((survey) =>
          candidatesOf(survey, demand, survey === chosen ? shares : new Map()),
        ),
        effectivePolicy: input.policy,
      };
    },
  };
}

type Kept = {
  readonly rosters: Rosters;
  readonly activeRules: ReturnType<typeof createActiveRules>;
  readonly oldScores: ReturnType<typeof createOldScores>;
};

function deliberate(input: PlanInput, { rosters, activeRules, oldScores }: Kept): Deliberation {
  const models = modelsOf(input);
  const demand = demandOf(input);
  const { windowEndMs } = input.scores;
  const scoreAgeMs = windowEndMs === 0 ? undefined : Math.max(0, input.nowMs - windowEndMs);
  const stale = (scoreAgeMs ?? 0) > MAX_SCORE_AGE_MS;
  const scores = stale ? oldScores(input.scores) : input.scores;
  const rules = activeRules(demand);
  const from = { catalog: input.catalog, scores, live: input.live };
  const surveys = models.map((model) => surveyModel(model, rosters(model.id, from), demand, rules));

  const chosen = surveys.find(isReady) ?? surveys.find(isUsable);
  if (chosen === undefined) {
    throw routeFailure(surveys, demand);
  }
  const random = createRandom(input.decisionId);
  const arrangement = arrange(chosen.availability, demand, random);
  const order: [Contender, ...Contender[]] = [...arrangement.order];
  for (let index = surveys.indexOf(chosen) + 1; index < surveys.length; index += 1) {
    const next = surveys[index] as Survey;
    if (isReady(next)) {
      order.push(...arrange(next.availability, demand, random).order);
    }
  }
  order.length = Math.min(order.length, input.policy.disableFallbacks ? 1 : MAX_ORDER);
  return {
    demand,
    surveys,
    chosen,
    arrangement,
    order,
    relaxations: relaxationsOf(chosen, { stale, requested: surveys[0] === chosen }),
    scoreAgeMs,
  };
}

/** The requested model and then its fallbacks, each once. A fallback that nobody knows is passed over. */
function modelsOf({ spec, policy, catalog }: PlanInput): readonly Model[] {
  const requested = catalog.model(spec.model);
  if (requested === undefined) {
    throw new RouterError("model-not-found", `no model is called ${JSON.stringify(spec.model)}`, {
      metadata: { model: spec.model },
    });
  }
  if (policy.disableFallbacks || policy.fallbackModels.length === 0) {
    return [requested];
  }
  return [
    ...new Set([requested, ...policy.fallbackModels.flatMap((name) => catalog.model(name) ?? [])]),
  ];
}

type UsableSurvey = Survey & { readonly availability: Usable };

function isUsable(survey: Survey): survey is UsableSurvey {
  return isReady(survey) || survey.availability.kind === "panic";
}

function isReady(survey: Survey): survey is UsableSurvey {
  return survey.availability.kind === "ready";
}

function relaxationsOf(
  { availability }: UsableSurvey,
  { stale, requested }: { readonly stale: boolean; readonly requested: boolean },
): readonly Relaxation[] {
  const relaxations: Relaxation[] = [];
  if (availability.kind === "panic") {
    relaxations.push("panic");
  } else if (availability.tooSlow) {
    relaxations.push("too-slow");
  }
  if (stale) {
    relaxations.push("stale-scores");
  }
  if (!requested) {
    relaxations.push("fallback-model");
  }
  return relaxations;
}

function toPlan(input: PlanInput, deliberation: Deliberation): RoutePlan {
  const { demand, order } = deliberation;
  const { parameters } = demand;
  const planned: [PlannedEndpoint, ...PlannedEndpoint[]] = [toPlanned(order[0], parameters)];
  for (let index = 1; index < order.length; index += 1) {
    planned.push(toPlanned(order[index] as Contender, parameters));
  }
  return { decision: routeDecision(input, deliberation), order: planned };
}
