import type { Endpoint } from "../domain/catalog.ts";
import type { GateState } from "../domain/gate.ts";
import { costOf } from "../domain/money.ts";
import type { Candidate, Rejection } from "../domain/plan.ts";
import type { Block, LiveView } from "../domain/score.ts";
import type { Contender } from "./contender.ts";
import type { Demand } from "./demand.ts";
import { hardRules, missing, priceRules } from "./eligibility.ts";
import type { Forecast } from "./rank.ts";
import { isHardBlock, type Survey } from "./survey.ts";

/** Every endpoint of the survey with all its reasons. Costs more than the plan: not for the hot path. */
export function candidatesOf(
  { roster, contenders, availability }: Survey,
  demand: Demand,
  { live, shares }: { live: LiveView; shares: ReadonlyMap<Contender, number> },
): readonly Candidate[] {
  const entered = new Set(contenders);
  const usable = new Set("usable" in availability ? availability.usable : []);
  return roster.map((row) => {
    const { forecast } = row;
    const { endpoint } = forecast;
    const contender = entered.has(row) ? row : undefined;
    return {
      endpoint,
      eligible: contender !== undefined && usable.has(contender),
      rejections: rejectionsOf(endpoint, demand, contender, live),
      share: (contender && shares.get(contender)) ?? 0,
      terms: termsOf(forecast, contender),
      estimatedCost: costOf(demand.usage, endpoint.pricing, demand.images),
      gate: gateOf(endpoint, demand),
      band: contender?.band ?? 0,
      cold: contender?.cold ?? !forecast.known,
      droppedParameters: missing(endpoint, demand.parameters),
    };
  });
}

function rejectionsOf(
  endpoint: Endpoint,
  demand: Demand,
  contender: Contender | undefined,
  live: LiveView,
): readonly Rejection[] {
  const cost = costOf(demand.usage, endpoint.pricing, demand.images);
  const rejections: Rejection[] = [];
  for (const rule of [...hardRules, ...priceRules]) {
    if (rule.applies(demand) && rule.refuses(endpoint, demand, cost)) {
      rejections.push({
        reason: rule.reason,
        detail: rule.detail(endpoint, demand, cost),
        soft: false,
      });
    }
  }
  const block = contender?.block ?? live.of(endpoint.id)?.block(demand.nowMs);
  if (block !== undefined) {
    rejections.push({
      reason: block.reason,
      detail: blockText(block, demand.nowMs),
      soft: !isHardBlock(block),
    });
  }
  if (contender?.tooSlow) {
    rejections.push({
      reason: "too-slow-for-deadline",
      detail: `first token after about ${Math.round(contender.forecast.prediction.firstTokenP50Ms)} ms, ${Math.round(demand.remainingMs)} ms are left`,
      soft: true,
    });
  }
  return rejections;
}

function blockText({ reason, untilMs }: Block, nowMs: number): string {
  return untilMs === Infinity
    ? `${reason} until the operator acts`
    : `${reason} for ${Math.max(0, Math.round(untilMs - nowMs))} ms more`;
}

function gateOf(endpoint: Endpoint, { gates, policy }: Demand): GateState {
  return endpoint.native ? "native" : gates(policy.operation, endpoint);
}

/** Milliseconds, tokens per second and nano-USD; ratios and factors without unit. */
function termsOf(
  { prediction, success }: Forecast,
  contender: Contender | undefined,
): Readonly<Record<string, number>> {
  const expected = {
    firstTokenP50Ms: prediction.firstTokenP50Ms,
    firstTokenP95Ms: prediction.firstTokenP95Ms,
    tokensPerSecond: prediction.tokensPerSecond,
    success,
  };
  if (contender === undefined) {
    return expected;
  }
  const { price, ratio, performance, slowStart, affinity, weight } = contender;
  return { ...expected, price, ratio, performance, slowStart, affinity, weight };
}
