/**
 * Realtime buys the shortest tail that can be predicted.
 *
 *     tail   = (ttft p95 + estimated output tokens / tokens per second) / success
 *     weight = (tail / shortest tail)^-latency
 *
 * The steep exponent sends nearly everything to a clear winner and still spreads near-ties, so that no
 * endpoint is herded. Price has no part in it unless the caller names an exponent for it.
 */
import type { Contender } from "./contender.ts";
import type { Demand } from "./demand.ts";
import { exponentsOf, power, priceFloor, triesPerSuccess } from "./weights.ts";

/** Sets the weight of every contender, in units of the shortest tail of group `lead`. */
export function weighRealtime(
  contenders: readonly Contender[],
  lead: number,
  { policy, outputTokens }: Demand,
): void {
  const { cost, latency, throughput, reliability } = exponentsOf(policy);
  const floor = priceFloor(contenders);
  let shortest = Infinity;
  for (const contender of contenders) {
    contender.ratio = tailMs(contender, outputTokens);
    shortest = contender.group === lead ? Math.min(shortest, contender.ratio) : shortest;
  }
  for (const contender of contenders) {
    const { prediction, success } = contender.forecast;
    contender.ratio /= shortest;
    contender.performance =
      power(contender.ratio, -latency) * power(prediction.tokensPerSecond, throughput);
    contender.weight =
      contender.performance *
      power(Math.max(contender.price, floor) * triesPerSuccess(contender), -cost) *
      power(success, reliability);
  }
}

function tailMs(contender: Contender, outputTokens: number): number {
  const { firstTokenP95Ms, tokensPerSecond } = contender.forecast.prediction;
  return (firstTokenP95Ms + (outputTokens / tokensPerSecond) * 1_000) * triesPerSuccess(contender);
}
