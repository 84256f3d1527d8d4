import type { Endpoint } from "../domain/catalog.ts";
import type { ScoreSnapshot } from "../domain/score.ts";

/**
 * The endpoint with the highest throughput p95, the fast end; ties go to the first in order. Absent
 * while none that is switched on has one: too few samples are neither fast nor slow.
 */
export function fastestEndpoint(
  endpoints: readonly Endpoint[],
  { scores }: Pick<ScoreSnapshot, "scores">,
): Endpoint | undefined {
  let fastest: Endpoint | undefined;
  let highest = 0;
  for (const endpoint of endpoints) {
    const p95 = scores.get(endpoint.id)?.tokensPerSecond.p95 ?? 0;
    if (endpoint.enabled && p95 > highest) {
      fastest = endpoint;
      highest = p95;
    }
  }
  return fastest;
}
