import type { Usage } from "../../domain/usage.ts";
import { countOf, isRecord } from "../json.ts";

/** Counts as they stand. A report replaces those it repeats, the others stay. */
export type RunningUsage = {
  input: number;
  cacheRead: number;
  cacheWrite: number;
  output: number;
  thinking: number;
};

type UsageFields = {
  readonly input_tokens?: unknown;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly output_tokens_details?: unknown;
};

export function createRunningUsage(): RunningUsage {
  return { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, thinking: 0 };
}

/**
 * Takes one `usage` object; false when it holds no count. Counts are cumulative, and the input excludes
 * what the cache served and what was written to it, so the classes are disjoint as they come.
 */
export function takeUsage(running: RunningUsage, value: unknown): boolean {
  if (!isRecord(value)) {
    return false;
  }
  // Every field stays unknown, so the cast claims nothing.
  const usage = value as UsageFields;
  const details = isRecord(usage.output_tokens_details) ? usage.output_tokens_details : {};
  const output = countOf(usage.output_tokens);
  const input = countOf(usage.input_tokens);
  running.input = input ?? running.input;
  running.cacheRead = countOf(usage.cache_read_input_tokens) ?? running.cacheRead;
  running.cacheWrite = countOf(usage.cache_creation_input_tokens) ?? running.cacheWrite;
  running.output = output ?? running.output;
  running.thinking = countOf(details["thinking_tokens"]) ?? running.thinking;
  return input !== undefined || output !== undefined;
}

/** Thinking is part of the output; what exceeds it is cut. */
export function usageOf(running: RunningUsage): Usage {
  const reasoningOutput = Math.min(running.thinking, running.output);
  return {
    freshInput: running.input,
    cacheRead: running.cacheRead,
    cacheWrite: running.cacheWrite,
    visibleOutput: running.output - reasoningOutput,
    reasoningOutput,
    source: "provider",
  };
}
