/**
 * What the soft rules leave, and what happens when they leave nothing.
 *
 * - ready: some endpoint takes calls.
 * - panic: none does, so a wrong breaker or cooldown is the only hope; soonest to recover first.
 * - saturated: none does, but one only because it is full. It works, so waiting helps and panic would
 *   send the overflow to broken ones.
 * - empty: no endpoint passed the hard rules.
 */
import type { Contender } from "./contender.ts";
import { recoveryMs } from "./pick.ts";

export type Availability =
  | {
      readonly kind: "ready";
      readonly usable: readonly Contender[];
      /** Nothing is expected to answer before the deadline, so all are kept. */
      readonly tooSlow: boolean;
    }
  | { readonly kind: "panic"; readonly usable: readonly Contender[] }
  | { readonly kind: "saturated"; readonly untilMs: number }
  | { readonly kind: "empty" };

/** Breakers leave at least this part of the endpoints that pass the hard rules. */
const MIN_AVAILABLE = 0.5;

export function availabilityOf(contenders: readonly Contender[]): Availability {
  if (contenders.length === 0) {
    return { kind: "empty" };
  }
  if (contenders.every(isReady)) {
    return { kind: "ready", usable: contenders, tooSlow: false };
  }
  const open = contenders.filter(({ block }) => block === undefined);
  return open.length === 0 ? unavailable(contenders) : partlyAvailable(contenders, open);
}

function isReady({ block, tooSlow }: Contender): boolean {
  return block === undefined && !tooSlow;
}

function partlyAvailable(
  contenders: readonly Contender[],
  open: readonly Contender[],
): Availability {
  const inTime = open.filter(({ tooSlow }) => !tooSlow);
  const tooSlow = inTime.length === 0;
  return {
    kind: "ready",
    usable: [...(tooSlow ? open : inTime), ...keptFromBreakers(contenders)],
    tooSlow,
  };
}

/** Soonest to recover first: what breakers have removed beyond their part. */
function keptFromBreakers(contenders: readonly Contender[]): readonly Contender[] {
  const broken = contenders.filter(isBroken);
  const allowed = Math.floor(contenders.length * (1 - MIN_AVAILABLE));
  return broken
    .sort((left, right) => recoveryMs(left) - recoveryMs(right))
    .slice(0, Math.max(0, broken.length - allowed));
}

function unavailable(contenders: readonly Contender[]): Availability {
  const full = contenders.filter(isFull);
  if (full.length > 0 && keptFromBreakers(contenders).length === 0) {
    return { kind: "saturated", untilMs: Math.min(...full.map(recoveryMs)) };
  }
  return { kind: "panic", usable: contenders.filter((contender) => !isFull(contender)) };
}

function isBroken({ block }: Contender): boolean {
  return block?.reason === "breaker-open";
}

function isFull({ block }: Contender): boolean {
  return block?.reason === "at-concurrency-limit";
}
