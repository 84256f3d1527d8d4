/**
 * In which order groups of endpoints are tried. Sampling weighs endpoints inside one group; no weight,
 * however large, lifts an endpoint over a better group.
 *
 * Keys, strongest first:
 * 1. wishes for speed (`preferredMaxFirstTokenMs`, `preferredMinTokensPerSecond`): who misses one comes
 *    after everybody who meets them;
 * 2. health: stable, degraded in the last 30 s or above its learnt limit, recovering, still refused by
 *    its breaker;
 * 3. `providerOrder`: a listed provider that is failing at this moment waits behind a sound one, since
 *    the order is a wish and the caller wants an answer.
 */
import type { RoutingPolicy } from "../domain/policy.ts";
import type { LiveState } from "../domain/score.ts";
import type { Contender } from "./contender.ts";
import type { Forecast } from "./rank.ts";

const STABLE = 0;
const DEGRADED = 1;
const RECOVERING = 2;
/** Shown as band 2 as well. */
const REFUSED = 3;
const MISSES_WISH = 3;
const HEALTH_LEVELS = 4;

/** Sets `band` and `group` of every contender. Returns the group that is tried first. */
export function assignBands(contenders: readonly Contender[], policy: RoutingPolicy): number {
  const ranks = policy.providerOrder.length + 1;
  const someProven = contenders.some(isProven);
  let lead = Infinity;
  for (const contender of contenders) {
    const health = healthOf(contender, someProven);
    const misses = missesWish(contender.forecast, policy);
    contender.band = misses ? MISSES_WISH : Math.min(health, RECOVERING);
    contender.group =
      ((misses ? HEALTH_LEVELS : 0) + health) * ranks + rankOf(contender.forecast, policy);
    lead = Math.min(lead, contender.group);
  }
  return lead;
}

/**
 * Marks who takes a small share of the calls meant for `lead` in order to become known: its own cold
 * endpoints, and recovering ones with no call in flight.
 */
export function admitExplorers(
  contenders: readonly Contender[],
  lead: number,
  { providerOrder }: RoutingPolicy,
): void {
  const ranks = providerOrder.length + 1;
  const health = Math.floor(lead / ranks) % HEALTH_LEVELS;
  // The same wishes and the same place in the caller's order: exploration is not worth breaking those.
  const recovering = lead + (RECOVERING - health) * ranks;
  for (const contender of contenders) {
    contender.explores =
      contender.group === lead
        ? contender.cold
        : contender.group === recovering && health < RECOVERING && contender.live?.inflight === 0;
  }
}

function healthOf({ live, block, cold, forecast }: Contender, someProven: boolean): number {
  if (block !== undefined) {
    return REFUSED;
  }
  if (live?.breaker === "half-open") {
    return RECOVERING;
  }
  if (forecast.degraded || isOverLimit(live)) {
    return DEGRADED;
  }
  // One call at a time until it is known, or a bad newcomer would take many calls down with it. Where
  // nobody is known the limit would stop a freshly started router.
  return cold && someProven && (live?.inflight ?? 0) > 0 ? RECOVERING : STABLE;
}

/** A limit that was learnt from pushback is a guess, so it moves calls elsewhere and refuses none. */
function isOverLimit(live: LiveState | undefined): boolean {
  return live !== undefined && live.inflight >= live.limit;
}

function isProven({ live, block, cold, forecast }: Contender): boolean {
  return !cold && block === undefined && live?.breaker !== "half-open" && !forecast.degraded;
}

function missesWish(
  { prediction }: Forecast,
  { preferredMaxFirstTokenMs, preferredMinTokensPerSecond }: RoutingPolicy,
): boolean {
  return (
    prediction.firstTokenP50Ms > (preferredMaxFirstTokenMs ?? Infinity) ||
    prediction.tokensPerSecond < (preferredMinTokensPerSecond ?? 0)
  );
}

function rankOf({ endpoint }: Forecast, { providerOrder }: RoutingPolicy): number {
  if (providerOrder.length === 0) {
    return 0;
  }
  const rank = providerOrder.indexOf(endpoint.provider.id);
  return rank === -1 ? providerOrder.length : rank;
}
