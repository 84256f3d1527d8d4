import { describe, expect, test } from "vitest";
import type { Weights } from "../../../src/domain/policy.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { nearnessOf, weighStandard } from "../../../src/plan/standard.ts";
import { contender, demand, forecast } from "./plan-fixture.ts";

type Draft = {
  readonly price: number;
  readonly success?: number;
  readonly ttft?: number;
  readonly tps?: number;
  readonly group?: number;
};

function contenders(drafts: readonly Draft[]): readonly Contender[] {
  return drafts.map(({ price, success = 1, ttft = 500, tps = 50, group = 0 }) => {
    const base = forecast("a", { success });
    const prediction = { ...base.prediction, firstTokenP50Ms: ttft, tokensPerSecond: tps };
    return contender("a", { price, group, weight: 0, forecast: { ...base, prediction } });
  });
}

function weighed(drafts: readonly Draft[], weights = none): readonly Contender[] {
  const all = contenders(drafts);
  weighStandard(all, 0, demand({ policy: { weights } }));
  return all;
}

const none: Weights = {
  cost: undefined,
  latency: undefined,
  throughput: undefined,
  reliability: undefined,
};

describe("weighStandard()", () => {
  test("takes the tenth power of price per success", () => {
    const [cheap, dear] = weighed([{ price: 1_000 }, { price: 2_000 }]);
    expect((dear?.weight ?? 0) / (cheap?.weight ?? 1)).toBeCloseTo(2 ** -10, 9);
    const [, failing] = weighed([{ price: 1_000 }, { price: 1_000, success: 0.5 }]);
    expect(failing?.ratio).toBeCloseTo(2, 9);
  });

  test("counts performance in full at equal price, half at 5 % and not from 10 % on", () => {
    const performance = (price: number) =>
      weighed([
        { price: 1_000, ttft: 800, tps: 10 },
        { price, ttft: 400, tps: 20 },
      ])[1]?.performance;
    expect(performance(1_000)).toBeCloseTo(4, 9);
    expect(performance(1_050)).toBeCloseTo(2, 9);
    expect(performance(1_100)).toBe(1);
  });

  test("lets one measure of performance count eight times at most", () => {
    const [, fast] = weighed([
      { price: 1_000, ttft: 50_000 },
      { price: 1_000, ttft: 50 },
    ]);
    expect(fast?.performance).toBe(8);
  });

  test("counts performance at every price when the caller names its exponent", () => {
    const drafts = [
      { price: 1_000, ttft: 800, tps: 10 },
      { price: 2_000, ttft: 400, tps: 40 },
    ];
    expect(weighed(drafts, { ...none, latency: 2 })[1]?.performance).toBeCloseTo(4, 9);
    expect(weighed(drafts, { ...none, throughput: 1 })[1]?.performance).toBeCloseTo(4, 9);
  });

  test("takes reliability as one more exponent of success", () => {
    const drafts = [{ price: 1_000 }, { price: 1_000, success: 0.5 }];
    const [, failing] = weighed(drafts, { cost: 0, latency: 0, throughput: 0, reliability: 3 });
    expect(failing?.weight).toBeCloseTo(0.125, 9);
  });

  test("gives weight back to the cheapest and its twin until the mean is 5 % above them", () => {
    const dearer = Array.from({ length: 20 }, () => ({ price: 1_080 }));
    const all = weighed([{ price: 1_000 }, { price: 1_000 }, ...dearer]);
    const sum = all.reduce((total, { weight }) => total + weight, 0);
    const mean = all.reduce((total, { weight, ratio }) => total + weight * ratio, 0) / sum;
    expect(mean).toBeCloseTo(1.05, 9);
    expect(all[0]?.weight).toBe(all[1]?.weight);
    expect(all[2]?.weight).toBeCloseTo(1.08 ** -10, 9);
  });

  test("gives nothing back to a later group", () => {
    const dearer = Array.from({ length: 20 }, () => ({ price: 1_080 }));
    const [later] = weighed([{ price: 1_000, group: 1 }, { price: 1_000 }, ...dearer]);
    expect(later?.weight).toBe(1);
  });

  test("leaves the mean alone when the caller names the exponent of cost", () => {
    const dearer = Array.from({ length: 20 }, () => ({ price: 1_080 }));
    const [cheap] = weighed([{ price: 1_000 }, ...dearer], { ...none, cost: 10 });
    expect(cheap?.weight).toBe(1);
  });

  test("measures from the first group and weighs the later ones in its units", () => {
    const [first, later] = weighed([{ price: 1_000 }, { price: 500, group: 1 }]);
    expect([first?.ratio, first?.weight]).toEqual([1, 1]);
    expect([later?.ratio, later?.weight]).toEqual([0.5, 1_024]);
    const [only] = weighed([
      ...Array.from({ length: 9 }, () => ({ price: 1_080, group: 1 })),
      { price: 1_000 },
    ]).slice(-1);
    expect(only?.weight).toBe(1);
  });
});

describe("nearnessOf()", () => {
  test("falls in a line from 1 at the cheapest to 0", () => {
    expect([0.9, 1, 1.05, 1.1, 2].map((ratio) => nearnessOf(ratio, 0.1))).toEqual([
      1,
      1,
      expect.closeTo(0.5, 9),
      expect.closeTo(0, 9),
      0,
    ]);
  });
});
