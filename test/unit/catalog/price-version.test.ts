import { describe, expect, test } from "vitest";
import { priceVersionOf } from "../../../src/catalog/price-version.ts";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { Pricing } from "../../../src/domain/money.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { builtFrom, leastWith, mergedOf } from "./catalog-fixtures.ts";

const base = exampleEndpoint("a").pricing;
const full: Pricing = {
  inputPerMtok: 1,
  outputPerMtok: 2,
  cacheReadPerMtok: 3,
  cacheWritePerMtok: 4,
  reasoningPerMtok: 5,
  perRequest: 6,
  perImage: 7,
  batchDiscountPercent: 8,
  tiers: [
    {
      minInputTokens: 9,
      inputPerMtok: 10,
      outputPerMtok: 11,
      cacheReadPerMtok: 12,
      cacheWritePerMtok: 13,
    },
  ],
};
const versionOf = (...endpoints: readonly Endpoint[]) => priceVersionOf(endpoints, sha256);
const priced = (pricing: Pricing, id = "a") => exampleEndpoint(id, { pricing });

describe("priceVersionOf()", () => {
  test("is the same in every process and release", () => {
    expect(versionOf(priced(full), priced(base, "b"))).toBe("22bf5380d6f0");
  });

  test("changes with every price and nothing else", () => {
    const versions = new Set([versionOf(priced(full))]);
    const [tier] = full.tiers;
    const changed: readonly Pricing[] = [
      ...Object.entries(full).flatMap(([key, value]) =>
        typeof value === "number"
          ? [
              { ...full, [key]: value + 100 },
              { ...full, [key]: undefined },
            ]
          : [],
      ),
      ...Object.entries(tier ?? {}).map(([key, value]) => ({
        ...full,
        tiers: [{ ...tier, [key]: (value ?? 0) + 100 } as Pricing["tiers"][number]],
      })),
      { ...full, tiers: [] },
    ];
    for (const pricing of changed) {
      versions.add(versionOf(priced(pricing)));
    }
    expect(versions.size).toBe(1 + 2 * 8 + 5 + 1);
    expect(versionOf(exampleEndpoint("a", { pricing: full, enabled: false, regions: [] }))).toBe(
      versionOf(priced(full)),
    );
  });

  test("tells a price of one endpoint from the same of another", () => {
    expect(versionOf(priced(full, "b"))).not.toBe(versionOf(priced(full)));
    expect(versionOf(priced(full), priced(base, "b"))).not.toBe(
      versionOf(priced(base), priced(full, "b")),
    );
  });

  test("is that of a catalogue, however often it was built and whatever else changed", () => {
    const built = (changes: object) =>
      builtFrom(
        mergedOf(leastWith("endpoints", { price: { input: "1", output: "2" }, ...changes })),
      ).priceVersion;
    const version = built({});
    expect(version).toMatch(/^[\da-f]{12}$/);
    expect(built({ maxConcurrency: 3 })).toBe(version);
    expect(built({ price: { input: "1", output: "3" } })).not.toBe(version);
  });
});
