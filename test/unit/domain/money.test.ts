import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  costOf,
  type Pricing,
  priceOf,
  pricesAt,
  UNKNOWN_COST,
} from "../../../src/domain/money.ts";
import type { Usage } from "../../../src/domain/usage.ts";
import { exampleEndpoint } from "../../support/examples.ts";

const { pricing } = exampleEndpoint("a");
const usage: Usage = {
  freshInput: 1_000_000,
  cacheRead: 0,
  cacheWrite: 0,
  visibleOutput: 1_000_000,
  reasoningOutput: 0,
  source: "provider",
};

describe("priceOf()", () => {
  test("is exact for the cheapest published price", () => {
    expect(priceOf(1, 2_800_000)).toBe(3);
    expect(priceOf(10, 2_800_000)).toBe(28);
  });

  test("rounds half up", () => {
    expect(priceOf(1, 500_000)).toBe(1);
    expect(priceOf(1, 499_999)).toBe(0);
  });

  test("agrees with exact arithmetic at any size", () => {
    const amount = fc.integer({ min: 0, max: 1e12 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e8 }), amount, (tokens, perMtok) => {
        const exact = (BigInt(tokens) * BigInt(perMtok) + 500_000n) / 1_000_000n;
        expect(priceOf(tokens, perMtok)).toBe(Number(exact));
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });
});

describe("costOf()", () => {
  test("adds up its parts", () => {
    const cost = costOf(usage, { ...pricing, perRequest: 7, perImage: 5 }, 2);
    expect(cost).toEqual({
      total: 750_000_017,
      input: 150_000_000,
      output: 600_000_000,
      cache: 0,
      request: 17,
    });
  });

  test.each(["inputPerMtok", "outputPerMtok"] as const)(
    "is unknown without %s, never free",
    (name) => {
      expect(costOf(usage, { ...pricing, [name]: undefined }, 0)).toBe(UNKNOWN_COST);
    },
  );

  test("prices cache and reasoning like input and output unless they have prices of their own", () => {
    const mixed: Usage = {
      ...usage,
      freshInput: 0,
      cacheRead: 1_000_000,
      cacheWrite: 1_000_000,
      visibleOutput: 0,
      reasoningOutput: 1_000_000,
    };
    expect(costOf(mixed, pricing, 0)).toMatchObject({ cache: 300_000_000, output: 600_000_000 });
    const own: Pricing = {
      ...pricing,
      cacheReadPerMtok: 1,
      cacheWritePerMtok: 2_000_000,
      reasoningPerMtok: 3_000_000,
    };
    expect(costOf(mixed, own, 0)).toMatchObject({ cache: 2_000_001, output: 3_000_000 });
  });

  test("charges the tier that the whole input reaches", () => {
    const tiered: Pricing = {
      ...pricing,
      cacheReadPerMtok: 9,
      cacheWritePerMtok: 8,
      tiers: [
        {
          minInputTokens: 200,
          inputPerMtok: 2,
          outputPerMtok: 3,
          cacheReadPerMtok: undefined,
          cacheWritePerMtok: undefined,
        },
        {
          minInputTokens: 400,
          inputPerMtok: 4,
          outputPerMtok: 5,
          cacheReadPerMtok: 6,
          cacheWritePerMtok: 7,
        },
      ],
    };
    expect(pricesAt(tiered, 199)).toBe(tiered);
    expect(pricesAt(tiered, 200)).toMatchObject({
      inputPerMtok: 2,
      outputPerMtok: 3,
      cacheReadPerMtok: 9,
      cacheWritePerMtok: 8,
    });
    expect(pricesAt(tiered, 400)).toMatchObject({
      inputPerMtok: 4,
      outputPerMtok: 5,
      cacheReadPerMtok: 6,
      cacheWritePerMtok: 7,
    });
  });
});
