import type { Usage } from "../../domain/usage.ts";
import { countOf, isRecord } from "../json.ts";

type UsageFields = {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly total_tokens?: unknown;
  readonly prompt_tokens_details?: unknown;
  readonly completion_tokens_details?: unknown;
  /** DeepSeek. */
  readonly prompt_cache_hit_tokens?: unknown;
  readonly prompt_cache_miss_tokens?: unknown;
  /** Moonshot. */
  readonly cached_tokens?: unknown;
  /** SGLang. */
  readonly reasoning_tokens?: unknown;
};

type DetailFields = {
  readonly cached_tokens?: unknown;
  readonly cache_write_tokens?: unknown;
  readonly reasoning_tokens?: unknown;
};

const NONE: DetailFields = {};

/**
 * Disjoint classes from counts that contain each other: the prompt includes what the cache served and
 * what was written to it, the completion includes reasoning. A part larger than its whole is cut to it,
 * so that nothing is negative and the classes add up to the totals. `undefined` without any total.
 */
export function usageOf(value: unknown): Usage | undefined {
  if (!isRecord(value)) {
    return undefined;
  }
  // Every field stays unknown, so the casts claim nothing.
  const usage = value as UsageFields;
  const input = detailsOf(usage.prompt_tokens_details);
  const output = detailsOf(usage.completion_tokens_details);
  const prompt = promptTokensOf(usage);
  const completion = countOf(usage.completion_tokens);
  if (prompt === undefined && completion === undefined) {
    return undefined;
  }
  const cached =
    countOf(input.cached_tokens) ??
    countOf(usage.prompt_cache_hit_tokens) ??
    countOf(usage.cached_tokens) ??
    0;
  const reasoning = countOf(output.reasoning_tokens) ?? countOf(usage.reasoning_tokens) ?? 0;
  const total = countOf(usage.total_tokens);
  return {
    ...inputClasses(prompt ?? 0, cached, countOf(input.cache_write_tokens) ?? 0),
    ...outputClasses(completion ?? 0, reasoning, total === undefined ? 0 : total - (prompt ?? 0)),
    source: "provider",
  };
}

function promptTokensOf(usage: UsageFields): number | undefined {
  const told = countOf(usage.prompt_tokens);
  if (told !== undefined) {
    return told;
  }
  const hit = countOf(usage.prompt_cache_hit_tokens);
  const miss = countOf(usage.prompt_cache_miss_tokens);
  return hit === undefined && miss === undefined ? undefined : (hit ?? 0) + (miss ?? 0);
}

function inputClasses(prompt: number, cached: number, written: number) {
  const cacheRead = Math.min(cached, prompt);
  const cacheWrite = Math.min(written, prompt - cacheRead);
  return { freshInput: prompt - cacheRead - cacheWrite, cacheRead, cacheWrite };
}

/**
 * Some servers, xAI's among them, leave reasoning out of the completion. The total gives them away:
 * `outputTotal`, what it has beyond the prompt, is then exactly both together.
 */
function outputClasses(completion: number, reasoning: number, outputTotal: number) {
  if (reasoning > 0 && outputTotal === completion + reasoning) {
    return { visibleOutput: completion, reasoningOutput: reasoning };
  }
  const reasoningOutput = Math.min(reasoning, completion);
  return { visibleOutput: completion - reasoningOutput, reasoningOutput };
}

function detailsOf(value: unknown): DetailFields {
  return isRecord(value) ? value : NONE;
}
