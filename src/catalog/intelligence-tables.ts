/**
 * The figures behind intelligence scores, all on one scale of 0 to 100.
 *
 * Benchmarks are combined by `benchmarkWeights`. Where a model has none, the score is estimated:
 * base of its line + increment of its generation + popularity + price tier, at most the ceiling. The
 * same tables serve open and closed weights.
 *
 * The bases are judgements, not measurements. The reference is GPT-4o-mini, which Atlas shows at 66.6
 * with one point for its popularity: 65.6 for the mini line of OpenAI at generation 4o. The others are
 * placed by what their owners and public comparisons say relative to it and to measured models.
 */

import type { Benchmark } from "../domain/model.ts";

/** Whole percent; those of absent components are shared out among the present ones. */
export const benchmarkWeights: Readonly<Record<Benchmark, number>> = {
  "mmlu-pro": 30,
  code: 25,
  math: 25,
  "gpqa-diamond": 20,
};

export type FamilyLine = {
  /** What a model of the line scores at the generation whose increment is 0. */
  readonly base: number;
  /** Added for a generation; ascending with time, so that a later one is never below an earlier one. */
  readonly generations: ReadonlyMap<string, number>;
};

/** Lines of models of about one size and one owner. The key is shown in the reasons of an estimate. */
export const familyLines: ReadonlyMap<string, FamilyLine> = new Map([
  line("openai mini", 65.6, [
    ["4o", 0],
    ["4.1", 4],
  ]),
  line("openai flagship", 70, [
    ["4o", 0],
    ["4.1", 4],
  ]),
  line("openai reasoning mini", 72, [
    ["o3", 0],
    ["o4", 5],
  ]),
  line("openai open weights", 74, [["oss", 0]]),
  line("anthropic haiku", 62, [
    ["3", 0],
    ["3.5", 4],
    ["4.5", 12],
  ]),
  line("anthropic sonnet", 70, [
    ["3.5", 0],
    ["3.7", 3],
    ["4", 6],
    ["4.5", 9],
  ]),
  line("anthropic opus", 76, [
    ["4", 0],
    ["4.1", 1],
    ["4.5", 5],
  ]),
  line("deepseek chat", 67, [
    ["3", 0],
    ["3.1", 6],
    ["3.2", 10],
    ["4", 13],
  ]),
  line("mistral medium", 66, [
    ["3", 0],
    ["3.1", 1],
  ]),
  line("qwen max", 68, [
    ["2.5", 0],
    ["3", 7],
  ]),
]);

/** Much use is weak evidence of quality: two points at most. Best first. */
export const popularityBands: readonly { readonly top: number; readonly increment: number }[] = [
  { top: 4, increment: 2 },
  { top: 16, increment: 1 },
  { top: 64, increment: 0.5 },
];

/**
 * Price hints at the size behind a closed name: two points at most. By the lowest known input price per
 * million tokens, dearest first; an unknown price adds nothing.
 */
export const priceTiers: readonly PriceTier[] = [
  { fromUsd: 10, increment: 2, reason: "input from $10 per 1M" },
  { fromUsd: 2, increment: 1, reason: "input from $2 per 1M" },
  { fromUsd: 0.1, increment: 0, reason: "" },
  { fromUsd: 0, increment: -1, reason: "input below $0.10 per 1M" },
];

export type PriceTier = {
  readonly fromUsd: number;
  readonly increment: number;
  /** Shown with the increment, unless that is 0. */
  readonly reason: string;
};

/** How far an estimate stays below the lowest measured frontier model. */
export const CEILING_MARGIN = 2;

/** Ceiling while no frontier model has been measured: below what the best measured ones have had. */
export const DEFAULT_CEILING = 75;

function line(
  name: string,
  base: number,
  generations: readonly (readonly [name: string, increment: number])[],
): readonly [string, FamilyLine] {
  return [name, { base, generations: new Map(generations) }];
}
