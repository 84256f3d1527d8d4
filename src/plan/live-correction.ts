/**
 * Moves a call off an endpoint that this replica sees to be struggling at this moment.
 *
 * Plain "power of two choices" takes the less loaded of two draws. Pools have two to eight endpoints, so
 * it would compare the same pair on nearly every call and cancel the preference for price: two calls in
 * flight against none would always send the third to the dearer one. So the draw stands unless the first
 * is clearly worse, or hot while the second is not.
 */
import type { Contender } from "./contender.ts";

/** The first must be this many times as loaded. */
const CLEARLY_WORSE = 2;
/** Load of an endpoint that answers at half of its predicted tail: less is no reason to move. */
const MIN_LOAD = 0.5;
/** Utilization at which an endpoint is hot: Prequal's quantile of calls in flight. */
const HOT = 0.84;

/** What this replica feels of one endpoint. */
export type Pressure = {
  /** Group and weight of the draw. */
  readonly group: number;
  readonly weight: number;
  /** Time to first token in predicted tails, as felt with the calls in flight; 1 is the expected tail. */
  readonly load: number;
  /** Calls in flight as a part of the limit. */
  readonly utilization: number;
};

export function pressureOf({ group, weight, live, forecast }: Contender, nowMs: number): Pressure {
  const { firstTokenP50Ms, firstTokenP95Ms } = forecast.prediction;
  const utilization = live === undefined ? 0 : live.inflight / Math.max(1, live.limit);
  const measured = live?.firstTokenEwmaMs(nowMs) ?? firstTokenP50Ms;
  // Whoever hangs is felt before its calls time out.
  const felt = Math.max(measured, live?.waitingMs(nowMs) ?? 0);
  return { group, weight, load: (felt / firstTokenP95Ms) * (1 + utilization), utilization };
}

/** False: `shouldSwap` holds for it and no other endpoint. */
export function mayYield({ load, utilization }: Pressure): boolean {
  return load > CLEARLY_WORSE * MIN_LOAD || utilization > HOT;
}

/** Whether `second` should be called before `first`, the two best of one draw. */
export function shouldSwap(first: Pressure, second: Pressure): boolean {
  if (first.group !== second.group || second.weight === 0) {
    return false;
  }
  return (
    first.load > CLEARLY_WORSE * Math.max(second.load, MIN_LOAD) ||
    (first.utilization > HOT && second.utilization <= HOT)
  );
}
