import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compositeOf,
  type EstimateEvidence,
  estimateCeiling,
  estimatedIntelligence,
  measuredIntelligence,
} from "../../../src/catalog/intelligence.ts";
import { benchmarkWeights, familyLines } from "../../../src/catalog/intelligence-tables.ts";
import type { Benchmark, BenchmarkScore } from "../../../src/domain/model.ts";

const names = Object.keys(benchmarkWeights) as Benchmark[];

function results(scores: Partial<Readonly<Record<Benchmark, number>>>): readonly BenchmarkScore[] {
  return names.flatMap((benchmark) => {
    const score = scores[benchmark];
    const provenance = { source: "test", date: "2026-11-01" };
    return score === undefined ? [] : [{ benchmark, score, suite: "s", provenance }];
  });
}

describe("compositeOf()", () => {
  test("gives Llama 4 Scout its 54.5", () => {
    const scores = { "mmlu-pro": 74.3, code: 32.8, math: 50.3, "gpqa-diamond": 57.2 };
    expect(compositeOf(results(scores))).toBe(54.5);
  });

  test.each([
    { scores: {}, composite: undefined },
    { scores: { code: 32.8 }, composite: 32.8 },
    { scores: { "mmlu-pro": 80, "gpqa-diamond": 40 }, composite: 64 },
    { scores: { code: 0, math: 100 }, composite: 50 },
    { scores: { code: 0 }, composite: 0 },
    { scores: { code: 54.55 }, composite: 54.6 },
    { scores: { code: 54.549 }, composite: 54.5 },
  ])("shares the weights of absent components out: $scores", ({ scores, composite }) => {
    expect(compositeOf(results(scores))).toBe(composite);
  });

  test("counts the later of two results for one benchmark", () => {
    expect(compositeOf([...results({ code: 10 }), ...results({ code: 30 })])).toBe(30);
  });

  test("lies between the lowest and the highest component", () => {
    const score = fc.integer({ min: 0, max: 1000 }).map((tenths) => tenths / 10);
    const some = fc.record(
      { "mmlu-pro": score, code: score, math: score, "gpqa-diamond": score },
      { requiredKeys: ["code"] },
    );
    fc.assert(
      fc.property(some, (scores) => {
        const composite = compositeOf(results(scores)) ?? Number.NaN;
        expect(composite).toBeGreaterThanOrEqual(Math.min(...Object.values(scores)));
        expect(composite).toBeLessThanOrEqual(Math.max(...Object.values(scores)));
      }),
      { seed: 5 },
    );
  });
});

describe("measuredIntelligence()", () => {
  test("is absent without benchmarks", () => {
    expect(measuredIntelligence([])).toBeUndefined();
  });

  test("shows the benchmarks it rests on", () => {
    const benchmarks = results({ code: 50 });
    expect(measuredIntelligence(benchmarks)).toEqual({
      score: 50,
      kind: "composite",
      benchmarks,
      reasons: [],
    });
  });
});

describe("estimateCeiling()", () => {
  test.each([
    { composites: [], ceiling: 75 },
    { composites: [81.9, 85], ceiling: 79.9 },
    { composites: [1], ceiling: 0 },
  ])("lies below the lowest of $composites", ({ composites, ceiling }) => {
    expect(estimateCeiling(composites)).toBe(ceiling);
  });
});

const evidence: EstimateEvidence = {
  line: "openai mini",
  generation: "4o",
  popularityRank: undefined,
  inputPerMtok: undefined,
};
const estimate = (changes: Partial<EstimateEvidence>, ceiling = 100) =>
  estimatedIntelligence({ ...evidence, ...changes }, ceiling);

describe("estimatedIntelligence()", () => {
  test("gives GPT-4o-mini its 66.6 with its reasons", () => {
    expect(estimate({ popularityRank: 16, inputPerMtok: 150_000_000 }, 79.9)).toEqual({
      score: 66.6,
      kind: "estimated",
      benchmarks: [],
      reasons: ["openai mini family base", "top-16 by usage +1"],
    });
  });

  test("names every term that counts", () => {
    expect(
      estimate({ generation: "4.1", popularityRank: 3, inputPerMtok: 12_000_000_000 })?.reasons,
    ).toEqual([
      "openai mini family base",
      "generation 4.1 +4",
      "top-4 by usage +2",
      "input from $10 per 1M +2",
    ]);
  });

  test.each([
    { inputPerMtok: 0, score: 64.6 },
    { inputPerMtok: 99_999_999, score: 64.6 },
    { inputPerMtok: 100_000_000, score: 65.6 },
    { inputPerMtok: 2_000_000_000, score: 66.6 },
    { inputPerMtok: 10_000_000_000, score: 67.6 },
    { inputPerMtok: undefined, score: 65.6 },
  ])("is $score at an input price of $inputPerMtok", ({ inputPerMtok, score }) => {
    expect(estimate({ inputPerMtok })?.score).toBe(score);
  });

  test("names a term that takes points away", () => {
    expect(estimate({ inputPerMtok: 1 })?.reasons).toContain("input below $0.10 per 1M −1");
  });

  test("names the ceiling when it is reached", () => {
    expect(estimate({}, 60)).toMatchObject({
      score: 60,
      reasons: ["openai mini family base", "capped at 60 below measured frontier models"],
    });
  });

  test("is absent for a line or a generation without figures", () => {
    expect(estimate({ line: "acme" })).toBeUndefined();
    expect(estimate({ generation: "0" })).toBeUndefined();
  });
});

describe("estimatedIntelligence() for any evidence", () => {
  const place = fc.constantFrom(
    ...[...familyLines].flatMap(([line, { generations }]) =>
      [...generations.keys()].map((generation) => ({ line, generation })),
    ),
  );
  const rank = fc.integer({ min: 1, max: 200 });
  const price = fc.integer({ min: 0, max: 20_000_000_000 });
  const ceilings = fc.integer({ min: 0, max: 1000 }).map((tenths) => tenths / 10);
  const scoreOf = (popularityRank: number, inputPerMtok: number, at: object, ceiling = 100) =>
    estimate({ ...at, popularityRank, inputPerMtok }, ceiling)?.score ?? Number.NaN;

  test("stays between 0 and the ceiling", () => {
    fc.assert(
      fc.property(place, rank, price, ceilings, (at, popularityRank, inputPerMtok, ceiling) => {
        const score = scoreOf(popularityRank, inputPerMtok, at, ceiling);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(ceiling);
      }),
      { seed: 6 },
    );
  });

  test("never falls with more use or a higher price", () => {
    const twice = fc.tuple(fc.tuple(rank, rank), fc.tuple(price, price));
    fc.assert(
      fc.property(place, twice, (at, [ranks, prices]) => {
        expect(scoreOf(Math.min(...ranks), Math.max(...prices), at)).toBeGreaterThanOrEqual(
          scoreOf(Math.max(...ranks), Math.min(...prices), at),
        );
      }),
      { seed: 7 },
    );
  });
});
