import type { Model } from "../domain/model.ts";
import type { RejectionReason } from "../domain/plan.ts";
import type { Block } from "../domain/score.ts";
import type { Availability } from "./availability.ts";
import { availabilityOf } from "./availability.ts";
import { type Contender, enter } from "./contender.ts";
import { type Demand, estimatedTotal } from "./demand.ts";
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

/** The same, and calls that can trip the same rules get the same lists. */
export function createActiveRules(): (demand: Demand) => ActiveRules {
  /** By the rules that apply, a bit for each. */
  const known = new Map<number, ActiveRules>();
  return (demand) => {
    let bits = 0;
    for (const rule of hardRules) {
      bits = 2 * bits + (rule.applies(demand) ? 1 : 0);
    }
    for (const rule of priceRules) {
      bits = 2 * bits + (rule.applies(demand) ? 1 : 0);
    }
    let rules = known.get(bits);
    if (rules === undefined) {
      rules = activeRules(demand);
      known.set(bits, rules);
    }
    return rules;
  };
}

export function surveyModel(
  model: Model,
  roster: readonly Contender[],
  demand: Demand,
  rules: ActiveRules,
): Survey {
  const contenders: Contender[] = [];
  let refused: Map<RejectionReason, number> | undefined;
  for (const contender of roster) {
    const reason = refusalOf(contender, demand, rules);
    if (reason === undefined) {
      contenders.push(contender);
    } else {
      refused ??= new Map();
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    }
  }
  return {
    model,
    roster,
    contenders,
    refused: refused ?? NONE,
    availability: availabilityOf(contenders),
  };
}

/** Of every model whose endpoints all enter. */
const NONE: ReadonlyMap<RejectionReason, number> = new Map();

const hardBlocks: ReadonlySet<Block["reason"]> = new Set([
  "credentials",
  "quota-exhausted",
  "misconfigured",
]);

/** A block that the operator has to end: as hard as a rule, also in panic. */
export function isHardBlock(block: Block | undefined): boolean {
  return block !== undefined && hardBlocks.has(block.reason);
}

/** The first hard reason against the endpoint; without any, it enters. */
function refusalOf(
  contender: Contender,
  demand: Demand,
  rules: ActiveRules,
): RejectionReason | undefined {
  const { endpoint } = contender.forecast;
  for (const rule of rules.hard) {
    if (rule.refuses(endpoint, demand, undefined)) {
      return rule.reason;
    }
  }
  const total = estimatedTotal(demand, endpoint.pricing);
  for (const rule of rules.price) {
    if (rule.refuses(endpoint, demand, total)) {
      return rule.reason;
    }
  }
  const block = contender.live?.block(demand.nowMs);
  if (block !== undefined && isHardBlock(block)) {
    return block.reason;
  }
  // The price rules refuse an unknown one.
  enter(contender, block, total as number, demand);
  return undefined;
}
