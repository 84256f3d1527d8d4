import type { Modality, Provenance, Quantization } from "./endpoint.ts";

/** What callers ask for. */
export type Model = {
  /** `openai/gpt-4o-mini` */
  readonly id: string;
  /** `OpenAI: GPT-4o-mini` */
  readonly displayName: string;
  readonly family: string;
  readonly aliases: readonly string[];
  /** Largest sum of input and output tokens the model was made for. */
  readonly contextLength: number;
  readonly maxOutputTokens: number;
  readonly inputModalities: readonly Modality[];
  readonly outputModalities: readonly Modality[];
  readonly openWeights: boolean;
  /** Format the weights were released in. */
  readonly nativeQuantization: Quantization;
  readonly supportsTools: boolean;
  readonly supportsStructuredOutput: boolean;
  readonly supportsReasoning: boolean;
  /** ISO 8601 day. */
  readonly releaseDate: string | undefined;
  readonly deprecationDate: string | undefined;
  /** Rank by usage, 1 is the most used; absent when unknown. */
  readonly popularityRank: number | undefined;
  readonly intelligence: Intelligence | undefined;
  readonly provenance: Provenance;
};

export type Benchmark = "mmlu-pro" | "code" | "math" | "gpqa-diamond";

export type BenchmarkScore = {
  readonly benchmark: Benchmark;
  /** 0 to 100. */
  readonly score: number;
  /** Suite behind the figure: `LiveCodeBench`. */
  readonly suite: string;
  readonly provenance: Provenance;
};

/** How able a model is, 0 to 100, to one decimal. */
export type Intelligence = {
  readonly score: number;
  /** `composite` is measured by public benchmarks; `estimated` has none and says what it was built from. */
  readonly kind: "composite" | "estimated";
  readonly benchmarks: readonly BenchmarkScore[];
  /** Terms of an estimate: `openai mini family base`, `top-16 by usage +1`. */
  readonly reasons: readonly string[];
};
