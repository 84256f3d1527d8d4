import type { RoutingPolicy, Tier, Weights } from "../domain/policy.ts";
import type { Contender } from "./contender.ts";

type Exponents = { readonly [Name in keyof Weights]-?: number };

/**
 * Exponents of a call that names none.
 *
 * Standard: cost 10 turns a price 40 % above the cheapest into 1/29 of its weight and 5 % into 6/10;
 * latency and throughput decide near-ties of price only. Realtime: 8 on the predicted tail lets one that
 * is 9 % longer keep half of the best one's weight and one twice as long 1/256.
 */
export const tierExponents: Readonly<Record<Tier, Exponents>> = {
  standard: { cost: 10, latency: 1, throughput: 1, reliability: 0 },
  realtime: { cost: 0, latency: 8, throughput: 0, reliability: 0 },
};

/** Success is a divisor of price and time; below this, it would make one failing endpoint infinitely dear. */
const MIN_SUCCESS = 0.05;
/** Price of a free endpoint in medians of its group, so that free does not weigh infinitely. */
const FREE_IN_MEDIANS = 0.05;
/** No price is lower, so that ratios are finite where everything is free. Nano-USD. */
const MIN_PRICE = 1;

export function exponentsOf({ tier, weights }: RoutingPolicy): Exponents {
  const usual = tierExponents[tier];
  return {
    cost: weights.cost ?? usual.cost,
    latency: weights.latency ?? usual.latency,
    throughput: weights.throughput ?? usual.throughput,
    reliability: weights.reliability ?? usual.reliability,
  };
}

/** Expected number of tries until one answers. */
export function triesPerSuccess({ forecast }: Contender): number {
  return 1 / Math.max(forecast.success, MIN_SUCCESS);
}

/** Nano-USD that stand in for every lower price. */
export function priceFloor(contenders: readonly Contender[]): number {
  let lowest = Infinity;
  let highest = 0;
  for (const { price } of contenders) {
    lowest = Math.min(lowest, price);
    highest = Math.max(highest, price);
  }
  // The median is at most the highest price: where it cannot reach the lowest, sorting is spared.
  if (lowest >= FREE_IN_MEDIANS * highest) {
    return MIN_PRICE;
  }
  const prices = Float64Array.from(contenders, ({ price }) => price).sort();
  const median = prices[prices.length >> 1] as number; // not empty: `lowest` is below `highest`
  return Math.max(MIN_PRICE, FREE_IN_MEDIANS * median);
}

/**
 * `base ** exponent`. The usual exponents are whole, and a general power would cost a plan a tenth of its
 * time: whole ones are multiplied out.
 */
export function power(base: number, exponent: number): number {
  if (!Number.isInteger(exponent)) {
    return base ** exponent;
  }
  let result = 1;
  let square = base;
  for (let rest = Math.abs(exponent); rest > 0; rest >>= 1) {
    result *= (rest & 1) === 1 ? square : 1;
    square *= square;
  }
  return exponent < 0 ? 1 / result : result;
}

/** `value` within [1 / reach, reach]. */
export function clampRatio(value: number, reach: number): number {
  return Math.min(reach, Math.max(1 / reach, value));
}

/**
 * Repairs the weights of the group that is drawn from: what is not a number weighs nothing, and where
 * nothing weighs anything all weigh the same.
 */
export function repairWeights(contenders: readonly Contender[], lead: number): void {
  let sum = 0;
  for (const contender of contenders) {
    if (!(contender.weight > 0 && contender.weight < Infinity)) {
      contender.weight = 0;
    }
    sum += contender.group === lead ? contender.weight : 0;
  }
  if (sum > 0) {
    return;
  }
  for (const contender of contenders) {
    contender.weight = contender.group === lead ? 1 : contender.weight;
  }
}
