import { describe, expect, test } from "vitest";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import {
  clampRatio,
  exponentsOf,
  power,
  priceFloor,
  repairWeights,
  tierExponents,
  triesPerSuccess,
} from "../../../src/plan/weights.ts";
import { contender, forecast } from "./plan-fixture.ts";

function floorOf(...prices: readonly number[]): number {
  return priceFloor(prices.map((price) => contender("a", { price })));
}

function repaired(...weights: readonly number[]): readonly number[] {
  const contenders: Contender[] = weights.map((weight) => contender("a", { weight }));
  repairWeights(contenders, 0);
  return contenders.map(({ weight }) => weight);
}

describe("exponentsOf()", () => {
  test("takes the tier's exponent where the caller names none", () => {
    expect(exponentsOf(defaultPolicy)).toEqual(tierExponents.standard);
    expect(exponentsOf({ ...defaultPolicy, tier: "realtime" })).toEqual(tierExponents.realtime);
    const weights = { ...defaultPolicy.weights, latency: 0, reliability: 3 };
    expect(exponentsOf({ ...defaultPolicy, weights })).toEqual({
      cost: 10,
      latency: 0,
      throughput: 1,
      reliability: 3,
    });
  });
});

describe("triesPerSuccess()", () => {
  test("is the inverse of success, at most 20", () => {
    const tries = (success: number) =>
      triesPerSuccess(contender("a", { forecast: forecast("a", { success }) }));
    expect([tries(1), tries(0.5), tries(0.05), tries(0)]).toEqual([1, 2, 20, 20]);
  });
});

describe("priceFloor()", () => {
  test("is a twentieth of the median, and at least one nano-USD", () => {
    expect(floorOf(0, 1_000, 2_000)).toBe(50);
    expect(floorOf(0, 0, 2_000)).toBe(1);
    expect(floorOf(0, 0)).toBe(1);
  });

  test("is not worked out where it cannot matter", () => {
    expect(floorOf(100, 1_000, 2_000)).toBe(1);
  });
});

describe("power()", () => {
  test("raises to whole and to broken exponents of either sign", () => {
    const bases = [0.3, 1, 1.7, 40];
    const exponents = [-16, -10, -1.5, -1, 0, 0.5, 1, 2, 7, 8, 16];
    for (const base of bases) {
      for (const exponent of exponents) {
        expect(power(base, exponent) / base ** exponent).toBeCloseTo(1, 12);
      }
    }
    expect(power(0, 0)).toBe(1);
  });
});

describe("clampRatio()", () => {
  test("keeps a ratio within the reach either way", () => {
    expect([clampRatio(100, 8), clampRatio(0.001, 8), clampRatio(2, 8)]).toEqual([8, 0.125, 2]);
  });
});

describe("repairWeights()", () => {
  test("lets what is not a number weigh nothing", () => {
    expect(repaired(1, Number.NaN, Infinity, -1)).toEqual([1, 0, 0, 0]);
  });

  test("weighs all alike where nothing weighs anything", () => {
    expect(repaired(Number.NaN, 0)).toEqual([1, 1]);
  });

  test("looks at the first group only when it decides that nothing weighs anything", () => {
    const first = contender("a", { weight: 0 });
    const later = contender("b", { weight: 5, group: 1 });
    repairWeights([first, later], 0);
    expect([first.weight, later.weight]).toEqual([1, 5]);
  });
});
