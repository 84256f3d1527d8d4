/**
 * Draws the order in which endpoints are tried: the first by its weight, and each next one by its weight
 * among the rest.
 *
 * One pass of weighted sampling without replacement (A-Res, Efraimidis and Spirakis 2006): the endpoint with
 * the smallest `-ln(U) / weight` comes first. That is the order of `U^(1/weight)` without its underflow
 * at small weights. Groups are never mixed; an exploring endpoint may only take the first place.
 */
import type { Random } from "../domain/ports.ts";
import type { Contender } from "./contender.ts";

/** Three are called at most; the others stand by for those that meanwhile take no more calls. */
export const MAX_ORDER = 8;

/** Of the calls of a group, for all its endpoints together that nobody knows enough of. */
const EXPLORATION = 0.01;

/**
 * An endpoint this many times worse than the best explores less in proportion, so that exploration costs
 * at most 3 % of the mean whatever its price is.
 */
const FULL_EXPLORATION_RATIO = 3;

/**
 * Raises exploring contenders to an equal part of the exploration share and returns the sum of weights in
 * the draw.
 */
export function raiseExplorers(contenders: readonly Contender[], lead: number): number {
  let sum = 0;
  let explorers = 0;
  for (const { group, weight, explores } of contenders) {
    sum += group === lead ? weight : 0;
    explorers += explores ? 1 : 0;
  }
  if (explorers === 0) {
    return sum;
  }
  // So large that the share holds although the sum grows by it.
  const part = ((EXPLORATION / (1 - EXPLORATION)) * sum) / explorers;
  for (const contender of contenders) {
    if (contender.explores) {
      const own = contender.group === lead ? contender.weight : 0;
      contender.weight = Math.max(
        own,
        part * Math.min(1, FULL_EXPLORATION_RATIO / contender.ratio),
      );
      sum += contender.weight - own;
    }
  }
  return sum;
}

/** At most `MAX_ORDER` contenders in the order to try them. */
export function draw(
  contenders: readonly Contender[],
  lead: number,
  random: Random,
): readonly Contender[] {
  const order: Contender[] = [];
  let best = Infinity;
  let probe: Contender | undefined;
  for (const contender of contenders) {
    const uniform = random();
    // -ln(U) is at least 1 - U: most of many contenders are out without their logarithm.
    if (!contender.explores && isFull(order, contender, (1 - uniform) / contender.weight)) {
      continue;
    }
    contender.key = -Math.log(uniform) / contender.weight;
    if (contender.key < best && (contender.group === lead || contender.explores)) {
      best = contender.key;
      probe = contender.group === lead ? undefined : contender;
    }
    insert(order, contender, precedes);
  }
  return probe === undefined
    ? order
    : [probe, ...order.filter((contender) => contender !== probe)].slice(0, MAX_ORDER);
}

/** At most `MAX_ORDER` contenders, the one that may recover at the soonest first. */
export function soonestFirst(contenders: readonly Contender[]): readonly Contender[] {
  const order: Contender[] = [];
  for (const contender of contenders) {
    insert(order, contender, recoversBefore);
  }
  return order;
}

/** Epoch milliseconds; 0 for an endpoint that is not blocked. */
export function recoveryMs({ block }: Contender): number {
  return block?.untilMs ?? 0;
}

/** Whether the order has no place for a contender whose key is at least `leastKey`. */
function isFull(order: readonly Contender[], { group }: Contender, leastKey: number): boolean {
  const last = order[MAX_ORDER - 1];
  return (
    last !== undefined && (group > last.group || (group === last.group && leastKey >= last.key))
  );
}

function precedes(left: Contender, right: Contender): boolean {
  return left.group === right.group ? left.key < right.key : left.group < right.group;
}

function recoversBefore(left: Contender, right: Contender): boolean {
  return recoveryMs(left) < recoveryMs(right);
}

/** Keeps the best `MAX_ORDER` in order: most of many contenders fall out without moving any. */
function insert(
  order: Contender[],
  contender: Contender,
  before: (left: Contender, right: Contender) => boolean,
): void {
  let position = order.length;
  if (position === MAX_ORDER) {
    position -= 1;
    if (!before(contender, order[position] as Contender)) {
      return;
    }
  }
  while (position > 0 && before(contender, order[position - 1] as Contender)) {
    order[position] = order[position - 1] as Contender;
    position -= 1;
  }
  order[position] = contender;
}
