import type { Usage } from "./usage.ts";

/**
 * Prices and costs in whole nano-USD, so that sums are exact.
 *
 * An absent price is unknown. Unknown is never free: a cost that needs it is absent as well.
 */
export type Pricing = {
  readonly inputPerMtok: number | undefined;
  readonly outputPerMtok: number | undefined;
  /** Absent: cached input costs what fresh input costs. */
  readonly cacheReadPerMtok: number | undefined;
  /** Absent: writing the cache costs what fresh input costs. */
  readonly cacheWritePerMtok: number | undefined;
  /** Absent: reasoning costs what visible output costs. */
  readonly reasoningPerMtok: number | undefined;
  /** Fee per call. Absent: none. */
  readonly perRequest: number | undefined;
  /** Fee per input image on top of its tokens. Absent: none. */
  readonly perImage: number | undefined;
  /** Whole percent off in the provider's batch API; absent when it has none. */
  readonly batchDiscountPercent: number | undefined;
  /** Ascending by `minInputTokens`. */
  readonly tiers: readonly PricingTier[];
};

/** Replaces the base prices for calls with at least this many input tokens. */
export type PricingTier = {
  readonly minInputTokens: number;
  readonly inputPerMtok: number;
  readonly outputPerMtok: number;
  /** Absent: the base price holds. */
  readonly cacheReadPerMtok: number | undefined;
  /** Absent: the base price holds. */
  readonly cacheWritePerMtok: number | undefined;
};

/** Parts of a call's cost in nano-USD, each rounded half up. `total` is their sum. */
export type Cost = {
  /** `undefined` when a price that the call needs is unknown; then every part is 0. */
  readonly total: number | undefined;
  readonly input: number;
  readonly output: number;
  readonly cache: number;
  /** Fees per call and per image. */
  readonly request: number;
};

export const UNKNOWN_COST: Cost = { total: undefined, input: 0, output: 0, cache: 0, request: 0 };

/** `images` counts the images in the prompt. */
export function costOf(usage: Usage, pricing: Pricing, images: number): Cost {
  const { freshInput, cacheRead, cacheWrite, visibleOutput, reasoningOutput } = usage;
  const prices = pricesAt(pricing, freshInput + cacheRead + cacheWrite);
  const { inputPerMtok, outputPerMtok } = prices;
  if (inputPerMtok === undefined || outputPerMtok === undefined) {
    return UNKNOWN_COST;
  }
  const input = priceOf(freshInput, inputPerMtok);
  const cache =
    priceOf(cacheRead, prices.cacheReadPerMtok ?? inputPerMtok) +
    priceOf(cacheWrite, prices.cacheWritePerMtok ?? inputPerMtok);
  const output =
    priceOf(visibleOutput, outputPerMtok) +
    priceOf(reasoningOutput, prices.reasoningPerMtok ?? outputPerMtok);
  const request = (pricing.perRequest ?? 0) + images * (pricing.perImage ?? 0);
  return { total: input + output + cache + request, input, output, cache, request };
}

/** The prices that hold for a call with this many input tokens. */
export function pricesAt(pricing: Pricing, inputTokens: number): Pricing {
  if (pricing.tiers.length === 0) {
    return pricing;
  }
  const tier = pricing.tiers.findLast(({ minInputTokens }) => inputTokens >= minInputTokens);
  return tier === undefined
    ? pricing
    : {
        ...pricing,
        inputPerMtok: tier.inputPerMtok,
        outputPerMtok: tier.outputPerMtok,
        cacheReadPerMtok: tier.cacheReadPerMtok ?? pricing.cacheReadPerMtok,
        cacheWritePerMtok: tier.cacheWritePerMtok ?? pricing.cacheWritePerMtok,
      };
}

/** Nano-USD for `tokens` at nano-USD per million tokens, rounded half up. Exact at any size. */
export function priceOf(tokens: number, perMtok: number): number {
  const product = tokens * perMtok;
  return product <= Number.MAX_SAFE_INTEGER
    ? Math.floor((product + 500_000) / 1_000_000)
    : Number((BigInt(tokens) * BigInt(perMtok) + 500_000n) / 1_000_000n);
}
