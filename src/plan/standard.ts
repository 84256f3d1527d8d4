/**
 * Standard buys the cheapest answer.
 *
 * An inverse square of price, the usual rule, pays 1.35 times the cheapest at prices 1, 2, 3 and cannot
 * tell two endpoints of one price apart. So price per successful call of this size carries a steep
 * exponent, and performance decides where prices nearly tie:
 *
 *     ratio  = costPerSuccess / cheapest costPerSuccess of the group
 *     near   = 1 at the cheapest, falling to 0 at 10 % above it
 *     weight = ratio^-cost * ((tps / slowest tps)^throughput * (slowest ttft / ttft)^latency)^near
 *
 * Performance is measured from the slowest of the group and not from the cheapest: it then is never a
 * penalty, so that getting cheaper, faster or healthier never lowers an endpoint's share. Measured from
 * the cheapest, a fast endpoint would lose its lead over a third one in the moment it became the cheapest.
 *
 * Many slightly dearer endpoints together could still outweigh the cheapest. The last step therefore
 * returns weight to the endpoints within 1 % of the cheapest until the mean cost per success is at most
 * 5 % above the cheapest: a bound for every set of endpoints, not an average over likely ones.
 *
 * An exponent that the caller names is used as it is: performance then counts at every price, and with a
 * named cost exponent the bound is off.
 */
import type { Contender } from "./contender.ts";
import type { Demand } from "./demand.ts";
import { clampRatio, exponentsOf, power, priceFloor, triesPerSuccess } from "./weights.ts";

/** Prices further apart than this are no tie. */
export const NEAR_TIE = 0.1;
/** Most that one measure of performance moves a near-tie. */
const NEAR_TIE_REACH = 8;
/** Most that it moves the weight when the caller asked for it: 8 either way of a middle. */
const ASKED_REACH = 64;
/** Mean cost per success in units of the cheapest. */
const MAX_MEAN_RATIO = 1.05;
/** Who is as good as the cheapest when weight goes back to it, so that twins share it. */
const TWIN = 0.01;

/** Sets the weight of every contender, in units of the cheapest of group `lead`. */
export function weighStandard(
  contenders: readonly Contender[],
  lead: number,
  { policy }: Demand,
): void {
  const { cost, latency, throughput, reliability } = exponentsOf(policy);
  const asked = policy.weights;
  const floor = priceFloor(contenders);
  const { cheapest, slowestFirstToken, slowestRate } = extremesOf(contenders, lead, floor);
  for (const contender of contenders) {
    const { prediction, success } = contender.forecast;
    const ratio = costPerSuccess(contender, floor) / cheapest;
    const near = nearnessOf(ratio, NEAR_TIE);
    const firstToken = slowestFirstToken / prediction.firstTokenP50Ms;
    const rate = prediction.tokensPerSecond / slowestRate;
    // One general power for both measures: it is the dearest step of a plan.
    const unasked =
      (asked.latency === undefined ? power(clampRatio(firstToken, NEAR_TIE_REACH), latency) : 1) *
      (asked.throughput === undefined ? power(clampRatio(rate, NEAR_TIE_REACH), throughput) : 1);
    contender.ratio = ratio;
    contender.performance =
      power(unasked, near) *
      (asked.latency === undefined ? 1 : power(clampRatio(firstToken, ASKED_REACH), latency)) *
      (asked.throughput === undefined ? 1 : power(clampRatio(rate, ASKED_REACH), throughput));
    contender.weight = power(ratio, -cost) * contender.performance * power(success, reliability);
  }
  if (asked.cost === undefined) {
    boundMean(contenders, lead);
  }
}

/** 1 at the cheapest, falling in a line to 0 at `width` above it. */
export function nearnessOf(ratio: number, width: number): number {
  return Math.min(1, Math.max(0, 1 - (ratio - 1) / width));
}

function costPerSuccess(contender: Contender, floor: number): number {
  return Math.max(contender.price, floor) * triesPerSuccess(contender);
}

function extremesOf(contenders: readonly Contender[], lead: number, floor: number) {
  let cheapest = Infinity;
  let slowestFirstToken = 0;
  let slowestRate = Infinity;
  for (const contender of contenders) {
    if (contender.group === lead) {
      const { firstTokenP50Ms, tokensPerSecond } = contender.forecast.prediction;
      cheapest = Math.min(cheapest, costPerSuccess(contender, floor));
      slowestFirstToken = Math.max(slowestFirstToken, firstTokenP50Ms);
      slowestRate = Math.min(slowestRate, tokensPerSecond);
    }
  }
  return { cheapest, slowestFirstToken, slowestRate };
}

function boundMean(contenders: readonly Contender[], lead: number): void {
  let excess = 0;
  let room = 0;
  for (const { group, ratio, weight } of contenders) {
    if (group === lead) {
      const twin = weight * nearnessOf(ratio, TWIN);
      excess += weight * (ratio - MAX_MEAN_RATIO);
      room += twin * (MAX_MEAN_RATIO - ratio);
    }
  }
  if (!(excess > 0)) {
    return;
  }
  for (const contender of contenders) {
    if (contender.group === lead) {
      contender.weight *= 1 + (excess * nearnessOf(contender.ratio, TWIN)) / room;
    }
  }
}
