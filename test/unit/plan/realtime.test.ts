import { describe, expect, test } from "vitest";
import type { Weights } from "../../../src/domain/policy.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { weighRealtime } from "../../../src/plan/realtime.ts";
import { contender, demand, forecast } from "./plan-fixture.ts";

type Draft = {
  readonly p95?: number;
  readonly tps?: number;
  readonly success?: number;
  readonly price?: number;
  readonly group?: number;
};

const none: Weights = {
  cost: undefined,
  latency: undefined,
  throughput: undefined,
  reliability: undefined,
};

/** 256 tokens of output are expected. */
function weighed(drafts: readonly Draft[], weights = none): readonly Contender[] {
  const all = drafts.map(({ p95 = 1_000, tps = 256, success = 1, price = 1_000, group = 0 }) => {
    const base = forecast("a", { success });
    const prediction = { ...base.prediction, firstTokenP95Ms: p95, tokensPerSecond: tps };
    return contender("a", { price, group, forecast: { ...base, prediction } });
  });
  weighRealtime(all, 0, demand({ policy: { tier: "realtime", weights } }));
  return all;
}

describe("weighRealtime()", () => {
  test("takes the eighth power of the tail to the last token", () => {
    // 1 s and 1 s of output against 3 s and 1 s.
    const [best, twice] = weighed([{ p95: 1_000 }, { p95: 3_000 }]);
    expect(best?.weight).toBe(1);
    expect(twice?.ratio).toBe(2);
    expect(twice?.weight).toBeCloseTo(2 ** -8, 12);
  });

  test("counts slow generation and failures as a longer tail", () => {
    expect(weighed([{}, { tps: 128 }])[1]?.ratio).toBeCloseTo(1.5, 9);
    expect(weighed([{}, { success: 0.5 }])[1]?.ratio).toBeCloseTo(2, 9);
  });

  test("shares near-ties", () => {
    const [, near] = weighed([{ p95: 1_000 }, { p95: 1_020 }]);
    expect(near?.weight).toBeGreaterThan(0.9);
  });

  test("does not look at the price unless the caller does", () => {
    const drafts = [{ price: 1_000 }, { price: 2_000 }];
    expect(weighed(drafts)[1]?.weight).toBe(1);
    const [cheap, dear] = weighed(drafts, { ...none, cost: 1 });
    expect((dear?.weight ?? 0) / (cheap?.weight ?? 1)).toBeCloseTo(0.5, 9);
  });

  test("takes throughput and reliability as the caller names them", () => {
    const weights = { ...none, latency: 0, throughput: 1, reliability: 2 };
    const [whole, half] = weighed([{ tps: 100 }, { tps: 50, success: 0.5 }], weights);
    expect((half?.weight ?? 0) / (whole?.weight ?? 1)).toBeCloseTo(0.125, 9);
  });

  test("measures from the first group", () => {
    const [first, later] = weighed([{ p95: 3_000 }, { p95: 1_000, group: 1 }]);
    expect([first?.ratio, later?.ratio]).toEqual([1, 0.5]);
  });
});
