import type { RoutingPolicy } from "../domain/policy.ts";
import type { Random } from "../domain/ports.ts";
import { preferSession } from "./affinity.ts";
import type { Availability } from "./availability.ts";
import { admitExplorers, assignBands } from "./bands.ts";
import type { Contender } from "./contender.ts";
import type { Demand } from "./demand.ts";
import { mayYield, pressureOf, shouldSwap } from "./live-correction.ts";
import { draw, raiseExplorers, soonestFirst } from "./pick.ts";
import { weighRealtime } from "./realtime.ts";
import { weighStandard } from "./standard.ts";
import { repairWeights } from "./weights.ts";

/** Usable endpoints of one model, in the order to try them, with what the order was drawn from. */
export type Arrangement = {
  readonly kind: Usable["kind"];
  readonly order: readonly [Contender, ...Contender[]];
  readonly usable: readonly Contender[];
  /** The group that was drawn from. */
  readonly lead: number;
  /** Sum of the weights in the draw. */
  readonly drawn: number;
};

export type Usable = Extract<Availability, { kind: "ready" | "panic" }>;

/** Weighs by tier and draws. `usable` is not empty; its contenders keep the terms of their weights. */
export function arrange({ kind, usable }: Usable, demand: Demand, random: Random): Arrangement {
  const { policy } = demand;
  const lead = assignBands(usable, policy);
  if (kind === "panic") {
    const order = soonestFirst(usable);
    for (const contender of order) {
      contender.weight = contender === order[0] ? 1 : 0;
    }
    return { kind, order: filled(order), usable, lead, drawn: 1 };
  }
  (policy.tier === "realtime" ? weighRealtime : weighStandard)(usable, lead, demand);
  for (const contender of usable) {
    contender.weight *= contender.slowStart;
  }
  preferSession(usable, lead, policy.sessionAffinityKey);
  repairWeights(usable, lead);
  if (mayExplore(policy)) {
    admitExplorers(usable, lead, policy);
  }
  const drawn = raiseExplorers(usable, lead);
  const order = corrected(draw(usable, lead, random), demand.nowMs);
  return { kind, order: filled(order), usable, lead, drawn };
}

/**
 * Probability of each usable contender to be called first, live correction included. They add up to 1.
 * Looks at the whole group again for each endpoint under pressure: for `explain` only.
 */
export function sharesOf(
  { kind, usable, lead, drawn, order }: Arrangement,
  nowMs: number,
): ReadonlyMap<Contender, number> {
  if (kind === "panic") {
    return new Map([[order[0], 1]]);
  }
  const entries = usable.map((contender) => ({
    contender,
    pressure: pressureOf(contender, nowMs),
    share: contender.group === lead || contender.explores ? contender.weight / drawn : 0,
  }));
  const members = entries.filter(({ contender }) => contender.group === lead);
  const sum = members.reduce((total, { contender }) => total + contender.weight, 0);
  for (const first of members.filter(({ pressure }) => mayYield(pressure))) {
    for (const second of members) {
      if (shouldSwap(first.pressure, second.pressure)) {
        // Drawn first, and the other one second among the rest of the group.
        const { weight } = first.contender;
        const both = ((weight / drawn) * second.contender.weight) / (sum - weight);
        first.share -= both;
        second.share += both;
      }
    }
  }
  return new Map(entries.map(({ contender, share }) => [contender, share]));
}

/** An exploring call may fail, so it must be one that can be tried elsewhere and that may wait for it. */
function mayExplore({ priority, maxAttempts, disableFallbacks }: RoutingPolicy): boolean {
  return priority !== "critical" && maxAttempts > 1 && !disableFallbacks;
}

function corrected(order: readonly Contender[], nowMs: number): readonly Contender[] {
  const first = order[0];
  const second = order[1];
  return first !== undefined &&
    second !== undefined &&
    shouldSwap(pressureOf(first, nowMs), pressureOf(second, nowMs))
    ? [second, first, ...order.slice(2)]
    : order;
}

/** An availability with usable contenders has at least one. */
function filled(order: readonly Contender[]): readonly [Contender, ...Contender[]] {
  return order as readonly [Contender, ...Contender[]];
}
