import type { Endpoint } from "../domain/catalog.ts";
import type { Pricing } from "../domain/money.ts";

/** SHA-256 of the parts, one behind the other. */
export type Sha256 = (parts: readonly Uint8Array[]) => Uint8Array;

const DIGITS = 12;

/**
 * Stands for the prices of all endpoints: the first 12 hexadecimal digits of the SHA-256 of all of them.
 *
 * A count of changes says nothing to whoever did not count along: it begins anew in every process, and grows
 * with changes that leave the prices as they are. `endpoints` are sorted by id.
 */
export function priceVersionOf(endpoints: readonly Endpoint[], sha256: Sha256): string {
  const list = JSON.stringify(endpoints.map(({ id, pricing }) => [id, ...pricesOf(pricing)]));
  return Buffer.from(sha256([Buffer.from(list)]))
    .toString("hex")
    .slice(0, DIGITS);
}

/** In this order, which is part of every version: JSON writes `null` for what is not known. */
function pricesOf(pricing: Pricing): readonly unknown[] {
  return [
    pricing.inputPerMtok,
    pricing.outputPerMtok,
    pricing.cacheReadPerMtok,
    pricing.cacheWritePerMtok,
    pricing.reasoningPerMtok,
    pricing.perRequest,
    pricing.perImage,
    pricing.batchDiscountPercent,
    pricing.tiers.map((tier) => [
      tier.minInputTokens,
      tier.inputPerMtok,
      tier.outputPerMtok,
      tier.cacheReadPerMtok,
      tier.cacheWritePerMtok,
    ]),
  ];
}
