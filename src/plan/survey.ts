import type { Model } from "../domain/model.ts";
import { costOf, UNKNOWN_COST } from "../domain/money.ts";
import type { RejectionReason } from "../domain/plan.ts";
import type { Block, LiveView } from "../domain/score.ts";
import type { Availability } from "./availability.ts";
import { availabilityOf } from "./availability.ts";
import { type Contender, enter } from "./contender.ts";
import type { Demand } from "./demand.ts";
import type { Rule } from "./eligibility.ts";
import { hardRules, priceRules } from "./eligibility.ts";

/** One model's endpoints after hard and soft rules. */
export type Survey = {
  readonly model: Model;
  readonly roster: readonly Contender[];
  /** Passed every hard rule. */
  readonly contenders: readonly Contender[];
  /** Endpoints by the first hard rule that refused them. */
  readonly refused: ReadonlyMap<RejectionReason, number>;
  readonly availability: Availability;
};

/** The rules that this call can trip at all. */
export type ActiveRules = {
  readonly hard: readonly Rule[];
  readonly price: readonly Rule[];
};

export function activeRules(demand: Demand): ActiveRules {
  const applies = (rule: Rule) => rule.applies(demand);
  return { hard: hardRules.filter(applies), price: priceRules.filter(applies) };
}

export function surveyModel(
  model: Model,
  roster: readonly Contender[],
  { demand, rules, live }: { demand: Demand; rules: ActiveRules; live: LiveView },
): Survey {
  const contenders: Contender[] = [];
  const refused = new Map<RejectionReason, number>();
  for (const contender of roster) {
    const reason = refusalOf(contender, demand, rules, live);
    if (reason === undefined) {
      contenders.push(contender);
    } else {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    }
  }
  return { model, roster, contenders, refused, availability: availabilityOf(contenders) };
}

/** A block that only the operator ends: as hard as a rule, also in panic. */
export function isHardBlock(block: Block | undefined): boolean {
  return block?.reason === "credentials" || block?.reason === "misconfigured";
}

/** The first hard reason against the endpoint; without any, it enters. */
function refusalOf(
  contender: Contender,
  demand: Demand,
  rules: ActiveRules,
  view: LiveView,
): RejectionReason | undefined {
  const { endpoint } = contender.forecast;
  for (const rule of rules.hard) {
    if (rule.refuses(endpoint, demand, UNKNOWN_COST)) {
      return rule.reason;
    }
  }
  const cost = costOf(demand.usage, endpoint.pricing, demand.images);
  for (const rule of rules.price) {
    if (rule.refuses(endpoint, demand, cost)) {
      return rule.reason;
    }
  }
  const live = view.of(endpoint.id);
  const block = live?.block(demand.nowMs);
  if (block !== undefined && isHardBlock(block)) {
    return block.reason;
  }
  enter(contender, { live, block }, cost, demand);
  return undefined;
}
