import type { Endpoint } from "../domain/catalog.ts";
import type { GateState } from "../domain/gate.ts";
import { costOf } from "../domain/money.ts";
import type { Candidate, Rejection } from "../domain/plan.ts";
import type { Block } from "../domain/score.ts";
import type { Contender } from "./contender.ts";
import type { Demand } from "./demand.ts";
import { missing, type Rule } from "./eligibility.ts";
import type { Forecast } from "./rank.ts";
import { activeRules, isHardBlock, type Survey } from "./survey.ts";

/** Every endpoint of the survey with all its reasons. Costs more than the plan: not for the hot path. */
export function candidatesOf(
  { roster, contenders, availability }: Survey,
  demand: Demand,
  shares: ReadonlyMap<Contender, number>,
): readonly Candidate[] {
  const entered = new Set(contenders);
  const usable = new Set("usable" in availability ? availability.usable : []);
  const { hard, price } = activeRules(demand);
  const rules = [...hard, ...price];
  return roster.map((row) => {
    const { forecast } = row;
    const { endpoint } = forecast;
    const contender = entered.has(row) ? row : undefined;
    const estimatedCost = costOf(demand.usage, endpoint.pricing, demand.images);
    return {
      endpoint,
      eligible: contender !== undefined && usable.has(contender),
      rejections: [
        ...refusalsOf(endpoint, demand, { rules, cost: estimatedCost.total }),
        ...blocksOf(row, demand),
        ...(contender?.tooSlow ? [lateness(contender, demand)] : []),
      ],
      share: (contender && shares.get(contender)) ?? 0,
      terms: termsOf(forecast, contender),
      estimatedCost,
      gate: gateOf(endpoint, demand),
      band: contender?.band ?? 0,
      cold: contender?.cold ?? !forecast.known,
      droppedParameters: missing(endpoint, demand.parameters),
    };
  });
}

function refusalsOf(
  endpoint: Endpoint,
  demand: Demand,
  { rules, cost }: { readonly rules: readonly Rule[]; readonly cost: number | undefined },
): readonly Rejection[] {
  return rules
    .filter((rule) => rule.refuses(endpoint, demand, cost))
    .map(({ reason, detail }) => ({
      reason,
      detail: detail(endpoint, demand, cost),
      soft: false,
    }));
}

/** Of an endpoint that a rule refused as well. */
function blocksOf({ live }: Contender, { nowMs }: Demand): readonly Rejection[] {
  const block = live?.block(nowMs);
  return block === undefined
    ? []
    : [{ reason: block.reason, detail: blockText(block, nowMs), soft: !isHardBlock(block) }];
}

function lateness({ forecast }: Contender, { remainingMs }: Demand): Rejection {
  const firstTokenMs = Math.round(forecast.prediction.firstTokenP50Ms);
  return {
    reason: "too-slow-for-deadline",
    detail: `first token after about ${firstTokenMs} ms, ${Math.round(remainingMs)} ms are left`,
    soft: true,
  };
}

function blockText({ reason, untilMs }: Block, nowMs: number): string {
  return untilMs === Infinity
    ? `${reason} until the operator acts`
    : `${reason} for ${Math.max(0, Math.round(untilMs - nowMs))} ms more`;
}

function gateOf(endpoint: Endpoint, { gates, policy }: Demand): GateState {
  return endpoint.native ? "native" : gates(policy.operation, endpoint);
}

/** What was expected of the endpoint, and the factors that made its weight; names as in the API. */
function termsOf(
  { prediction, success }: Forecast,
  contender: Contender | undefined,
): Readonly<Record<string, number>> {
  const expected = {
    first_token_p50_ms: prediction.firstTokenP50Ms,
    first_token_p95_ms: prediction.firstTokenP95Ms,
    tokens_per_second: prediction.tokensPerSecond,
    success,
  };
  if (contender === undefined) {
    return expected;
  }
  const { price, ratio, performance, slowStart, affinity, weight } = contender;
  return {
    ...expected,
    price_nano_usd: price,
    cost_ratio: ratio,
    performance,
    slow_start: slowStart,
    affinity,
    weight,
  };
}
