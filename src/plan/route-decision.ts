import type { EndpointId } from "../domain/endpoint.ts";
import { costOf } from "../domain/money.ts";
import type { Parameter } from "../domain/parameters.ts";
import type { PlanInput, PlannedEndpoint, Relaxation, RouteDecision } from "../domain/plan.ts";
import type { Arrangement } from "./arrange.ts";
import type { Contender } from "./contender.ts";
import type { Demand } from "./demand.ts";
import { missing } from "./eligibility.ts";
import { refusalText } from "./refusal-text.ts";
import { refusalsOf } from "./refusals.ts";
import type { Survey } from "./survey.ts";

/** How one decision came about. */
export type Deliberation = {
  readonly demand: Demand;
  /** Of the requested model and of every fallback model that was looked at. */
  readonly surveys: readonly Survey[];
  readonly chosen: Survey;
  /** Of the chosen model. */
  readonly arrangement: Arrangement;
  readonly order: readonly [Contender, ...Contender[]];
  readonly relaxations: readonly Relaxation[];
  readonly scoreAgeMs: number | undefined;
};

export function routeDecision(input: PlanInput, deliberation: Deliberation): RouteDecision {
  const { demand, order, relaxations, scoreAgeMs } = deliberation;
  const [first] = order;
  const { endpoint, prediction } = first.forecast;
  return {
    decisionId: input.decisionId,
    endpoint,
    tier: input.policy.tier,
    operation: input.policy.operation,
    fallbacks: fallbacksOf(order),
    estimatedCost: costOf(demand.usage, endpoint.pricing, demand.images),
    estimatedInputTokens: demand.inputTokens,
    estimatedOutputTokens: demand.outputTokens,
    prediction,
    catalogRevision: input.catalog.revision,
    priceVersion: input.catalog.priceVersion,
    scoreRevision: input.scores.revision,
    decidedAtMs: input.nowMs,
    scoreAgeMs,
    relaxations,
    explanation: sentenceOf(deliberation),
    droppedParameters: missing(endpoint, demand.parameters),
    refusals: refusalsOf(deliberation.surveys),
  };
}

export function toPlanned(
  { forecast: { endpoint, prediction } }: Contender,
  parameters: readonly Parameter[],
): PlannedEndpoint {
  return { endpoint, prediction, droppedParameters: missing(endpoint, parameters) };
}

function fallbacksOf(order: readonly Contender[]): readonly EndpointId[] {
  const ids: EndpointId[] = [];
  for (let index = 1; index < order.length; index += 1) {
    ids.push((order[index] as Contender).forecast.endpoint.id);
  }
  return ids;
}

/**
 * Written for every decision though few are read: a getter in its place would give each decision a hidden
 * class of its own, which costs more than these few concatenations.
 */
function sentenceOf({ demand, chosen, arrangement, order, relaxations }: Deliberation): string {
  const { policy } = demand;
  const [first] = order;
  let sentence = `${policy.tier}: ${first.forecast.endpoint.id}`;
  if (arrangement.kind === "panic") {
    sentence += "; none takes calls at this moment and this one may recover at the soonest";
  } else {
    const share = Math.round((100 * first.weight) / arrangement.drawn);
    sentence += `, drawn with ${share} % among ${arrangement.usable.length} of ${chosen.roster.length} endpoints, ${standing(first, arrangement.lead, demand)}`;
  }
  for (const [reason, count] of chosen.refused) {
    sentence += `; ${refusalText(reason, count, policy.operation)}`;
  }
  for (const relaxation of relaxations) {
    sentence += relaxationTexts[relaxation];
  }
  return sentence;
}

const relaxationTexts: Readonly<Record<Relaxation, string>> = {
  panic: "",
  "too-slow": "; none is expected to begin before the deadline",
  "stale-scores": "; scores are too old to be used",
  "fallback-model": "; the requested model has no endpoint left",
};

function standing({ ratio, group }: Contender, lead: number, { policy }: Demand): string {
  if (group !== lead) {
    return "to learn whether it has recovered";
  }
  const percent = Math.round(100 * (ratio - 1));
  const measure = policy.tier === "realtime" ? "predicted tail" : "cost per successful call";
  return percent <= 0 ? `lowest ${measure}` : `${percent} % above the lowest ${measure}`;
}
