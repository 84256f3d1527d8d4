import { NANO_PER_USD } from "../decode/usd.ts";
import type { Benchmark, BenchmarkScore, Intelligence } from "../domain/model.ts";
import {
  benchmarkWeights,
  CEILING_MARGIN,
  DEFAULT_CEILING,
  familyLines,
  popularityBands,
  priceTiers,
} from "./intelligence-tables.ts";

/** What an estimate is built from. */
export type EstimateEvidence = {
  /** A key of `familyLines`. */
  readonly line: string;
  /** A generation of that line. */
  readonly generation: string;
  /** Best rank by usage the model is known to have at least; absent when unknown. */
  readonly popularityRank: number | undefined;
  /** Lowest known input price in nano-USD per million tokens; absent when none is known. */
  readonly inputPerMtok: number | undefined;
};

/** Benchmarks are published to one decimal or two; thousandths add up without drift. */
const THOUSANDTHS = 1_000;

/**
 * Weighted mean of the benchmarks present, rounded half up to one decimal; absent without any.
 * Of two results for one benchmark the later counts.
 */
export function compositeOf(benchmarks: readonly BenchmarkScore[]): number | undefined {
  const byName = new Map<Benchmark, number>(
    benchmarks.map(({ benchmark, score }) => [benchmark, Math.round(score * THOUSANDTHS)]),
  );
  let sum = 0;
  let weights = 0;
  for (const [benchmark, thousandths] of byName) {
    sum += benchmarkWeights[benchmark] * thousandths;
    weights += benchmarkWeights[benchmark];
  }
  return weights === 0 ? undefined : Math.floor(sum / (weights * 100) + 0.5) / 10;
}

/** Measured, from benchmarks; absent without any. */
export function measuredIntelligence(
  benchmarks: readonly BenchmarkScore[],
): Intelligence | undefined {
  const score = compositeOf(benchmarks);
  return score === undefined ? undefined : { score, kind: "composite", benchmarks, reasons: [] };
}

/** Highest score an estimate may reach, from the composites of frontier models. */
export function estimateCeiling(frontierComposites: readonly number[]): number {
  return frontierComposites.length === 0
    ? DEFAULT_CEILING
    : Math.max(0, toTenth(Math.min(...frontierComposites) - CEILING_MARGIN));
}

/**
 * Estimated, to one decimal, with its terms in words; terms of nothing are left out. Absent for a line
 * or a generation that has no figures.
 */
export function estimatedIntelligence(
  evidence: EstimateEvidence,
  ceiling: number,
): Intelligence | undefined {
  const line = familyLines.get(evidence.line);
  const generation = line?.generations.get(evidence.generation);
  if (line === undefined || generation === undefined) {
    return undefined;
  }
  const band = popularityBands.find(({ top }) => (evidence.popularityRank ?? Infinity) <= top);
  const tier = priceTierOf(evidence.inputPerMtok);
  const sum = line.base + generation + (band?.increment ?? 0) + (tier?.increment ?? 0);
  const reasons = [
    `${evidence.line} family base`,
    ...term(`generation ${evidence.generation}`, generation),
    ...term(`top-${band?.top ?? ""} by usage`, band?.increment ?? 0),
    ...term(tier?.reason ?? "", tier?.increment ?? 0),
    ...(sum > ceiling ? [`capped at ${ceiling} below measured frontier models`] : []),
  ];
  const score = toTenth(Math.min(Math.max(sum, 0), ceiling, 100));
  return { score, kind: "estimated", benchmarks: [], reasons };
}

function priceTierOf(inputPerMtok: number | undefined) {
  return inputPerMtok === undefined
    ? undefined
    : priceTiers.find(({ fromUsd }) => inputPerMtok >= fromUsd * NANO_PER_USD);
}

function term(name: string, increment: number): readonly string[] {
  if (increment === 0) {
    return [];
  }
  return [`${name} ${increment > 0 ? "+" : "−"}${Math.abs(increment)}`];
}

function toTenth(score: number): number {
  return Math.round(score * 10) / 10;
}
