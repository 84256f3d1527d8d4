/**
 * Sends the calls of one session to one endpoint, whose prompt cache then holds their common prefix.
 *
 * Remembering who served a session would tie it to a replica. Rendezvous hashing needs no memory: every
 * replica gives each (session, endpoint) pair the same number, and the endpoint with the highest number
 * is preferred. When an endpoint goes away only its own sessions move; when it returns they come back.
 */
import type { Contender } from "./contender.ts";
import { hashOf, mix } from "./random.ts";
import { NEAR_TIE } from "./standard.ts";

/** Doubling the weight pays for a cached prefix and leaves a slower endpoint beatable. */
const FACTOR = 2;
/** A cached prefix saves less than this at the first token. */
const MAX_FIRST_TOKEN_PENALTY_MS = 5_000;

/**
 * Multiplies the weight of the session's endpoint. Only near-ties of group `lead` are preferred, so that
 * a session neither pays more nor waits longer for staying.
 */
export function preferSession(
  contenders: readonly Contender[],
  lead: number,
  sessionAffinityKey: string,
): void {
  if (sessionAffinityKey === "") {
    return;
  }
  const session = hashOf(sessionAffinityKey);
  let fastest = Infinity;
  for (const { group, forecast } of contenders) {
    fastest = group === lead ? Math.min(fastest, forecast.prediction.firstTokenP50Ms) : fastest;
  }
  let preferred: Contender | undefined;
  let highest = -1;
  for (const contender of contenders) {
    const { group, ratio, forecast } = contender;
    const rank = mix(session ^ forecast.hash);
    if (
      group === lead &&
      ratio <= 1 + NEAR_TIE &&
      forecast.prediction.firstTokenP50Ms <= fastest + MAX_FIRST_TOKEN_PENALTY_MS &&
      rank > highest
    ) {
      preferred = contender;
      highest = rank;
    }
  }
  if (preferred !== undefined) {
    preferred.affinity = FACTOR;
    preferred.weight *= FACTOR;
  }
}
